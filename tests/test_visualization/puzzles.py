"""Puzzles of mannequins, and a model that answers them as it is told."""

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs.functional.jigsaw import image_from_input, slot_centers

GRID, SIZE = (4, 3), (96, 128)
META_KEYS = ('id', 'img_path', 'input_size', 'input_center', 'input_scale', 'hsjp_perm')


def dataset_config(root, grid=GRID, meta_keys=META_KEYS, **shuffle):
    """Config of the mannequins to validate on, shuffled."""
    use_udp = shuffle.get('use_udp', False)
    return dict(
        type='HSJPCocoDataset',
        grid=grid,
        data_root=str(root),
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        min_bbox_size=8,
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='TopdownAffine', input_size=SIZE, use_udp=use_udp),
            dict(type='HSJPShuffle', grid=grid, **dict(seed=0) | shuffle),
            dict(type='PackPoseInputs', meta_keys=meta_keys),
        ],
    )


def dataset(root, **options):
    return DATASETS.build(dataset_config(root, **options))


class Oracle:
    """Finds each patch, but for those that it is told to miss: they are looked for elsewhere."""

    def __init__(self, missed=(), elsewhere=(1.0, 1.0)):
        self.answer = dict(missed=missed, elsewhere=elsewhere)

    def test_step(self, batch):
        return [answered(sample, **self.answer) for sample in batch['data_samples']]


def answered(sample, missed=(), elsewhere=(1.0, 1.0)):
    """A sample with its prediction; ``elsewhere`` is in pixels of the crop, here in slot 0."""
    points = np.array(sample.gt_instances.keypoints)
    points[:, list(missed)] = image_from_input(
        elsewhere, sample.input_center, sample.input_scale, sample.input_size
    )
    sample.pred_instances = InstanceData(
        keypoints=points, keypoint_scores=np.ones(points.shape[:2], np.float32)
    )
    return sample


def photo():
    """A photograph (h, w, 3), BGR, without plain patches."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    return cv2.resize(noise, (300, 200), interpolation=cv2.INTER_CUBIC)


def sample(missed=(), seed=0, use_udp=False):
    """An answered puzzle out of :func:`photo`."""
    permutation = np.random.default_rng(seed).permutation(12)
    center, scale = np.array((150.0, 100.0)), np.array((120.0, 160.0))
    points = slot_centers(GRID, SIZE, udp=use_udp)[np.argsort(permutation)]
    meta = dict(input_size=SIZE, input_center=center, input_scale=scale, hsjp_perm=permutation)
    made = PoseDataSample(metainfo=dict(img_path='photo.png', **meta))
    made.gt_instances = InstanceData(
        keypoints=image_from_input(points, center, scale, SIZE, use_udp)[None],
        keypoints_visible=np.ones((1, 12), np.float32),
    )
    return answered(made, missed)
