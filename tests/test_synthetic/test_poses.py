import numpy as np
import pytest

from mmpose_ext.synthetic import build_body
from mmpose_ext.synthetic.activities import (
    ACTIVITIES,
    ACTIVITY_NAMES,
    ARMS,
    draw_pose,
    walking_angles,
)
from mmpose_ext.synthetic.motion import Motion, draw_motion
from mmpose_ext.synthetic.poses import (
    ANGLE,
    ANGLES,
    LIMITS,
    angles_to_pose,
    clip_to_limits,
    mirror_angles,
    pose_vector,
)
from mmpose_ext.synthetic.skeleton import JOINT, JOINT_NAMES, mirror_order
from mmpose_ext.synthetic.skinning import pose_body


def joints_of(**angles):
    """Joints by name of the mean body in a pose."""
    pose = angles_to_pose(pose_vector(**angles)[None])
    _, joints, _ = pose_body(build_body('coarse'), np.zeros((1, 10)), pose, np.zeros((1, 3)))
    return dict(zip(JOINT_NAMES, joints[0], strict=True))


@pytest.mark.parametrize('activity', ACTIVITY_NAMES)
def test_drawn_poses_keep_the_limits(activity):
    rng = np.random.default_rng(0)
    angles = np.stack([draw_pose(rng, activity).angles for _ in range(40)])
    assert (angles >= LIMITS[:, 0]).all()
    assert (angles <= LIMITS[:, 1]).all()
    assert angles.std(0).max() > 3, 'poses differ'


def test_hinges_are_hinges():
    """Knees and elbows bend one way only; what a forearm adds is a turn about itself."""
    rng = np.random.default_rng(1)
    pose = angles_to_pose(np.stack([draw_pose(rng).angles for _ in range(100)]))
    for side in ('left', 'right'):
        knee = pose[:, JOINT[f'{side}_knee']]
        np.testing.assert_allclose(knee[:, 1:], 0, atol=1e-12)
        assert (knee[:, 0] >= 0).all()
        assert (knee[:, 0] <= np.deg2rad(145) + 1e-9).all()


def test_key_poses_are_within_limits():
    for activity in ACTIVITIES:
        for key in activity.keys:
            pose_vector(**key)
    for angles, _ in ARMS.values():
        pose_vector(**{f'left_{name}': value for name, value in angles.items()})


@pytest.mark.parametrize(
    ('angles', 'joint', 'axis', 'sign'),
    [
        (dict(left_hip_flexion=60), 'left_knee', 2, 1),  # to the front
        (dict(left_hip_abduction=40), 'left_ankle', 0, 1),  # to the left
        (dict(right_hip_abduction=40), 'right_ankle', 0, -1),
        (dict(left_knee_flexion=90), 'left_ankle', 2, -1),  # backwards
        (dict(spine_flexion=60), 'head', 2, 1),
        (dict(spine_side=25), 'head', 0, 1),
        (dict(left_arm_elevation=80, left_arm_plane=90), 'left_wrist', 2, 1),
        (dict(right_arm_elevation=80, right_arm_plane=0), 'right_wrist', 0, -1),
        (dict(left_elbow_flexion=90, left_arm_rotation=0), 'left_wrist', 2, 1),
        (dict(right_elbow_flexion=90, right_arm_rotation=0), 'right_wrist', 2, 1),
    ],
)
def test_angles_move_joints_the_anatomical_way(angles, joint, axis, sign):
    change = joints_of(**angles)[joint] - joints_of()[joint]
    assert change[axis] * sign > 0.1


def test_arms_hang_when_elevation_is_small():
    joints = joints_of()
    for side in ('left', 'right'):
        assert joints[f'{side}_wrist'][1] < joints[f'{side}_elbow'][1] - 0.15
        assert joints[f'{side}_elbow'][1] < joints[f'{side}_shoulder'][1] - 0.2


