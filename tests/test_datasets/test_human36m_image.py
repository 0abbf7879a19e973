import pickle

import numpy as np
import pytest
from mmpose.datasets.datasets import Human36mDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets import Human36mImageDataset
from mmpose_ext.datasets.datasets.part_polarity import write_part_polarity
from mmpose_ext.skeletons import human36m18

CAMERA = {
    'f': np.array([[1000.0], [1100.0]]),
    'c': np.array([[500.0], [400.0]]),
    # Level, in a world with z up: the camera's y is the world's -z.
    'R': np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}
NAMES = [f'S1/S1_Eating_{video}.123_{frame:06d}.jpg' for video in (1, 2) for frame in range(5)]
NUM_PARTS = len(human36m18.PARTS)


def joints(count=10):
    """People 4 m away, with their pelvis at x 0.1 m and y 0.2 m: (count, 17, 4)."""
    points = np.random.default_rng(0).normal(0, 0.3, (count, 17, 4))
    points[:, 0] = 0
    points[..., :3] += (0.1, 0.2, 4.0)
    points[..., 3] = 1
    return points


def load(folder, points=None, names=NAMES, cameras=None, **options):
    points = joints(len(names)) if points is None else points
    arrays = {'imgname': names, 'S': points}
    np.savez(folder / 'h36m.npz', **{k: v for k, v in arrays.items() if v is not False})
    cameras = {('S1', '123'): CAMERA} if cameras is None else cameras
    (folder / 'cameras.pkl').write_bytes(pickle.dumps(cameras))
    return Human36mImageDataset(
        ann_file='h36m.npz',
        camera_param_file='cameras.pkl',
        data_root=str(folder),
        data_prefix={'img': 'images/'},
        **options,
    )


def mannequin_files(mannequins, split='train'):
    return {
        'ann_file': f'annotations/h36m_{split}.npz',
        'camera_param_file': 'annotations/cameras.pkl',
        'data_root': str(mannequins),
        'data_prefix': {'img': 'images/'},
    }


def test_known_numbers(tmp_path):
    points = joints()
    points[3, 5, :3] = (-0.9, 0.2, 4.5)
    sample = load(tmp_path, points)[3]
    # The pelvis is at 500 + 1000 * 0.1 / 4 and 400 + 1100 * 0.2 / 4; 2 m are 500 and 550 px, of
    # which the square box takes the greater.
    np.testing.assert_allclose(sample['keypoints'][0, 0], (525, 455, 0), rtol=1e-6)
    np.testing.assert_allclose(sample['bbox'], [(250, 180, 800, 730)], rtol=1e-6)
    assert sample['mm_per_px'] == pytest.approx(2000 / 550)
    np.testing.assert_allclose(
        sample['keypoints'][0, 5], (500 - 200, 400 + 220 / 4.5, 500), rtol=1e-5
    )
    np.testing.assert_allclose(
        sample['lifting_target'][0, 17], points[3, (11, 14), :3].mean(0), rtol=1e-6
    )
    assert sample['focal'].tolist() == [1000, 1100]
    assert sample['principal_pt'].tolist() == [500, 400]
    assert sample['gravity'].tolist() == [0, 1, 0]
    assert (sample['id'], sample['depth_valid']) == (3, 1.0)
    assert sample['img_path'] == f'{tmp_path}/images/{NAMES[3]}'
    assert sample['target_img_path'] == [NAMES[3]]
    assert sample['flip_indices'] == list(human36m18.FLIP_INDICES)
    assert 'part_polarity' not in sample


def test_shapes_and_types(tmp_path):
    dataset = load(tmp_path)
    assert len(dataset) == len(NAMES)
    sample = dataset[0]
    for name, shape in {
        'bbox': (1, 4),
        'bbox_score': (1,),
        'keypoints': (1, 18, 3),
        'keypoints_visible': (1, 18),
        'lifting_target': (1, 18, 3),
        'lifting_target_visible': (1, 18),
        'focal': (2,),
        'principal_pt': (2,),
        'gravity': (3,),
    }.items():
        assert sample[name].shape == shape, name
        assert sample[name].dtype == np.float32, name


