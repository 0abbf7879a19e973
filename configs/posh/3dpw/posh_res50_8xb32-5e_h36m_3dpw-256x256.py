# HEMlets PoSh trained on Human3.6M, tested on 3DPW: what the papers call cross-dataset. The npz is
# made by tools/dataset_converters/make_smpl_npz.py 3dpw.
_base_ = ['../h36m/posh_res50_8xb32-5e_h36m-256x256.py']

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SMPLImageDataset',
        data_root='data/3dpw/',
        ann_file='3dpw_test.npz',
        data_prefix=dict(img='imageFiles/'),
        test_mode=True,
        pipeline=_base_.val_pipeline))
# As in the papers the truth is the male or female body at the labelled parameters.
test_evaluator = dict(
    _delete_=True,
    type='SMPLMetric',
    body_model=_base_.body_model,
    truth='body',
    gendered_bodies=dict(
        male=dict(_base_.body_model, model_path='data/smpl/SMPL_MALE.pkl'),
        female=dict(_base_.body_model, model_path='data/smpl/SMPL_FEMALE.pkl')))
