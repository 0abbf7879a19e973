import json

import numpy as np
import pytest
import torch
from mmcv.transforms.utils import cache_random_params
from mmengine.dataset import Compose
from mmengine.runner import set_random_seed
from mmpose.models.losses import KeypointMSELoss
from mmpose.registry import TRANSFORMS

from mmpose_ext.codecs.functional.jigsaw import (
    image_from_input,
    inverse_permutation,
    jitter_patches,
    slot_centers,
    unshuffle_patches,
)
from mmpose_ext.datasets import HSJPShuffle

SIZE = (192, 256)
CODEC = dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(48, 64), sigma=2)


def crop(size=SIZE, **changes):
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    sample = dict(
        img=image,
        img_path='a.jpg',
        id=7,
        input_size=size,
        input_center=np.array([310, 205], np.float32),
        input_scale=np.array([150, 200], np.float32),
        # What TopdownAffine leaves where there are no keypoints.
        transformed_keypoints=np.zeros([]),
        keypoints_visible=np.ones((1, 1, 1)),
    )
    return {**sample, **changes}


def test_scrambles_and_tells_where_each_patch_is():
    sample = HSJPShuffle(seed=0)(crop())
    permutation = sample['hsjp_perm']
    assert permutation.dtype == np.int64
    np.testing.assert_array_equal(permutation, np.random.RandomState(7).permutation(12))
    np.testing.assert_array_equal(
        unshuffle_patches(sample['img'], permutation, (4, 3)), crop()['img']
    )
    assert sample['img'].dtype == np.uint8
    places = slot_centers((4, 3), SIZE)[inverse_permutation(permutation)]
    np.testing.assert_array_equal(sample['transformed_keypoints'], places[None])
    for name, shape in dict(transformed_keypoints=(1, 12, 2), keypoints=(1, 12, 2)).items():
        assert (sample[name].shape, sample[name].dtype) == (shape, np.float32)
    assert sample['keypoints_visible'].tolist() == [[1.0] * 12]
    assert sample['keypoints_visible'].dtype == np.float32


def test_keypoints_of_the_image_come_back_to_the_centres():
    sample = HSJPShuffle()(crop())
    center, scale = sample['input_center'], sample['input_scale']
    back = (sample['keypoints'] - center + 0.5 * scale) / scale * SIZE
    np.testing.assert_allclose(back, sample['transformed_keypoints'], atol=1e-4)


def test_unbiased_centres_are_half_a_pixel_less():
    plain, udp = (HSJPShuffle(use_udp=use_udp, seed=3)(crop()) for use_udp in (False, True))
    difference = plain['transformed_keypoints'] - udp['transformed_keypoints']
    assert (difference == 0.5).all()
    expected = image_from_input(
        udp['transformed_keypoints'], udp['input_center'], udp['input_scale'], SIZE, udp=True
    )
    np.testing.assert_allclose(udp['keypoints'], expected, rtol=1e-6)


@pytest.mark.parametrize('grid', [(2, 2), (8, 6), [16, 12]])
def test_other_grids(grid):
    sample = HSJPShuffle(grid=grid)(crop())
    assert sample['keypoints'].shape == (1, grid[0] * grid[1], 2)
    assert sorted(sample['hsjp_perm']) == list(range(grid[0] * grid[1]))


# Patches without content.


def flat_crop(value):
    """Patch 4 is of one colour but for a pixel that is ``value`` brighter."""
    sample = crop()
    sample['img'][64:128, 64:128] = 100, 0, 50
    sample['img'][64, 64, 1] = value
    return sample


@pytest.mark.parametrize(
    ('value', 'min_contrast', 'visible'),
    [(0, 0, 0), (1, 0, 1), (3, 3, 0), (4, 3, 1), (0, None, 1)],
)
def test_patches_without_contrast_are_invisible(value, min_contrast, visible):
    sample = HSJPShuffle(min_contrast=min_contrast)(flat_crop(value))
    assert sample['keypoints_visible'][0, 4] == visible
    assert np.delete(sample['keypoints_visible'][0], 4).all()


def test_patches_without_contrast_neither_count_nor_learn():
    pipeline = Compose([HSJPShuffle(seed=0), dict(type='GenerateTarget', encoder=CODEC)])
    target, clear = (
        pipeline({**sample, 'dataset_keypoint_weights': np.ones(12, np.float32)})
        for sample in (flat_crop(0), crop())
    )
    assert target['keypoint_weights'][0].tolist() == [*[1] * 4, 0, *[1] * 7]
    assert not target['heatmaps'][4].any()
    others = np.arange(12) != 4
    np.testing.assert_array_equal(target['heatmaps'][others], clear['heatmaps'][others])

    output = torch.rand(1, 12, 64, 48, requires_grad=True)
    loss = KeypointMSELoss(use_target_weight=True)
    labels = (torch.from_numpy(target[name]) for name in ('heatmaps', 'keypoint_weights'))
    heatmaps, weights = labels
    loss(output, heatmaps[None], weights).backward()
    assert not output.grad[0, 4].any()
    assert all(gradient.any() for gradient in output.grad[0, others])


