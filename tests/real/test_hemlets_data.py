"""Real people with 3D labels, 2D labels and both mixed, as HEMlets sees them."""

import numpy as np
import pytest
from mmpose.registry import DATASETS

H36M = {
    'type': 'Human36mImageDataset',
    'ann_file': 'test_h36m_body3d.npz',
    'camera_param_file': 'cameras.pkl',
    'pipeline': [{'type': 'GetBBoxCenterScale', 'padding': 1.0}],
}


def test_joints_lie_on_the_frames(real_data):
    """Pinhole labels beside Human3.6M's own 2D points, which know the distortion of the lens."""
    dataset = DATASETS.build({**H36M, 'data_root': str(real_data / 'h36m')})
    with np.load(real_data / 'h36m/test_h36m_body3d.npz') as data:
        part = data['part'][..., :2]
    keypoints = np.concatenate([sample['keypoints'][:, :17] for sample in dataset])
    distance = np.linalg.norm(keypoints[..., :2] - part, axis=-1)
    assert distance.shape == (4, 17)
    assert distance.mean() < 1.0
    assert distance.max() < 3.5
    for sample, points in zip(dataset, part, strict=True):
        box = sample['bbox'][0]
        assert ((points > box[:2]) & (points < box[2:])).all()
        assert 300 < box[2] - box[0] < 500
        assert np.linalg.norm(sample['lifting_target'][0, 2] - sample['lifting_target'][0, 1]) == (
            pytest.approx(0.44, abs=0.03)  # a thigh
        )


def test_all_kinds_of_people_in_one_dataset(real_data):
    h36m = {**H36M, 'data_root': str(real_data / 'h36m')}
    flat = {
        source: {
            'type': kind,
            'data_root': str(real_data / source),
            'ann_file': f'test_{source}.json',
            'pipeline': [
                {'type': 'Human36m18Converter', 'source': source},
                {'type': 'GetBBoxCenterScale', 'padding': 1.25},
            ],
        }
        for source, kind in (('mpii', 'MpiiPolarityDataset'), ('coco', 'CocoPolarityDataset'))
    }
    datasets = [h36m, {**h36m, 'weak_labels': 'polarity'}, flat['mpii'], flat['coco']]
    combined = DATASETS.build(
        {
            'type': 'Human36m18CombinedDataset',
            'datasets': datasets,
            'pipeline': [
                {'type': 'StrictLoadImage'},
                {'type': 'RandomFlip'},
                {'type': 'TopdownAffine', 'input_size': (256, 256)},
                {'type': 'GenerateTarget', 'encoder': {'type': 'HEMletsLabel'}},
                {'type': 'PackPoseInputs'},
            ],
        }
    )
    assert combined.lens == [4, 4, 5, 12]
    packed = [combined[index]['data_samples'] for index in range(len(combined))]
    labels = [data_sample.gt_instance_labels for data_sample in packed]
    for sums, per_kind in (
        ('keypoint_depth_weights', (18, 0, 0, 0)),
        ('part_weights', (14, 14, 0, 0)),
    ):
        found = [float(label[sums].sum()) for label in labels]
        expected = np.repeat(per_kind, combined.lens)
        np.testing.assert_array_equal(found, expected)