def test_samples_are_copies(tmp_path):
    dataset = load(tmp_path)
    dataset[0]['keypoints'][:] = 0
    assert dataset[0]['keypoints'].any()


def test_box_size(tmp_path):
    sample = load(tmp_path, box_size=1000)[0]
    np.testing.assert_allclose(sample['bbox'], [(387.5, 317.5, 662.5, 592.5)], rtol=1e-6)
    assert sample['mm_per_px'] == pytest.approx(2000 / 550)


@pytest.mark.parametrize(('world_up', 'down'), [('x', (-1, 0, 0)), ('y', (0, 0, -1))])
def test_gravity_is_that_of_the_world(tmp_path, world_up, down):
    np.testing.assert_array_equal(load(tmp_path, world_up=world_up)[0]['gravity'], down)


def test_no_gravity_where_a_camera_does_not_tell_it(tmp_path):
    names = [NAMES[0], NAMES[1].replace('123', '124')]
    flat = {key: value for key, value in CAMERA.items() if key != 'R'}
    cameras = {('S1', '123'): CAMERA, ('S1', '124'): flat}
    assert ['gravity' in sample for sample in load(tmp_path, names=names, cameras=cameras)] == (
        [False, False]
    )


def test_mannequins_stand_on_the_ground(mannequins):
    """Their cameras tilt: down is along gravity, not along the image's columns."""
    dataset = Human36mImageDataset(**mannequin_files(mannequins), world_up='y')
    gravity = np.stack([sample['gravity'] for sample in dataset])
    np.testing.assert_allclose(np.linalg.norm(gravity, axis=1), 1, rtol=1e-5)
    assert (gravity[:, 1] > 0.5).all()
    assert np.unique(gravity.round(4), axis=0).shape[0] > 1


def test_joints_that_are_not_labelled(tmp_path):
    points = joints()
    points[0, 14] = (np.nan, np.inf, -1, 0)
    sample = load(tmp_path, points, weak_labels='polarity')[0]
    assert np.flatnonzero(sample['keypoints_visible'] == 0).tolist() == [14, 17]
    assert np.isfinite(sample['keypoints']).all()
    touched = [k for k, part in enumerate(human36m18.PARTS) if {14, 17} & set(part)]
    assert np.flatnonzero(sample['part_polarity'] == -2).tolist() == touched


def test_projection_is_that_of_the_renderer(mannequins):
    dataset = Human36mImageDataset(**mannequin_files(mannequins))
    with np.load(mannequins / 'annotations/h36m_train.npz') as data:
        part = data['part']
    assert len(dataset) == len(part) == 24
    for sample, row in zip(dataset, part, strict=True):
        np.testing.assert_allclose(sample['keypoints'][0, :17, :2], row[:, :2], atol=1e-3)
        # Up to arms that point at the camera the crop holds the whole person.
        inside = (row[:, :2] > sample['bbox'][0, :2]) & (row[:, :2] < sample['bbox'][0, 2:])
        assert inside.mean() > 0.9


def test_labels_are_those_of_the_stock_dataset(mannequins):
    ours = {sample['id']: sample for sample in Human36mImageDataset(**mannequin_files(mannequins))}
    stock = Human36mDataset(**mannequin_files(mannequins))
    assert len(stock) == len(ours)
    for sample in stock:
        row = sample['img_ids'][0]
        np.testing.assert_array_equal(ours[row]['lifting_target'][:, :17], sample['lifting_target'])
        assert ours[row]['target_img_path'] == list(sample['target_img_path'])


