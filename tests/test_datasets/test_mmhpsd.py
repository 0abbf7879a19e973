"""MMHPSDataset: which clips there are, what they start from, whose labels count."""

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS
from small_recordings import SIZE, write_recordings

from mmpose_ext.datasets import MMHPSDataset
from mmpose_ext.datasets.datasets.mmhpsd import mean_pose
from mmpose_ext.datasets.transforms.event_loading import rotmats

SHAPE_PIPELINE = [
    dict(type='SampleClipSteps'),
    dict(type='LoadEventFrames'),
    dict(type='LoadEventFlow'),
    dict(type='LoadClipPoses'),
    dict(type='PackEventInputs'),
]
FLOW_PIPELINE = [
    dict(type='SampleEventInterval'),
    dict(type='LoadEventFrames'),
    dict(type='LoadGrayFrames'),
    dict(type='LoadEventFlow', source='true'),
    dict(type='PackEventInputs'),
]


@pytest.fixture
def root(tmp_path):
    return tmp_path


def load(root, mode='shape', **options):
    options = {'num_steps': 2, **options}
    return MMHPSDataset(data_root=str(root), mode=mode, **options)


def test_shape_sample(root):
    written = write_recordings(root)['rec2']
    config = dict(type='MMHPSDataset', data_root=str(root), num_steps=2, pipeline=SHAPE_PIPELINE)
    dataset = DATASETS.build(config)
    # Four intervals fit thrice into 6 of them, five times into 8.
    assert len(dataset) == 3 + 3 + 5
    assert dataset.recording_numbers().tolist() == [0] * 3 + [1] * 3 + [2] * 5
    packed = dataset[9]  # frame 3 of the third recording
    inputs, sample = packed['inputs'], packed['data_samples']
    events = torch.from_numpy(written['events'][3:7].reshape(2, 8, SIZE, SIZE))
    assert torch.equal(inputs['events'], events)
    np.testing.assert_array_equal(inputs['flow'], written['flow'][[3, 5]])
    assert (sample.recording, sample.frame_ids, sample.id) == ('rec2', [3, 5, 7], 9)
    assert (sample.img_shape, sample.fps) == ((SIZE, SIZE), 15.0)
    assert (sample.subject, sample.action) == ('s0', 'walk')
    assert sample.focal.tolist() == [42.0, 42.0]
    assert sample.principal_pt.tolist() == [16.0, 15.0]
    labels = sample.gt_instances
    assert len(labels) == 2
    for name, values in {
        'transl': written['transl'][[5, 7]],
        'betas': written['betas'][[5, 7]],
        'joints_cam': written['joints'][[5, 7]],
        'keypoints': written['keypoints'][[5, 7]],
        'rotmats': rotmats(written['theta'][[5, 7]]),
        'has_smpl': np.ones(2),
        'has_joints': np.ones(2),
    }.items():
        assert labels[name].dtype == torch.float32
        np.testing.assert_allclose(labels[name], values, atol=1e-6)
    assert len(sample.start) == 1
    np.testing.assert_allclose(sample.start.rotmats, rotmats(written['theta'][3:4]), atol=1e-6)
    np.testing.assert_allclose(sample.start.transl, written['transl'][3:4], atol=1e-6)


def test_flow_sample(root):
    written = write_recordings(root, poses=False)['rec0']
    dataset = load(root, 'flow', pipeline=FLOW_PIPELINE, test_mode=True)
    assert len(dataset) == 5 + 5 + 7
    inputs, sample = dataset[1].values()
    np.testing.assert_array_equal(inputs['events'], written['events'][1:3].reshape(8, SIZE, SIZE))
    np.testing.assert_array_equal(inputs['gray'], written['gray'][[1, 3]])
    assert inputs['dt'].shape == ()
    assert inputs['dt'] == 1
    assert sample.frame_ids == [1, 3]
    fields = sample.gt_fields
    np.testing.assert_array_equal(fields.flow, written['flow'][1])
    np.testing.assert_array_equal(fields.body[0], written['body'][1])
    np.testing.assert_array_equal(fields.gray, written['gray'][[1, 3]])
    mask = written['events'][1:3].any((0, 1))
    np.testing.assert_array_equal(fields.event_mask[0], mask)


def test_batches_on_the_device(root):
    write_recordings(root)
    dataset = load(root, pipeline=SHAPE_PIPELINE)
    sampler = dict(type='RecordingSampler', shuffle=False)
    loader = dict(dataset=dataset, sampler=sampler, batch_size=2, num_workers=0)
    data = next(iter(Runner.build_dataloader(loader, seed=0)))
    assert [sample.frame_ids[0] for sample in data['data_samples']] == [0, 1]
    preprocessor = MODELS.build(dict(type='EventDataPreprocessor'))
    batch = preprocessor(data)
    assert batch['inputs']['events'].shape == (2, 2, 8, SIZE, SIZE)
    assert batch['inputs']['events'].dtype == torch.float32
    assert set(batch['inputs']['events'].unique().tolist()) == {0.0, 1.0}
    assert batch['inputs']['flow'].shape == (2, 2, 2, SIZE, SIZE)
    assert len(batch['data_samples'][0].gt_instances) == 2
    data['inputs']['events'][1] = data['inputs']['events'][1][:1]
    with pytest.raises(ValueError, match=r'events of a batch should have one shape, got \[\(1, 8'):
        preprocessor(data)


