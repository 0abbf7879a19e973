# Human3.6M with SMPL's parameters, which are its users' to get (MoSh's are no longer given out;
# those that others fitted are). tools/dataset_converters/make_smpl_npz.py makes the two files.
_base_ = ['./hemlets_h36m.py']

train_dataloader = dict(
    dataset=dict(smpl_file='annotation_body3d/fps10/h36m_smpl_train.npz'))
val_dataloader = dict(
    dataset=dict(smpl_file='annotation_body3d/fps10/h36m_smpl_test.npz'))
test_dataloader = dict(
    dataset=dict(smpl_file='annotation_body3d/fps10/h36m_smpl_test.npz'))