def test_flip_leaves_depth_with_its_joint(mannequins):
    config = {'type': 'Human36mImageDataset', **mannequin_files(mannequins, 'val')}
    plain, flipped = (
        DATASETS.build(
            {
                **config,
                'pipeline': [
                    {'type': 'StrictLoadImage'},
                    {'type': 'GetBBoxCenterScale', 'padding': 1.0},
                    {'type': 'RandomFlip', 'prob': prob},
                    {'type': 'TopdownAffine', 'input_size': (64, 64)},
                ],
            }
        )[2]
        for prob in (0.0, 1.0)
    )
    swapped = plain['transformed_keypoints'][:, list(human36m18.FLIP_INDICES)]
    np.testing.assert_array_equal(flipped['transformed_keypoints'][..., 2], swapped[..., 2])
    np.testing.assert_allclose(flipped['transformed_keypoints'][..., 1], swapped[..., 1], atol=1e-3)
    # The crop is centred at the pelvis, mirrored or not.
    for sample in (plain, flipped):
        np.testing.assert_allclose(sample['transformed_keypoints'][0, 0], (32, 32, 0), atol=1e-3)
    assert plain['img'].shape == (64, 64, 3)


@pytest.mark.parametrize(
    ('stride', 'rows'), [(1, range(10)), (2, (0, 2, 4, 5, 7, 9)), (64, (0, 5))]
)
def test_stride_counts_within_a_video(tmp_path, stride, rows):
    assert [sample['id'] for sample in load(tmp_path, frame_stride=stride)] == list(rows)


def test_stride_counts_where_videos_are_mixed(tmp_path):
    names = [NAMES[k] for k in (0, 5, 6, 1, 7, 2)]
    dataset = load(tmp_path, names=names, frame_stride=2)
    assert [sample['target_img_path'][0] for sample in dataset] == [NAMES[k] for k in (0, 5, 7, 2)]


def test_stride_keeps_labels_with_their_frames(tmp_path):
    codes = np.random.default_rng(1).integers(-2, 2, (10, NUM_PARTS))
    write_part_polarity(tmp_path / 'p.json', range(10), NAMES, codes)
    whole = load(tmp_path, polarity_file='p.json')
    for sample in load(tmp_path, polarity_file='p.json', frame_stride=3, indices=[3, 1]):
        row = sample['id']
        assert row in (3, 8)
        np.testing.assert_array_equal(sample['part_polarity'], codes[row, None])
        for name in ('bbox', 'keypoints', 'lifting_target', 'target_img_path'):
            np.testing.assert_array_equal(sample[name], whole[row][name])


def test_indices_and_workers(tmp_path):
    dataset = load(tmp_path, indices=[7, 2])
    assert [sample['id'] for sample in dataset] == [7, 2]
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[1]['keypoints'], dataset[1]['keypoints'])
    assert [sample['id'] for sample in load(tmp_path, indices=-3)] == [7, 8, 9]


@pytest.mark.parametrize('indices', [11, -11, [3, 10]])
def test_refuses_to_take_more_frames_than_there_are(tmp_path, indices):
    with pytest.raises(ValueError, match=r'indices ask for 11 frames of .*h36m\.npz, which has 10'):
        load(tmp_path, indices=indices)


def test_weak_labels_hide_depth(tmp_path):
    whole, flat = load(tmp_path)[4], load(tmp_path, weak_labels='2d')[4]
    np.testing.assert_array_equal(flat['keypoints'], whole['keypoints'][..., :2])
    np.testing.assert_array_equal(flat['lifting_target'], whole['lifting_target'])
    assert flat['depth_valid'] == 0
    assert 'part_polarity' not in flat


def test_weak_labels_show_polarity(tmp_path):
    points = joints()
    points[..., 2] = 4.0
    # Right knee 0.2 m nearer than its hip, ankle 0.09 m farther than that; left knee farther.
    points[6, (2, 3, 5, 6), 2] = (3.8, 3.89, 4.11, 4.11)
    dataset = load(tmp_path, points, weak_labels='polarity')
    sample = dataset[6]
    assert sample['keypoints'].shape == (1, 18, 2)
    assert sample['depth_valid'] == 0
    assert sample['part_polarity'].tolist() == [[0, 1, 0, 0, -1, 0, *[0] * 8]]
    assert sample['part_polarity'].dtype == np.int64
    turned = load(tmp_path, points, weak_labels='polarity', closer_is=-1, eps=50.0)[6]
    assert turned['part_polarity'].tolist() == [[0, -1, 1, 0, 1, 0, *[0] * 8]]
    assert [sample['polarity_closer_is'] for sample in (dataset[6], turned)] == [1, -1]


