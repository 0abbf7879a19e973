# HEMlets PoSh: HEMlets Pose with ResNet-50, and behind it a shallow regressor of SMPL's parameters.
# The paper names the module and not its layers: those here are our choice, HMR's regressor behind
# three convolutions, with the loss weights that mmhuman3d has for HMR. See docs/posh.md.
_base_ = ['../../hemlets/_base_/hemlets_res50_256x256.py']

codec = dict(_base_.codec, type='PoShLabel')

# SMPL's files are yours to get: docs/posh.md. model_path='mannequin' does without.
body_model = dict(
    type='SMPLBody',
    model_path='data/smpl/SMPL_NEUTRAL.pkl',
    joint_regressor='data/smpl/J_regressor_h36m.npy',
    regressor_order='spin')

model = dict(
    head=dict(
        _delete_=True,
        type='PoShHead',
        pose_head=dict(_base_.model.head, decoder=codec),
        # pool: the map is averaged over 4x4 first, which keeps what the module adds to inference
        # below 10 %.
        regressor=dict(pool=4),
        body_model=body_model,
        loss=dict(type='PoShLoss'),
        decoder=codec))
