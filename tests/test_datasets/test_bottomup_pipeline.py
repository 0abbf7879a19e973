"""The whole way of a crowd's picture to its targets: peaks sit where the joints are seen."""

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmpose.registry import TRANSFORMS

SIDE, LEVELS = 128, (32, 64)


def pipeline(flip, flip_mode='level'):
    codec = dict(
        type='MultiResolutionAssociativeEmbedding',
        input_size=(SIDE, SIDE),
        heatmap_sizes=[(side, side) for side in LEVELS],
        flip_mode=flip_mode,
    )
    steps = [
        dict(type='HigherHRNetRandomAffine', input_size=(SIDE, SIDE)),
        dict(type='RandomFlip', prob=float(flip)),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='CrowdHeatmapMask'),
        dict(type='PackPoseInputs', meta_keys=('flip', 'input_size')),
    ]
    return Compose([TRANSFORMS.build(step) for step in steps])


def sample(num_people=2):
    """A blue and a green dot each, a left and a right joint; and a crowd in the lower half."""
    points = np.array([[[60, 50], [90, 62]], [[75, 80], [105, 95]]], np.float32)[:num_people]
    picture = np.full((150, 170, 3), 30, np.uint8)
    for x, y in points[:, 0].astype(int):
        picture[y - 1 : y + 2, x - 1 : x + 2, 0] = 255
    for x, y in points[:, 1].astype(int):
        picture[y - 1 : y + 2, x - 1 : x + 2, 1] = 255
    half = 75 * 170
    crowd = {'size': [150, 170], 'counts': [75] * 340}
    assert sum(crowd['counts']) == 2 * half
    return dict(
        img=picture,
        img_shape=(150, 170),
        ori_shape=(150, 170),
        keypoints=points,
        keypoints_visible=np.ones(points.shape[:2], np.float32),
        bbox=np.tile(np.array([[50, 40, 110, 100]], np.float32), (num_people, 1)),
        flip_indices=[1, 0],
        invalid_segs=[crowd],
    )


def dots(channel):
    """Centres of the dots of a channel, one a row, (x, y) in pixels."""
    left = np.clip(channel.astype(float) - 40, 0, None)
    centers = []
    while left.max() > 60:
        y, x = np.unravel_index(left.argmax(), left.shape)
        spot = slice(max(y - 6, 0), y + 7), slice(max(x - 6, 0), x + 7)
        rows, columns = np.indices(left.shape)
        weights = left[spot] / left[spot].sum()
        centers.append([(columns[spot] * weights).sum(), (rows[spot] * weights).sum()])
        left[spot] = 0
    return np.array(centers).reshape(-1, 2)


@pytest.mark.parametrize('flip', [False, True])
def test_peaks_sit_on_the_joints(flip):
    seen = 0
    for seed in range(6):
        np.random.seed(seed)  # noqa: NPY002  MMEngine seeds this one
        packed = pipeline(flip)(sample())
        picture, fields = packed['inputs'].numpy(), packed['data_samples'].gt_fields
        for joint in (0, 1):
            # In a mirrored picture the left joint is where the right one was drawn.
            centers = dots(picture[1 - joint if flip else joint])
            centers = centers[((centers > 8) & (centers < SIDE - 9)).all(1)]
            for maps in fields.heatmaps:
                stride = SIDE / maps.shape[1]
                y, x = np.nonzero(maps[joint].numpy() == 1)
                shift = np.array([1 - 1 / stride if flip else 0, 0])
                gaps = centers[:, None] / stride - shift - np.stack([x, y], -1)
                # The joint is in its pixel; its dot is found to some 0.3 px of the input.
                inside = ((gaps > -0.3 / stride) & (gaps < 1 + 0.3 / stride)).all(-1)
                assert inside.any(1).all()
                seen += len(centers)
    assert seen > 20


@pytest.mark.parametrize('flip', [False, True])
def test_crowds_are_masked_where_they_are_seen(flip):
    np.random.seed(1)  # noqa: NPY002
    crowd = sample()
    crowd['img'][:75], crowd['img'][75:] = 255, 0
    packed = pipeline(flip)(crowd)
    picture = packed['inputs'][0].numpy()
    for mask in packed['data_samples'].gt_fields.heatmap_mask:
        stride = SIDE // mask.shape[1]
        # A level's mirrored pixels are the last of each stride of the mirrored picture.
        first = picture[::stride, stride - 1 if flip else 0 :: stride]
        np.testing.assert_array_equal((mask[0].numpy() > 0), first > 127)


def test_a_picture_of_nobody():
    packed = pipeline(True)(sample(num_people=0))
    fields = packed['data_samples'].gt_fields
    assert all((maps == 0).all() for maps in fields.heatmaps)
    assert packed['data_samples'].gt_instance_labels.keypoint_indices.shape == (0, 2, 2)