# Chance.


def permutations_of(shuffle, ids):
    return [shuffle(crop(id=number))['hsjp_perm'].tolist() for number in ids]


def test_a_seed_shuffles_each_sample_always_alike():
    first = permutations_of(HSJPShuffle(seed=5), range(10))
    set_random_seed(1)
    assert permutations_of(HSJPShuffle(seed=5), [9, *range(9)]) == [first[9], *first[:9]]
    assert len({tuple(one) for one in first}) == 10
    assert permutations_of(HSJPShuffle(seed=6), range(10)) != first
    # Seeds and ids of any size: RandomState takes 32 bits.
    assert permutations_of(HSJPShuffle(seed=-1), [10**12, np.int64(0)])


@pytest.mark.parametrize('name', ['7', 7.0, np.array(7), np.int64(7), -(2**40) + 7])
def test_ids_are_whole_numbers_however_written(name):
    permutation = HSJPShuffle(seed=3)(crop(id=name))['hsjp_perm']
    expected = np.random.RandomState((3 + int(name)) % 2**32).permutation(12)
    np.testing.assert_array_equal(permutation, expected)


class Puzzles(torch.utils.data.Dataset):
    """Twelve crops, to be shuffled in other processes."""

    def __init__(self):
        self.shuffle = HSJPShuffle(seed=5)

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return self.shuffle(crop(id=index))['hsjp_perm']


def test_a_seed_shuffles_alike_in_every_epoch_worker_and_process():
    puzzles = Puzzles()
    expected = [puzzles[index].tolist() for index in range(12)]
    assert len(set(map(tuple, expected))) == 12
    for workers in (1, 2):
        loader = torch.utils.data.DataLoader(puzzles, batch_size=4, num_workers=workers)
        for _epoch in range(2):
            assert torch.cat(list(loader)).tolist() == expected


def test_contrast_counts_in_the_window_that_is_shown():
    image = np.zeros((256, 192, 3), np.uint8)
    image[0] = 255  # the first row of each upper patch, which few windows reach
    for seed in range(8):
        sample = HSJPShuffle(jitter=16, seed=seed)(crop(img=image.copy()))
        shown = unshuffle_patches(sample['img'], sample['hsjp_perm'], (4, 3))
        contrast = np.ptp(shown.reshape(4, 64, 3, 64, 3), axis=(1, 3, 4)).ravel()
        assert (sample['keypoints_visible'][0] == (contrast > 0)).all()


def test_a_seed_leaves_the_generator_of_numpy_alone():
    draws = []
    for is_used in (False, True):
        set_random_seed(0)
        if is_used:
            HSJPShuffle(seed=5, jitter=4)(crop())
        draws += permutations_of(HSJPShuffle(), [7])
    assert draws[0] == draws[1]


def test_without_a_seed_the_draws_differ_and_follow_numpys_generator():
    shuffle = HSJPShuffle()
    draws = []
    for _ in range(2):
        set_random_seed(3)
        draws.append(permutations_of(shuffle, [7, 7, 7]))
    assert draws[0] == draws[1]
    assert len({tuple(one) for one in draws[0]}) == 3


def test_no_id_is_needed_without_a_seed():
    sample = crop()
    del sample['id']
    assert HSJPShuffle()(sample)['hsjp_perm'].shape == (12,)


def test_draws_can_be_kept_for_several_pictures():
    shuffle = HSJPShuffle(jitter=3)
    with cache_random_params(shuffle):
        first, second = shuffle(crop()), shuffle(crop())
    np.testing.assert_array_equal(first['hsjp_perm'], second['hsjp_perm'])
    np.testing.assert_array_equal(first['img'], second['img'])


@pytest.mark.parametrize('kind', ['list', 'npy', 'json'])
def test_chooses_among_given_permutations(kind, tmp_path):
    allowed = [[3, 2, 1, 0], [1, 0, 3, 2]]
    given = allowed
    if kind == 'npy':
        np.save(tmp_path / 'p.npy', allowed)
    elif kind == 'json':
        (tmp_path / 'p.json').write_text(json.dumps(allowed))
    if kind != 'list':
        given = str(tmp_path / f'p.{kind}')
    shuffle = HSJPShuffle(grid=(2, 2), permutations=given, seed=0)
    drawn = permutations_of(shuffle, range(30))
    assert {tuple(one) for one in drawn} == {tuple(one) for one in allowed}
    assert 'permutations=2' in repr(shuffle)


