import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import (
    GenerateTarget,
    GetBBoxCenterScale,
    PackPoseInputs,
    RandomFlip,
    TopdownAffine,
)
from mmpose.registry import KEYPOINT_CODECS
from scipy.spatial.transform import Rotation

from mmpose_ext.codecs import HEMletsLabel, PoShLabel
from mmpose_ext.codecs.posh_label import crop_rotation, transform_pose
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, mirror_smpl_pose
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.skeletons import human36m18 as h36m
from mmpose_ext.skeletons import smpl24
from mmpose_ext.synthetic.skeleton import JOINT_NAMES

SMALL = {'input_size': (64, 64), 'heatmap_size': (16, 16), 'depth_size': 16}
FLIP = list(h36m.FLIP_INDICES)
BBOX = np.array([[40.0, 30.0, 168.0, 158.0]], dtype=np.float32)
PX_PER_M = 64.0
OUTPUTS = ('smpl_pose', 'smpl_betas', 'has_smpl', 'joints_3d', 'joints_3d_weights', 'volume_span')
SHAPES = [(1, 24, 3, 3), (1, 10), (1,), (1, 18, 3), (1, 18), (1,)]


@pytest.fixture(scope='module')
def body():
    return SMPLBody('mannequin-coarse')


def joints_of(body, pose, betas):
    """Joints (18, 3) of rotation matrices (24, 3, 3)."""
    pose = torch.as_tensor(pose, dtype=torch.float32)[None]
    betas = torch.as_tensor(betas, dtype=torch.float32).reshape(1, 10)
    return body(pose[:, :1], pose[:, 1:], betas).joints[0].numpy()


def person(body, seed=0):
    """A sample, seen by a camera without perspective, so that its pixels are exact."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.3, (24, 3))
    vectors[0] = (Rotation.from_euler('yx', [0.7, np.pi + 0.3])).as_rotvec()
    betas = rng.normal(0, 1, (1, 10))
    joints = joints_of(body, Rotation.from_rotvec(vectors).as_matrix(), betas)
    joints += np.array([0.3, -0.2, 4], dtype=np.float32)
    relative = joints - joints[0]
    keypoints = np.concatenate(
        [relative[:, :2] * PX_PER_M + (110, 90), 1000 * relative[:, 2:]], axis=1
    )
    return {
        'img': np.zeros((200, 220, 3), np.uint8),
        'img_shape': (200, 220),
        'id': 7,
        'img_path': 'people/7.jpg',
        'bbox': BBOX.copy(),
        'bbox_score': np.ones(1, np.float32),
        'keypoints': keypoints[None].astype(np.float32),
        'keypoints_visible': np.ones((1, 18), np.float32),
        'flip_indices': FLIP,
        'lifting_target': joints[None].astype(np.float32),
        'lifting_target_visible': np.ones((1, 18), np.float32),
        'mm_per_px': 1000 / PX_PER_M,
        'depth_valid': 1.0,
        'smpl_pose': vectors[None].astype(np.float32),
        'smpl_betas': betas.astype(np.float32),
        'has_smpl': 1.0,
    }


def run(sample, direction=None, degrees=0.0, scale=1.0):
    """MMPose's pipeline, with the augmentation that was asked for."""
    if direction is not None:
        sample = RandomFlip(prob=1.0, direction=direction)(sample)
    sample = GetBBoxCenterScale(padding=1.0)(sample)
    # What RandomBBoxTransform writes.
    sample['bbox_rotation'] = np.array([degrees])
    sample['bbox_scale'] = sample['bbox_scale'] * scale
    sample = TopdownAffine(input_size=SMALL['input_size'])(sample)
    return GenerateTarget(encoder=dict(type='PoShLabel', **SMALL))(sample)


augmentations = pytest.mark.parametrize(
    ('direction', 'degrees', 'scale'),
    [
        (None, 0, 1),
        ('horizontal', 0, 1),
        ('vertical', 0, 1),
        (None, 30, 1),
        (None, -75, 1.2),
        ('horizontal', 30, 0.8),
        ('vertical', -40, 1),
    ],
)