def test_polarity_by_share_of_the_bone(tmp_path):
    points = joints()
    points[..., :3] = (0.1, 0.2, 4.0)
    points[0, 2:4, :3] = (0.1, 0.5, 3.6)  # a bone of 0.5 m with 0.4 m of depth
    for eps, code in ((0.79, 1), (0.81, 0)):
        options = {'weak_labels': 'polarity', 'eps_mode': 'bone_ratio', 'eps': eps}
        assert load(tmp_path, points, **options)[0]['part_polarity'][0, 1] == code


@pytest.mark.parametrize('flip', [0.0, 1.0])
def test_polarity_is_what_the_codec_makes_of_depth(mannequins, flip):
    pipeline = [
        {'type': 'StrictLoadImage'},
        {'type': 'GetBBoxCenterScale', 'padding': 1.0},
        {'type': 'RandomFlip', 'prob': flip},
        {'type': 'TopdownAffine', 'input_size': (256, 256)},
        {'type': 'GenerateTarget', 'encoder': {'type': 'HEMletsLabel'}},
    ]
    config = {**mannequin_files(mannequins, 'val'), 'pipeline': pipeline}
    whole, weak = (
        DATASETS.build({'type': 'Human36mImageDataset', 'weak_labels': labels, **config})
        for labels in (None, 'polarity')
    )
    for one, other in zip(whole, weak, strict=True):
        np.testing.assert_array_equal(one['part_polarity'], other['part_polarity'])
        np.testing.assert_array_equal(one['hemlets'], other['hemlets'])
        assert other['keypoint_depth_weights'].sum() == 0
    assert {-1, 0, 1} <= set(np.unique([sample['part_polarity'] for sample in whole]))


@pytest.mark.parametrize('weak_labels', [None, 'polarity'])
def test_polarity_out_of_a_file(tmp_path, weak_labels):
    codes = np.random.default_rng(1).integers(-2, 2, (2, NUM_PARTS))
    write_part_polarity(tmp_path / 'p.json', [8, 3], [NAMES[8], NAMES[3]], codes)
    dataset = load(tmp_path, weak_labels=weak_labels, polarity_file='p.json')
    np.testing.assert_array_equal(dataset[8]['part_polarity'], codes[:1])
    np.testing.assert_array_equal(dataset[3]['part_polarity'], codes[1:])
    assert dataset[0]['part_polarity'].tolist() == [[-2] * NUM_PARTS]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weak_labels': '3d'}, "weak_labels should be one of .* got '3d'"),
        ({'weak_labels': '2d', 'polarity_file': 'p.json'}, "'2d' hides polarities"),
        ({'eps': -1.0}, 'eps should be finite and not negative, got -1'),
        ({'eps': float('nan')}, 'eps should be finite and not negative, got nan'),
        ({'eps_mode': 'cm'}, "eps_mode should be 'mm' or 'bone_ratio', got 'cm'"),
        ({'closer_is': 0}, 'closer_is should be 1 or -1, got 0'),
        ({'parts': [(0, 1), (1, 18)]}, r'part \(1, 18\) names unknown joints \[18\]'),
        ({'frame_stride': 0}, 'frame_stride should be an integer from 1, got 0'),
        ({'frame_stride': 1.5}, 'frame_stride should be an integer from 1, got 1.5'),
        ({'box_size': 0}, 'box_size should be positive, got 0 mm'),
        ({'world_up': 'up'}, "world_up should be 'x', 'y' or 'z', got 'up'"),
        ({'bbox_file': 'boxes.json'}, 'has no bbox_file'),
        ({'data_mode': 'bottomup'}, "data_mode should be 'topdown', got 'bottomup'"),
    ],
)
def test_refuses_bad_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, **options)


