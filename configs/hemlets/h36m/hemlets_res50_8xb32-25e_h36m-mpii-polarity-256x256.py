# HEMlets Pose on Human3.6M and MPII, of whose parts the polarity is annotated. The authors'
# labels were never published: bring a file of your own, in the format of
# mmpose_ext/datasets/datasets/part_polarity.py.
_base_ = ['./hemlets_res50_8xb32-25e_h36m-mpii-256x256.py']

train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(pipeline=[_base_.h36m_crop], **_base_.h36m_train),
            dict(polarity_file='annotations/part_polarity_train.json', **_base_.mpii_train),
        ]))
