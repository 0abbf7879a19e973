"""What HEMlets' codec refuses, and how it says so."""

import math

import numpy as np
import pytest

from mmpose_ext.codecs import HEMletsLabel


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'input_size': (256, 0)}, r'input_size.*\(256, 0\)'),
        ({'heatmap_size': (64, 64, 64)}, 'heatmap_size'),
        ({'depth_size': 0}, 'depth_size'),
        ({'depth_bound': -1.0}, 'depth_bound'),
        ({'depth_bound': math.nan}, 'depth_bound'),
        ({'sigma': 0}, 'sigma'),
        ({'eps': -1}, 'eps'),
        ({'eps_mode': 'px'}, "eps_mode.*'px'"),
        ({'eps_mode': 'bone_ratio'}, 'eps must be below 1.*got 100'),
        ({'combine': 'mean'}, "combine.*'mean'"),
        ({'align': 'centre'}, "align.*'centre'"),
        ({'closer_is': 2}, 'closer_is.*2'),
        ({'root_index': 18}, 'root_index.*18'),
        ({'parts': [(0, 1), (1, 18)]}, r'part 1 is \(1, 18\).*0 to 17'),
        ({'parts': [(-1, 1)]}, r'part 0 is \(-1, 1\)'),
        ({'parts': [(3, 3)]}, r'part 0 is \(3, 3\)'),
        ({'parts': [(0, 1, 2)]}, 'parts must be pairs'),
        ({'parts': []}, 'parts must be pairs'),
        ({'parts': [(0, 1)]}, r'mirror images \[\(0, 4\)\]'),
        ({'part_flip': [0] * 14}, 'part_flip'),
    ],
)
def test_constructor_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        HEMletsLabel(**options)


SAMPLE = {'id': 12, 'img_path': 'S9_Walking.jpg'}


@pytest.mark.parametrize(
    ('keypoints', 'visible', 'kwargs', 'message'),
    [
        (np.zeros((1, 17, 3)), None, {}, r'keypoints of .*\(1, 17, 3\)'),
        (np.zeros((18, 3)), None, {}, r'keypoints of .*\(18, 3\)'),
        (np.zeros((2, 18, 3)), None, {}, r'keypoints of .*\(2, 18, 3\)'),
        (np.zeros((1, 18, 4)), None, {}, r'keypoints of .*\(1, 18, 4\)'),
        (np.zeros((1, 18, 3)), np.ones((1, 17)), {}, r'keypoints_visible of .*\(1, 17\)'),
        (np.zeros((1, 18, 2)), None, {'depth_valid': 1.0}, 'depth_valid.*D=2'),
        (np.zeros((1, 18, 3)), np.eye(18)[3:4], {}, 'no root joint.*keypoints_visible'),
        (np.zeros((1, 18, 2)), None, {'part_polarity': np.full((1, 14), 2)}, 'part_polarity of'),
        (np.zeros((1, 18, 2)), None, {'part_polarity': np.full((1, 14), -3)}, 'part_polarity of'),
        (np.zeros((1, 18, 2)), None, {'part_polarity': np.zeros((1, 13))}, 'part_polarity of'),
        (np.zeros((1, 18, 2)), None, {'part_polarity': np.full((1, 14), 0.5)}, 'part_polarity of'),
        (np.where(np.eye(18)[5][None, :, None] > 0, np.nan, np.zeros(3)), None, {}, r'NaN.*\[5\]'),
        (np.zeros((1, 18, 2)), np.full((1, 18), np.inf), {}, 'keypoints_visible of .*infinite'),
    ],
)
def test_encode_names_the_sample_and_the_field(keypoints, visible, kwargs, message):
    with pytest.raises(ValueError, match=message) as error:
        HEMletsLabel().encode(keypoints, visible, **kwargs, **SAMPLE)
    assert 'sample 12 (S9_Walking.jpg)' in str(error.value)


@pytest.mark.parametrize('field', ['mm_per_px', 'input_scale'])
@pytest.mark.parametrize('value', [0, -4.0, math.nan, math.inf])
def test_encode_refuses_an_impossible_scale(field, value):
    scale = {'mm_per_px': 4.0, 'input_scale': np.array([500.0, 500.0])}
    scale[field] = value if field == 'mm_per_px' else np.array([500.0, value])
    with pytest.raises(ValueError, match=rf'{field} of sample 12 \(S9_Walking.jpg\).*{value}'):
        HEMletsLabel().encode(np.zeros((1, 18, 3)), **scale, **SAMPLE)


@pytest.mark.parametrize('scale', [[], [500.0], [500.0] * 3])
def test_encode_refuses_a_scale_of_a_wrong_length(scale):
    with pytest.raises(ValueError, match=r'input_scale of sample 12.*2 finite'):
        HEMletsLabel().encode(np.zeros((1, 18, 3)), mm_per_px=4.0, input_scale=scale, **SAMPLE)


def joints_with_nan():
    joints = np.zeros((1, 18, 3))
    joints[0, 5, 1] = np.nan
    return joints


@pytest.mark.parametrize(
    ('lifting_target', 'message'),
    [
        (None, 'sample 12 .*lacks lifting_target'),
        (np.zeros((1, 17, 3)), r'lifting_target of sample 12 .*\(1, 17, 3\)'),
        (np.zeros((1, 18, 2)), r'lifting_target of sample 12 .*\(1, 18, 2\)'),
        (np.zeros((2, 18, 3)), r'lifting_target of sample 12 .*\(2, 18, 3\)'),
        (joints_with_nan(), r'lifting_target of sample 12 .*finite.*\[5\]'),
    ],
)
def test_bone_ratio_needs_the_joints_in_camera_space(lifting_target, message):
    codec = HEMletsLabel(eps_mode='bone_ratio', eps=0.25)
    with pytest.raises(ValueError, match=message):
        codec.encode(np.zeros((1, 18, 3)), lifting_target=lifting_target, **SAMPLE)


@pytest.mark.parametrize('shape', [(18,), (18, 2), (1, 1, 18, 3)])
def test_decode_refuses_wrong_shapes(shape):
    with pytest.raises(ValueError, match='coordinates must be'):
        HEMletsLabel().decode(np.zeros(shape))