def test_clips_need_events_and_poses_in_a_row(root):
    write_recordings(root, lengths=(12,))
    path = root / 'annotations' / 'rec0.npz'
    arrays = dict(np.load(path))
    keep = np.arange(12) != 7  # frame 7 has no pose, interval 0 no events
    for name in ('frames', 'theta', 'betas', 'transl', 'joints', 'keypoints'):
        arrays[name] = arrays[name][keep]
    arrays.update({n: arrays[n][1:] for n in ('event_frames', 'event_counts')})
    np.savez(path, **arrays)
    dataset = load(root, num_steps=2)
    assert [dataset.get_data_info(k)['frame'] for k in range(len(dataset))] == [1, 2]
    assert len(load(root, num_steps=1)) == 4 + 2
    with pytest.raises(ValueError, match='no recording has 13 frames in a row'):
        load(root, num_steps=6)


@pytest.mark.parametrize(('stride', 'count'), [(1, 5), (2, 3), (4, 2)])
def test_clip_stride(root, stride, count):
    write_recordings(root, lengths=(9,))
    assert len(load(root, clip_stride=stride)) == count


def test_test_mode_needs_only_regular_steps(root):
    write_recordings(root, lengths=(9,))
    assert len(load(root, max_steps=4)) == 1
    assert len(load(root, max_steps=4, test_mode=True)) == 5


def test_mean_pose_stands_upright_before_the_camera():
    pose = mean_pose(np.array([0, 0, 3]))
    expected = np.tile(np.eye(3), (24, 1, 1))
    expected[0] = np.diag([1, -1, -1])
    np.testing.assert_allclose(rotmats(pose['theta'][None])[0], expected, atol=1e-6)


@pytest.mark.parametrize('source', ['gt', 'mean', 'none', 'vibe', 'hmr'])
def test_where_clips_start(root, source):
    written = write_recordings(root, lengths=(7,))['rec0']
    for name in ('hmr', 'vibe'):
        (root / f'{name}_results').mkdir()
        arrays = dict(frames=np.arange(1, 7), theta=np.full((6, 72), 0.1))
        arrays.update(betas=np.full((6, 10), 0.2), transl=np.full((6, 3), 3.0))
        if name == 'hmr':
            arrays['features'] = np.full((6, 2048), 0.5)
        np.savez(root / f'{name}_results' / 'rec0.npz', **arrays)
    dataset = load(root, init_source=source, mean_transl=(0, 0, 2.5), pipeline=SHAPE_PIPELINE)
    seen = source in ('hmr', 'vibe')
    assert len(dataset) == (2 if seen else 3)  # those networks have not seen frame 0
    sample = dataset[0]['data_samples']
    assert sample.frame_ids[0] == (1 if seen else 0)
    assert ('start' in sample) == (source != 'none')
    transl = {'gt': written['transl'][0], 'mean': (0, 0, 2.5), 'hmr': (3, 3, 3), 'vibe': (3, 3, 3)}
    if source != 'none':
        np.testing.assert_allclose(sample.start.transl[0], transl[source], atol=1e-6)
        assert ('features' in sample.start) == (source == 'hmr')
    if source == 'hmr':
        assert sample.start.features.shape == (1, 2048)


def test_share_of_labels(root):
    write_recordings(root, lengths=(5,) * 8)
    flags = {}
    for share in (0, 0.25, 0.5, 1):
        dataset = load(root, labelled=share, labelled_seed=1, pipeline=SHAPE_PIPELINE)
        samples = [dataset[k]['data_samples'] for k in range(8)]
        flags[share] = [bool(s.gt_instances.has_smpl.all()) for s in samples]
        assert flags[share] == [bool(s.gt_instances.has_joints.any()) for s in samples]
        assert sum(flags[share]) == round(8 * share)
        for flag, sample in zip(flags[share], samples, strict=True):
            assert bool(sample.gt_instances.transl.abs().sum()) == flag
            assert sample.start.transl.abs().sum() > 0
    assert all(more or not less for less, more in zip(flags[0.25], flags[0.5], strict=True))


def test_can_leave_the_unlabelled_out(root):
    write_recordings(root, lengths=(5,) * 8)
    options = dict(labelled=0.25, labelled_seed=1)
    whole, alone = load(root, **options), load(root, **options, keep_unlabelled=False)
    labelled = [k for k in range(8) if whole.get_data_info(k)['labelled']]
    assert alone.recording_numbers().tolist() == labelled
    assert len(labelled) == 2


def test_takes_a_subset(root):
    write_recordings(root)
    assert load(root, indices=[10]).recording_numbers().tolist() == [2]
    with pytest.raises(ValueError, match='indices ask for 12'):
        load(root, indices=12)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mode='both'), r"mode should be one of \('flow', 'shape'\), got 'both'"),
        (dict(init_source='spin'), "init_source should be one of .* got 'spin'"),
        (dict(num_steps=0), 'num_steps should be a whole number, 1 or more, got 0'),
        (dict(skip=1.5), r'skip should be a whole number, 1 or more, got 1\.5'),
        (dict(num_steps=4, max_steps=3), 'max_steps should be a whole number, 4 or more, got 3'),
        (dict(labelled=1.5), r'labelled should be a share from 0 to 1, got 1\.5'),
        (dict(mean_transl=(0, 1)), 'mean_transl should be three numbers'),
    ],
)
def test_refuses_bad_options(root, options, message):
    with pytest.raises(ValueError, match=message):
        load(root, **options)


def test_shape_mode_needs_poses(root):
    write_recordings(root, poses=False)
    with pytest.raises(ValueError, match=r'rec0\.npz has no poses'):
        load(root)


def test_joints_are_named_for_metrics_and_pictures(root):
    write_recordings(root)
    metainfo = load(root).metainfo
    assert metainfo['num_keypoints'] == 24
    assert metainfo['dataset_name'] == 'mmhpsd'
    assert [metainfo['flip_indices'][k] for k in (0, 1, 2, 22)] == [0, 2, 1, 23]
