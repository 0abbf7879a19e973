"""The published sizes of test images."""

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import HigherHRNetResize
from mmpose_ext.datasets.transforms.bottomup_resize import higherhrnet_size


def resized(width, height, **options):
    picture = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    transform = TRANSFORMS.build(dict(type='HigherHRNetResize', **options))
    return picture, transform(dict(img=picture, ori_shape=(height, width)))


@pytest.mark.parametrize(
    ('picture', 'size', 'scale', 'center'),
    [
        ((640, 480), (704, 512), (660, 480), (320, 240)),
        ((640, 427), (768, 512), None, (320, 214)),
        ((333, 500), (512, 768), None, (167, 250)),
    ],
)
def test_known_sizes(picture, size, scale, center):
    _, results = resized(*picture)
    assert results['input_size'] == size
    assert results['img'].shape == (*size[::-1], 3)
    assert results['img_shape'] == size[::-1]
    assert tuple(results['input_center']) == center
    assert results['aug_scales'] is None
    shown = results['input_scale']
    np.testing.assert_allclose(shown[0] / shown[1], size[0] / size[1], rtol=1e-6)
    assert min(picture) in shown
    assert scale is None or tuple(shown) == scale


def test_known_sizes_of_several_scales():
    _, results = resized(640, 480, scales=(0.5, 1, 2))
    sizes = [image.shape[1::-1] for image in results['img']]
    assert sizes == [(768, 512), (384, 256), (1536, 1024)]
    assert results['aug_scales'] == [0.5, 2]
    assert results['input_size'] == (768, 512)
    assert tuple(results['input_scale']) == (720, 480)


def test_without_scale_1_the_first_is_the_base():
    _, results = resized(640, 480, input_size=128, scales=[2, 4])
    assert results['input_size'] == (384, 256)
    assert results['aug_scales'] == [4]
    _, single = resized(640, 480, input_size=128, scales=[2])
    assert single['input_size'] == (384, 256)
    assert single['aug_scales'] is None


@pytest.mark.parametrize('picture', [(640, 480), (333, 500), (77, 77), (1000, 31)])
def test_matrix_and_meta_information_agree(picture):
    original, results = resized(*picture, input_size=64, size_divisor=32)
    size, matrix = results['input_size'], results['warp_mat']
    points = np.random.default_rng(1).uniform(0, size, (20, 2))
    # MMPose's way back to the picture, which the head goes.
    shown, center = results['input_scale'], results['input_center']
    back = points / size * shown + center - 0.5 * shown
    again = cv2.transform(back[None], matrix)[0]
    np.testing.assert_allclose(again, points, atol=max(picture) * 1e-4)
    np.testing.assert_array_equal(results['img'], cv2.warpAffine(original, matrix, size))


def test_mmposes_transform_fills_in_the_same_keys():
    _, ours = resized(640, 480)
    stock = TRANSFORMS.build(
        dict(type='BottomupResize', input_size=(512, 512), resize_mode='expand', size_factor=64)
    )(dict(img=np.zeros((480, 640, 3), np.uint8), ori_shape=(480, 640)))
    for key in ('input_size', 'img_shape', 'input_center', 'input_scale'):
        np.testing.assert_allclose(ours[key], stock[key])


def test_input_size_as_a_pair():
    assert resized(640, 480, input_size=(256, 256))[1]['input_size'] == (384, 256)


def test_rounding_happens_at_the_smallest_scale():
    assert higherhrnet_size((640, 480), 512, 2.0, 0.5) == (1536, 1024)
    assert higherhrnet_size((640, 480), 512, 2.0, 1.0) == (1408, 1024)
    assert higherhrnet_size((64, 64), 100, size_divisor=32) == (128, 128)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'input_size': (512, 640)}, r'input_size .*\(512, 640\)'),
        ({'input_size': 0}, 'input_size .*0'),
        ({'input_size': ()}, r'input_size .*\(\)'),
        ({'scales': ()}, r'scales .*\[\]'),
        ({'scales': (1, -1)}, r'scales .*-1'),
        ({'scales': (1, 1.0)}, 'scales .*different'),
        ({'scales': (1, 1.3)}, r'scale 1\.3 .*half'),
        ({'size_divisor': 0}, 'size_divisor .*0'),
    ],
)
def test_refuses_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        HigherHRNetResize(**options)
