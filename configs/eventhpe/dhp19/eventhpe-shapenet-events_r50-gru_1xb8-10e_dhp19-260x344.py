# EventHPE's second stage on DHP19, which has 3D joints, and neither SMPL's parameters nor gray
# pictures: events alone, one constant-count frame a step, from the mean pose. How the authors
# evaluate on DHP19 is not public; all that is special here is ours.
_base_ = ['../_base_/shapenet.py']

data_mode = 'events'
data_root = 'data/dhp19/'
test_subjects = ['S13', 'S14', 'S15', 'S16', 'S17']

model = dict(
    flow_net=None,
    flow_source='none',
    flow_input=False,
    backbone=dict(in_channels=1),
    # The joints are all that says where the person is.
    head=dict(start='predicted', detach_transl=False, loss=dict(theta=0, tran=0, coherence=0)))

pipeline = [dict(type='PackEventInputs')]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='RecordingSampler', clips_per_recording=16),
    dataset=dict(type='DHP19Dataset', data_root=data_root, camera=3, pipeline=pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='RecordingSampler', shuffle=False),
    dataset=dict(
        type='DHP19Dataset',
        data_root=data_root,
        subjects=test_subjects,
        camera=3,
        test_mode=True,
        pipeline=pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='MeshPoseMetric')
test_evaluator = val_evaluator