@augmentations
def test_joints_follow_the_picture(body, direction, degrees, scale):
    """The joints' x and y are those of the transformed pixels, and so is the span."""
    encoded = run(person(body), direction, degrees, scale)
    points = encoded['transformed_keypoints'][0]
    pixels = PX_PER_M * 64 / 128 / scale
    joints = encoded['joints_3d'][0]
    np.testing.assert_allclose(joints[:, :2], (points[:, :2] - points[0, :2]) / pixels, atol=2e-5)
    np.testing.assert_allclose(1000 * joints[:, 2], points[:, 2] - points[0, 2], atol=1e-3)
    assert encoded['volume_span'] == pytest.approx(2.0 * scale)
    coords = encoded['keypoint_labels'][0]
    np.testing.assert_allclose((coords - coords[0]) * 2 * scale, joints, atol=2e-5)


@augmentations
def test_the_body_follows_the_joints(body, direction, degrees, scale):
    """The transformed parameters give the transformed joints."""
    encoded = run(person(body, seed=1), direction, degrees, scale)
    joints = joints_of(body, encoded['smpl_pose'][0], encoded['smpl_betas'])
    # The mannequin's two sides are the same but for rounding.
    np.testing.assert_allclose(joints - joints[0], encoded['joints_3d'][0], atol=2e-4)
    np.testing.assert_allclose(np.linalg.det(encoded['smpl_pose'][0]), 1, atol=1e-5)


def test_a_diagonal_flip_is_half_a_turn(body):
    """MMPose cannot flip keypoints with a depth along the diagonal, but others."""
    sample = person(body)
    arguments = {name: sample[name] for name in ('lifting_target', 'smpl_pose', 'smpl_betas')}
    points, codec = sample['keypoints'][..., :2] / 4, PoShLabel(**SMALL)
    flipped = codec.encode(points, flip=True, flip_direction='diagonal', **arguments)
    turned = codec.encode(points, bbox_rotation=np.array([180.0]), **arguments)
    for name in OUTPUTS:
        np.testing.assert_allclose(flipped[name], turned[name], atol=1e-6)


def test_mirrors_agree():
    pose = Rotation.random(24, random_state=3).as_matrix()
    ours = transform_pose(pose, np.array([-1.0, 1.0, 1.0]), 0.0)
    theirs = mirror_smpl_pose(torch.from_numpy(pose))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)


def test_axis_angles_are_those_of_the_body_model():
    vectors = np.random.default_rng(0).normal(0, 0.5, (1, 24, 3))
    codec = PoShLabel(**SMALL)
    points = np.full((1, 18, 2), 20.0)
    encoded = codec.encode(points, smpl_pose=vectors, smpl_betas=np.zeros((1, 10)))
    expected = axis_angle_to_matrix(torch.tensor(vectors)).numpy()
    np.testing.assert_allclose(encoded['smpl_pose'], expected, atol=1e-6)


def test_table_of_the_mirror():
    swap = {'left': 'right', 'right': 'left'}
    sides = [name.partition('_') for name in JOINT_NAMES]
    mirrored = [''.join([swap.get(side, side), *rest]) for side, *rest in sides]
    assert [JOINT_NAMES[i] for i in smpl24.FLIP_INDICES] == mirrored


def test_turning_a_crop_turns_the_person_the_other_way():
    # x right, y down: what was to the right is above.
    np.testing.assert_allclose(crop_rotation(90.0) @ (1, 0, 0), (0, -1, 0), atol=1e-12)


# Missing labels.


def test_shapes():
    encoded = PoShLabel(**SMALL).encode(np.full((1, 18, 2), 20.0))
    assert [encoded[name].shape for name in OUTPUTS] == SHAPES
    assert all(encoded[name].dtype == np.float32 for name in OUTPUTS)


@pytest.mark.parametrize('has_smpl', [None, 0.0, np.zeros(1)])
def test_without_smpl(body, has_smpl):
    sample = person(body)
    if has_smpl is None:
        del sample['smpl_pose'], sample['smpl_betas'], sample['has_smpl']
    else:
        sample['has_smpl'] = has_smpl
        sample['smpl_pose'][:] = np.nan
    encoded = run(sample)
    assert encoded['has_smpl'].tolist() == [0]
    assert not encoded['smpl_pose'].any()
    assert not encoded['smpl_betas'].any()
    assert encoded['joints_3d_weights'].all()