@pytest.mark.parametrize('jitter', [1, 16])
def test_jitter_draws_windows(jitter):
    shuffle = HSJPShuffle(jitter=jitter, seed=0)
    sample = shuffle(crop())
    permutation, offsets = shuffle.draw(7)
    assert offsets.min() == 0
    assert offsets.max() <= jitter
    assert len(np.unique(offsets)) > 1
    expected = jitter_patches(crop()['img'], (4, 3), offsets, jitter)
    np.testing.assert_array_equal(unshuffle_patches(sample['img'], permutation, (4, 3)), expected)
    plain = HSJPShuffle(seed=0)(crop())
    np.testing.assert_array_equal(sample['hsjp_perm'], plain['hsjp_perm'])
    np.testing.assert_array_equal(sample['keypoints'], plain['keypoints'])


# Refusals.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(grid=(0, 3)), 'grid must be'),
        (dict(grid=(4,)), 'grid must be'),
        (dict(jitter=-1), 'jitter must be .* got -1'),
        (dict(jitter=1.5), 'jitter must be .* got 1.5'),
        (dict(min_contrast=-1), 'min_contrast must be'),
        (dict(min_contrast=float('nan')), 'min_contrast must be'),
        (dict(seed=0.5), 'seed must be'),
        (dict(permutations=[]), 'permutations must hold'),
        (dict(permutations=3), 'permutations must hold'),
        (dict(permutations=[[0, 1, 2]]), 'permutations, row 0: a permutation of 12'),
        (dict(permutations=[list(range(12)), [0] * 12]), 'permutations, row 1'),
        (dict(permutations=[list(range(12)), [0]]), 'permutations, row 1'),
        (dict(permutations='p.pkl'), 'must be a .npy or .json file, got p.pkl'),
        (dict(permutations='nowhere.npy'), 'nowhere.npy cannot be read'),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        HSJPShuffle(**options)


def test_files_of_permutations_run_no_code(tmp_path):
    path = tmp_path / 'p.npy'
    np.save(path, np.array([[0, None]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r'p\.npy is no file of permutations.*allow_pickle'):
        HSJPShuffle(permutations=str(path))


@pytest.mark.parametrize(
    ('options', 'changes', 'message'),
    [
        (dict(grid=(3, 3)), {}, r'192x256 px .* cannot be cut into 3 rows and 3 columns'),
        (dict(jitter=64), {}, 'jitter must be 0 to 63 px'),
        (dict(seed=0), dict(id=None), 'seed 0 needs a whole number id .* got None'),
        (dict(seed=0), dict(id='x'), 'seed 0 needs a whole number id'),
        ({}, dict(img=np.zeros((256, 193, 3), np.uint8)), r'192x256 px .* got an image of shape'),
        ({}, dict(img=np.zeros((256, 192), np.uint8)), 'one crop'),
        ({}, dict(img=[np.zeros((256, 192, 3), np.uint8)] * 2), 'one crop'),
    ],
)
def test_refuses_samples_by_name(options, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        HSJPShuffle(**options)(crop(**changes))
    assert 'a.jpg (id ' in str(caught.value)


def test_refuses_what_has_not_been_cropped():
    sample = crop()
    del sample['input_size'], sample['input_scale']
    with pytest.raises(ValueError, match=r'needs input_size, input_scale\. Put it behind Topdown'):
        HSJPShuffle()(sample)


# With MMPose's transforms.


def pipeline(flip, **options):
    return Compose(
        [
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', prob=flip),
            dict(type='RandomBBoxTransform'),
            dict(type='TopdownAffine', input_size=SIZE, use_udp=options.get('use_udp', False)),
            dict(type='HSJPShuffle', **options),
            dict(type='GenerateTarget', encoder=CODEC),
            dict(
                type='PackPoseInputs',
                meta_keys=('id', 'input_size', 'input_center', 'input_scale', 'hsjp_perm'),
            ),
        ]
    )


@pytest.mark.parametrize('flip', [0.0, 1.0])
def test_among_the_transforms_of_mmpose(flip):
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    box = np.array([[-40, 20, 120, 280]], dtype=np.float32)
    sample = dict(
        img=image,
        img_shape=(300, 400),
        id=3,
        bbox=box,
        bbox_score=np.ones(1, np.float32),
        flip_indices=list(range(12)),
        dataset_keypoint_weights=np.ones(12, np.float32),
    )
    packed = pipeline(flip, seed=0)(sample)
    assert packed['inputs'].shape == (3, 256, 192)
    instances = packed['data_samples'].gt_instances
    assert instances.keypoints.shape == (1, 12, 2)
    assert packed['data_samples'].gt_fields.heatmaps.shape == (12, 64, 48)
    weights = packed['data_samples'].gt_instance_labels.keypoint_weights
    np.testing.assert_array_equal(weights, instances.keypoints_visible)
    assert packed['data_samples'].hsjp_perm.shape == (12,)


def test_can_be_built_from_a_config():
    shuffle = TRANSFORMS.build(dict(type='HSJPShuffle', grid=[8, 6], jitter=2))
    assert repr(shuffle) == (
        'HSJPShuffle(grid=(8, 6), jitter=2, min_contrast=0, permutations=all, use_udp=False, '
        'seed=None)'
    )
