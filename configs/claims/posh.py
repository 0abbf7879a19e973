# Run by tools/benchmark/claims.py; see its --help.
title = "SMPL's parameters from HEMlets"
claim = ('A shallow module behind HEMlets Pose, which sees its features and its joints, gives a body '
         "better than the image's features alone or the joints alone (published: state of the art "
         'on existing benchmarks; what the module is made of is not).')
source = 'HEMlets PoSh, TPAMI 2021'

data = dict(kind='single', easy=True, num_train=4000, num_val=400, size=96, seed=12)
metrics = ['smpl/PVE', 'smpl/MPJPE', 'smpl/PA-MPJPE', 'smpl/betas']
digits = 1
seeds = [0, 1, 2]

_all = {'train_dataloader.dataset.indices': 4000}
# The HEMlets net that all arms of a seed stand on, with 3D joints of all people.
pretrainings = {
    'HEMlets': dict(
        config='configs/hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py',
        options=_all),
}
pretraining_metrics = ['MPJPE', 'PA-MPJPE']
# The init_cfg that reads a pretraining's weights, and the file.
start = {
    'model.backbone.init_cfg': 'iter_1800.pth',
    'model.head.pose_head.init_cfg': 'iter_1800.pth',
}

_posh = dict(
    config='configs/posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py',
    pretraining='HEMlets')
_features = {'model.head.feature_source': 'backbone', 'model.head.use_joints': False, **_all}
_joints = {'model.head.feature_source': None, **_all}

settings = {
    'frozen HEMlets net': {
        'backbone features': dict(**_posh, options=_features),
        'joints': dict(**_posh, options=_joints),
        'PoSh': dict(**_posh, options=_all),
    },
}
# The first arm is what the others are compared with.
baseline = 'backbone features'

quick = dict(
    seeds=[0],
    data=dict(num_train=40, num_val=16),
    overrides={'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2,
               'default_hooks.checkpoint.interval': 2,
               'train_dataloader.dataset.indices': 40},
    start={key: 'iter_2.pth' for key in start},
    settings=['frozen HEMlets net'])
