# An ablation of ours: only the people on whom keypoints are labelled, who are seen best. The
# labels themselves are not looked at.
_base_ = ['./hsjp_res50_8xb64-210e_coco-256x192.py']

train_dataloader = dict(dataset=dict(labelled_only=True))