@pytest.mark.parametrize(
    ('joint', 'axis', 'value', 'message'),
    [
        (0, 3, 0, r'joint 0 \(pelvis\) is the root and must be labelled'),
        (0, 2, np.nan, r'joint 0 \(pelvis\) should be finite'),
        (6, 0, np.inf, r'joint 6 \(left_ankle\) should be finite'),
        (6, 2, 0, r'joint 6 \(left_ankle\) should lie in front of the camera'),
        (6, 2, 4000, r'joint 6 \(left_ankle\) should be in metres, not millimetres'),
        (6, 3, 0.5, r'joint 6 \(left_ankle\) should have visibility 0 or 1, got 0\.5'),
        (6, 3, np.nan, r'joint 6 \(left_ankle\) should have visibility 0 or 1, got nan'),
    ],
)
def test_refuses_a_broken_frame(tmp_path, joint, axis, value, message):
    points = joints()
    points[7, joint, axis] = value
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, points)
    assert f'h36m.npz: row 7 ({NAMES[7]}): S of ' in str(caught.value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'points': joints()[..., :2]},
            r'3D, .* of shape \(10, 17, 4\), got float64 \(10, 17, 2\)',
        ),
        ({'points': joints()[:9]}, r'got float64 \(9, 17, 4\)'),
        ({'points': joints()[:, :16]}, r'got float64 \(10, 16, 4\)'),
        ({'points': joints().astype(int)}, r'got int64 \(10, 17, 4\)'),
        ({'points': False}, r'h36m\.npz has no S'),
        ({'names': [], 'points': joints(0)}, r'imgname should be names of images \(N,\)'),
        ({'names': ['a.jpg', *NAMES[1:]]}, r"row 0 should read as .* got 'a\.jpg'"),
        ({'names': np.array(NAMES, dtype=object)}, 'is no npz file of plain arrays'),
    ],
)
def test_refuses_what_are_no_annotations(tmp_path, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, **options)
    assert 'h36m.npz' in str(caught.value)


@pytest.mark.parametrize('content', [b'', b'text', b'PK\x03\x04 cut'])
def test_refuses_what_is_no_npz(tmp_path, content):
    dataset = load(tmp_path, lazy_init=True)
    (tmp_path / 'h36m.npz').write_bytes(content)
    with pytest.raises(ValueError, match=r'h36m\.npz is no npz file of plain arrays'):
        dataset.full_init()


@pytest.mark.parametrize('name', ['h36m.npz', 'cameras.pkl'])
def test_refuses_a_missing_file(tmp_path, name):
    dataset = load(tmp_path, lazy_init=True)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'{tmp_path}/{name}'):
        dataset.full_init()


def test_refuses_a_missing_camera(tmp_path):
    with pytest.raises(ValueError, match='taken by camera 123 of subject S1, which') as caught:
        load(tmp_path, cameras={('S1', '124'): CAMERA, ('S2', '123'): CAMERA})
    assert f'h36m.npz: row 0 ({NAMES[0]})' in str(caught.value)
    assert 'among the 2 cameras of ' in str(caught.value)


def test_refuses_a_camera_without_focal_length(tmp_path):
    camera = {**CAMERA, 'f': np.array([1000.0, 0.0])}
    with pytest.raises(ValueError, match='focal length f should be positive') as caught:
        load(tmp_path, cameras={('S1', '123'): camera})
    assert f'row 0 ({NAMES[0]}): camera (' in str(caught.value)


@pytest.mark.parametrize('rotation', [np.eye(2), np.full((3, 3), np.nan)])
def test_refuses_a_camera_whose_rotation_is_none(tmp_path, rotation):
    with pytest.raises(ValueError, match='R of the camera should be a finite 3x3') as caught:
        load(tmp_path, cameras={('S1', '123'): {**CAMERA, 'R': rotation}})
    assert f'row 0 ({NAMES[0]}): camera (' in str(caught.value)