def test_weak_labels_keep_their_3d_joints_from_the_losses(body):
    """A dataset with weak_labels has lifting_target for its metric, and depth_valid=0."""
    sample = person(body)
    sample.update(depth_valid=0.0, has_smpl=0.0)
    encoded = run(sample)
    for name in ('joints_3d', 'joints_3d_weights', 'keypoint_depth_weights', 'has_smpl'):
        assert not encoded[name].any(), name


@pytest.mark.parametrize('flip', [None, 'horizontal'])
def test_unlabelled_joints(body, flip):
    sample = person(body)
    sample['lifting_target_visible'][0, 13] = 0
    sample['lifting_target'][0, 13] = np.nan
    encoded = run(sample, flip)
    missing = 16 if flip else 13
    assert np.flatnonzero(encoded['joints_3d_weights'] == 0).tolist() == [missing]
    assert not encoded['joints_3d'][0, missing].any()
    assert np.isfinite(encoded['joints_3d']).all()


def test_without_the_root_there_are_no_3d_joints(body):
    sample = person(body)
    sample['lifting_target_visible'][0, 0] = 0
    assert not run(sample)['joints_3d_weights'].any()


def test_labels_of_hemlets_are_the_same(body):
    sample = person(body)
    encoded = run(sample)
    codec = HEMletsLabel(**SMALL)
    plain = codec.encode(
        encoded['transformed_keypoints'],
        sample['keypoints_visible'],
        mm_per_px=sample['mm_per_px'],
        input_scale=encoded['input_scale'],
    )
    for name, values in plain.items():
        np.testing.assert_array_equal(encoded[name], values)


def test_number_of_betas():
    codec = PoShLabel(num_betas=4, **SMALL)
    betas = np.arange(10.0)[None]
    arguments = {'smpl_pose': np.zeros((1, 24, 3)), 'smpl_betas': betas}
    encoded = codec.encode(np.full((1, 18, 2), 20.0), **arguments)
    assert encoded['smpl_betas'].tolist() == [[0, 1, 2, 3]]
    with pytest.raises(ValueError, match='num_betas'):
        PoShLabel(num_betas=0)


def test_packs(body):
    packed = PackPoseInputs()(run(person(body), 'horizontal', 20))
    labels = packed['data_samples'].gt_instance_labels
    assert [tuple(labels.get(name).shape) for name in OUTPUTS] == SHAPES


# Refusals.


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('smpl_pose', np.zeros((1, 72)), r'smpl_pose of sample 7 \(people/7.jpg\).*\(1, 24, 3\)'),
        ('smpl_pose', np.full((1, 24, 3), np.nan), 'smpl_pose .*finite'),
        ('smpl_pose', None, 'smpl_pose .*None'),
        ('smpl_betas', np.zeros((1, 9)), r'smpl_betas .*\(1, 10\), got \(1, 9\)'),
        ('smpl_betas', np.zeros(10), r'smpl_betas .*\(1, 10\), got \(10,\)'),
        ('smpl_betas', np.full((1, 10), np.inf), 'smpl_betas .*finite'),
        ('has_smpl', np.nan, 'has_smpl'),
        ('has_smpl', -1, 'has_smpl'),
        ('lifting_target', np.zeros((1, 17, 3)), 'lifting_target .*18'),
        ('lifting_target', np.full((1, 18, 3), np.nan), 'lifting_target .*finite'),
        ('lifting_target_visible', np.ones((1, 17)), 'lifting_target_visible'),
    ],
)
def test_refuses_wrong_labels(body, field, value, message):
    sample = person(body)
    sample[field] = value
    with pytest.raises(ValueError, match=message):
        run(sample)


def test_refuses_crops_that_are_not_square():
    with pytest.raises(ValueError, match='square'):
        PoShLabel(input_size=(192, 256), heatmap_size=(48, 64))


def test_is_registered():
    assert isinstance(KEYPOINT_CODECS.build({'type': 'PoShLabel'}), HEMletsLabel)
