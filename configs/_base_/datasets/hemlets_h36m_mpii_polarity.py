# As hemlets_h36m_mpii.py, with the polarity of each part of the people of MPII. The authors'
# labels were never published: bring a file of your own, in the format of
# mmpose_ext/datasets/datasets/part_polarity.py.
_base_ = ['./hemlets_h36m_mpii.py']

train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(pipeline=[_base_.h36m_crop], **_base_.h36m_train),
            dict(polarity_file='annotations/part_polarity_train.json', **_base_.mpii_train),
        ]))