def test_mirror():
    rng = np.random.default_rng(3)
    angles = np.stack([draw_pose(rng).angles for _ in range(8)])
    np.testing.assert_array_equal(mirror_angles(mirror_angles(angles)), angles)
    body = build_body('coarse')
    zeros = np.zeros((8, 10)), np.zeros((8, 3))
    one = pose_body(body, zeros[0], angles_to_pose(angles), zeros[1])[1]
    two = pose_body(body, zeros[0], angles_to_pose(mirror_angles(angles)), zeros[1])[1]
    np.testing.assert_allclose(two[:, mirror_order(JOINT_NAMES)] * (-1, 1, 1), one, atol=1e-9)


@pytest.mark.parametrize(
    ('angles', 'message'),
    [
        (dict(knee_flexion=-5), 'left_knee_flexion = -5 is beyond its limits 0 to 145'),
        (dict(tail=3), "unknown angle 'tail'"),
    ],
)
def test_pose_vector_refuses(angles, message):
    with pytest.raises(ValueError, match=message):
        pose_vector(**angles)


def test_angles_to_pose_refuses():
    with pytest.raises(ValueError, match=r'need angles \(B, 32\), got \(32,\)'):
        angles_to_pose(np.zeros(len(ANGLES)))


def test_draw_pose_refuses_unknown_activities():
    with pytest.raises(ValueError, match="unknown activity 'Flying'"):
        draw_pose(np.random.default_rng(0), 'Flying')


def test_walking_is_smooth_periodic_and_alternating():
    phase = np.linspace(0, 1, 401)
    angles = walking_angles(phase)
    np.testing.assert_allclose(angles[0], angles[-1], atol=1e-9)
    np.testing.assert_allclose(angles, clip_to_limits(angles))
    assert np.abs(np.diff(angles, axis=0)).max() < 4, 'no jumps'
    half = walking_angles(phase + 0.5)
    np.testing.assert_allclose(mirror_angles(half), angles, atol=1e-9)
    swing = angles[:, ANGLE['left_hip_flexion']]
    assert np.ptp(swing) > 40


def test_motion_is_smooth_and_stays_on_the_floor():
    body = build_body('coarse')
    for seed in range(4):
        motion = draw_motion(np.random.default_rng(seed), 2.0, np.zeros(10))
        times = np.linspace(0, 2, 121)
        angles = motion.angles(times)
        assert (angles >= LIMITS[:, 0] - 1e-9).all()
        assert (angles <= LIMITS[:, 1] + 1e-9).all()
        pose, transl = motion.parameters(times[::10], body)
        vertices, _, _ = pose_body(body, np.zeros((13, 10)), pose, transl)
        np.testing.assert_allclose(vertices[..., 1].min(1), 0, atol=1e-9)
        # The frame rate changes nothing.
        np.testing.assert_allclose(motion.angles(times[30:31])[0], angles[30], atol=1e-9)
        fine = motion.angles(np.linspace(0.5, 0.51, 3))
        assert np.abs(np.diff(fine, axis=0)).max() < 5


def test_motion_passes_its_key_poses():
    keys = np.stack([pose_vector(), pose_vector(knee_flexion=90)])
    motion = Motion(np.zeros(10), np.array([0.0, 1.0]), keys, np.zeros((2, 5)))
    np.testing.assert_allclose(motion.angles(np.array([0.0, 1.0])), keys)
    knee = motion.angles(np.linspace(-1, 2, 31))[:, ANGLE['left_knee_flexion']]
    assert (np.diff(knee) >= 0).all()
    assert (knee[0], knee[-1]) == (0, 90)


def test_motion_refuses():
    keys, root = np.stack([pose_vector()] * 2), np.zeros((2, 5))
    with pytest.raises(ValueError, match='rise'):
        Motion(np.zeros(10), np.array([1.0, 1.0]), keys, root)
    with pytest.raises(ValueError, match=r'need angles \(2, 32\)'):
        Motion(np.zeros(10), np.array([0.0, 1.0]), keys[:1], root)
    with pytest.raises(ValueError, match='longer than 0 s'):
        draw_motion(np.random.default_rng(0), 0.0, np.zeros(10))
