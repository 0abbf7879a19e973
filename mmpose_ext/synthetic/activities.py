"""What mannequins do: key poses, a walking cycle, and draws around them.

A pose is drawn as legs, trunk and two arms, each from a few key poses with a spread, so
that few key poses give many bodies. Key poses are ours, tuned by eye.
"""

from dataclasses import dataclass, field

import numpy as np

from mmpose_ext.synthetic.poses import ANGLE, ANGLES, clip_to_limits, mirror_angles, pose_vector


@dataclass(frozen=True)
class Activity:
    """What legs and trunk do, and which arms go with it.

    Attributes:
        name (str): Name, as it appears in file names: letters only.
        share (float): How often it is drawn, against the other activities.
        keys (tuple): Key poses, angles in degrees by name.
        pitch (tuple): Lowest and highest lean of the whole body in degrees, forward positive.
        roll (tuple): The same for leaning to the person's left.
        support (str): ``'feet'``, ``'seat'`` (sits on something), ``'ground'`` (any part
            may touch it) or ``'air'``.
        arms (tuple): Names of arm poses that go with it.
        spread (float): Standard deviation of the angles in degrees.
    """

    name: str
    share: float
    keys: tuple[dict[str, float], ...]
    pitch: tuple[float, float] = (-3.0, 3.0)
    roll: tuple[float, float] = (-3.0, 3.0)
    support: str = 'feet'
    arms: tuple[str, ...] = ('hang', 'hang', 'hip', 'bent', 'front', 'up', 'side', 'face')
    spread: float = 4.0


ARMS: dict[str, tuple[dict[str, float], float]] = {
    # Angles of the left arm, and their spread in degrees.
    'hang': (dict(arm_elevation=11, arm_plane=10, arm_rotation=15, elbow_flexion=14), 6),
    'bent': (dict(arm_elevation=18, arm_plane=30, arm_rotation=25, elbow_flexion=80), 12),
    'hip': (
        dict(
            arm_elevation=44,
            arm_plane=-22,
            arm_rotation=58,
            elbow_flexion=98,
            wrist_flexion=-10,
        ),
        4,
    ),
    'front': (dict(arm_elevation=72, arm_plane=82, arm_rotation=5, elbow_flexion=25), 14),
    'side': (dict(arm_elevation=78, arm_plane=12, arm_rotation=-15, elbow_flexion=20), 14),
    'up': (dict(arm_elevation=148, arm_plane=45, arm_rotation=-15, elbow_flexion=24), 14),
    'wave': (dict(arm_elevation=88, arm_plane=8, arm_rotation=-68, elbow_flexion=100), 10),
    'face': (dict(arm_elevation=58, arm_plane=62, arm_rotation=15, elbow_flexion=130), 8),
    'crossed': (dict(arm_elevation=32, arm_plane=58, arm_rotation=55, elbow_flexion=100), 4),
    'lap': (dict(arm_elevation=26, arm_plane=55, arm_rotation=20, elbow_flexion=58), 8),
    'behind': (dict(arm_elevation=30, arm_plane=-45, arm_rotation=10, elbow_flexion=12), 6),
    'overhead': (dict(arm_elevation=158, arm_plane=30, arm_rotation=0, elbow_flexion=70), 10),
}

ACTIVITIES = (
    Activity(
        'Standing',
        3.0,
        (
            dict(),
            dict(hip_abduction=9),
            dict(left_hip_flexion=14, left_knee_flexion=24, left_hip_abduction=8),
            dict(left_hip_flexion=16, right_hip_flexion=-6, left_knee_flexion=8),
        ),
    ),
    Activity('Posing', 0.8, (dict(), dict(hip_abduction=14)), arms=('crossed', 'hip', 'overhead')),
    Activity(
        'Waving', 0.8, (dict(), dict(hip_abduction=6)), arms=('wave', 'hang', 'up', 'side', 'hip')
    ),
    Activity('Walking', 2.4, (dict(),), pitch=(0.0, 6.0), arms=('swing',), spread=3.0),
    Activity(
        'Running',
        0.9,
        (
            dict(
                left_hip_flexion=68,
                left_knee_flexion=90,
                right_hip_flexion=-18,
                right_knee_flexion=18,
                right_ankle_flexion=-20,
            ),
            dict(
                left_hip_flexion=42,
                left_knee_flexion=28,
                right_hip_flexion=-12,
                right_knee_flexion=92,
            ),
        ),
        pitch=(6.0, 16.0),
        support='air',
        arms=('run',),
        spread=6.0,
    ),
    Activity(
        'Sitting',
        2.4,
        (
            dict(hip_flexion=84, knee_flexion=82, hip_abduction=8),
            dict(hip_flexion=80, knee_flexion=62, ankle_flexion=-15, hip_abduction=10),
            dict(
                hip_flexion=86,
                left_knee_flexion=88,
                right_knee_flexion=60,
                hip_abduction=14,
            ),
            dict(hip_flexion=88, knee_flexion=100, spine_flexion=28, hip_abduction=16),
        ),
        pitch=(-12.0, 6.0),
        support='seat',
        arms=('lap', 'lap', 'bent', 'face', 'front', 'crossed', 'up'),
    ),
    Activity(
        'SittingDown',
        0.7,
        (
            dict(hip_flexion=88, knee_flexion=12, hip_abduction=12, spine_flexion=10),
            dict(
                hip_flexion=104,
                knee_flexion=112,
                hip_abduction=30,
                hip_rotation=38,
                spine_flexion=12,
            ),
            dict(hip_flexion=112, knee_flexion=118, ankle_flexion=-20, spine_flexion=22),
        ),
        pitch=(-18.0, 0.0),
        support='ground',
        arms=('lap', 'behind', 'bent', 'face'),
    ),
    Activity(
        'Squatting',
        0.8,
        (
            dict(
                hip_flexion=102,
                knee_flexion=118,
                ankle_flexion=24,
                hip_abduction=18,
                hip_rotation=22,
                spine_flexion=20,
            ),
            dict(hip_flexion=74, knee_flexion=80, ankle_flexion=22, hip_abduction=14),
        ),
        pitch=(14.0, 26.0),
        arms=('front', 'lap', 'bent', 'face'),
    ),
    Activity(
        'Kneeling',
        0.6,
        (
            dict(
                left_hip_flexion=84,
                left_knee_flexion=88,
                right_hip_flexion=0,
                right_knee_flexion=90,
                right_ankle_flexion=-30,
                right_toe_flexion=30,
            ),
            dict(hip_flexion=4, knee_flexion=92, ankle_flexion=-38),
        ),
        support='ground',
    ),
    Activity(
        'Stretching',
        0.9,
        (
            dict(
                left_hip_flexion=62,
                left_knee_flexion=72,
                right_hip_flexion=-22,
                right_knee_flexion=14,
                right_ankle_flexion=-12,
                right_toe_flexion=25,
            ),
            dict(hip_abduction=32, left_knee_flexion=4, spine_side=22),
            dict(
                left_hip_abduction=44,
                left_hip_rotation=40,
                left_knee_flexion=60,
                left_hip_flexion=35,
                right_hip_abduction=28,
            ),
        ),
        spread=5.0,
        arms=('side', 'up', 'front', 'hip', 'overhead', 'hang'),
    ),
    Activity(
        'Reaching',
        1.2,
        (
            dict(spine_flexion=40, hip_flexion=40, knee_flexion=14),
            dict(spine_flexion=60, hip_flexion=70, knee_flexion=30),
            dict(spine_side=20, spine_twist=15, hip_abduction=10),
        ),
        pitch=(20.0, 42.0),
        arms=('front', 'front', 'side', 'hang', 'up'),
    ),
    Activity(
        'Kicking',
        0.6,
        (
            dict(
                left_hip_flexion=72,
                left_knee_flexion=16,
                left_ankle_flexion=-25,
                right_knee_flexion=8,
            ),
            dict(left_hip_flexion=84, left_knee_flexion=96, right_knee_flexion=4),
        ),
        pitch=(-12.0, 2.0),
        arms=('side', 'bent', 'front', 'hang'),
        spread=6.0,
    ),
    Activity(
        'Jumping',
        0.7,
        (
            dict(hip_flexion=30, knee_flexion=60, ankle_flexion=-25, hip_abduction=14),
            dict(hip_abduction=34, ankle_flexion=-25, knee_flexion=8),
            dict(
                left_hip_flexion=58,
                left_knee_flexion=40,
                right_hip_flexion=-20,
                right_knee_flexion=30,
                ankle_flexion=-25,
            ),
        ),
        pitch=(-8.0, 8.0),
        support='air',
        arms=('up', 'side', 'front', 'overhead'),
        spread=8.0,
    ),
    Activity(
        'Lying',
        1.0,
        (
            dict(hip_abduction=10, ankle_flexion=-25),
            dict(left_hip_flexion=48, left_knee_flexion=88, right_hip_flexion=4),
            dict(hip_flexion=32, knee_flexion=58),
        ),
        pitch=(-92.0, -84.0),
        support='ground',
        arms=('hang', 'side', 'up', 'lap', 'overhead'),
        spread=6.0,
    ),
    Activity(
        'LyingProne',
        0.4,
        (dict(hip_abduction=10, ankle_flexion=-38), dict(left_hip_abduction=30, knee_flexion=12)),
        pitch=(86.0, 92.0),
        support='ground',
        arms=('side', 'up', 'hang'),
    ),
    Activity(
        'LyingSideways',
        0.5,
        (
            dict(hip_flexion=42, knee_flexion=64),
            dict(left_hip_flexion=64, left_knee_flexion=80, right_hip_flexion=12),
        ),
        roll=(84.0, 94.0),
        support='ground',
        arms=('front', 'lap', 'face'),
    ),
)
ACTIVITY_NAMES = tuple(activity.name for activity in ACTIVITIES)


@dataclass
class DrawnPose:
    """A pose that was drawn.

    Attributes:
        activity (str): Name of the activity.
        angles (np.ndarray): Anatomical angles (A,) in degrees.
        tilt (np.ndarray): Pitch and roll (2,) of the whole body in degrees.
        support (str): What carries the person; see :class:`Activity`.
    """

    activity: str
    angles: np.ndarray
    tilt: np.ndarray
    support: str = field(default='feet')


def walking_angles(phase: np.ndarray, vigour: float = 1.0) -> np.ndarray:
    """Give the walking cycle: hips and arms swing as sinusoids, knees bend as they pass.

    The curves are ours, a few harmonics after textbook gait curves (Winter).

    Args:
        phase (np.ndarray): Phase (B,) in cycles; at 0 the left leg is farthest ahead.
        vigour (float): Size of the swing, 1 for a brisk walk. Defaults to 1.

    Returns:
        np.ndarray: Poses (B, A) in degrees, within the limits.
    """
    phase = np.asarray(phase, dtype=np.float64)
    angles = np.tile(pose_vector(arm_elevation=14), (len(phase), 1))
    for side, opposite, shift in (('left', 'right', 0.0), ('right', 'left', 0.5)):
        cycle = 2 * np.pi * (phase + shift)
        swing = np.clip(-np.sin(cycle - 0.35), 0, 1)  # from toe-off to heel strike
        angles[:, ANGLE[f'{side}_hip_flexion']] = vigour * (6 + 25 * np.cos(cycle))
        angles[:, ANGLE[f'{side}_knee_flexion']] = vigour * (6 + 54 * swing**1.5)
        angles[:, ANGLE[f'{side}_ankle_flexion']] = vigour * (2 + 10 * np.sin(cycle + 0.6))
        # The arm hangs a little off the hip, and swings past it in a straight line.
        reach = vigour * (24 * np.cos(cycle) + 4)
        angles[:, ANGLE[f'{opposite}_arm_plane']] = np.rad2deg(np.arctan2(reach, 9))
        angles[:, ANGLE[f'{opposite}_arm_elevation']] = np.hypot(reach, 9)
        angles[:, ANGLE[f'{opposite}_elbow_flexion']] = 18 + vigour * 8 * np.cos(cycle)
        angles[:, ANGLE[f'{side}_hip_rotation']] = 4
    angles[:, ANGLE['spine_twist']] = -7 * vigour * np.cos(2 * np.pi * phase)
    return clip_to_limits(angles)


def _run_arms(angles: np.ndarray) -> None:
    """Swing bent arms against the legs, in place."""
    ahead = angles[ANGLE['left_hip_flexion']] > angles[ANGLE['right_hip_flexion']]
    for side, forward in (('left', not ahead), ('right', ahead)):
        angles[ANGLE[f'{side}_arm_plane']] = 80 if forward else -55
        angles[ANGLE[f'{side}_arm_elevation']] = 46
        angles[ANGLE[f'{side}_elbow_flexion']] = 96 if forward else 72
        angles[ANGLE[f'{side}_arm_rotation']] = 22 if forward else 6


def _set_arms(angles: np.ndarray, names: tuple[str, ...], rng: np.random.Generator) -> None:
    """Draw both arms, in place; in two of five poses both do the same."""
    left = names[rng.integers(len(names))]
    right = left if left == 'crossed' or rng.random() < 0.4 else names[rng.integers(len(names))]
    for side, name in (('left', left), ('right', right)):
        arm, spread = ARMS[name]
        for angle, value in arm.items():
            angles[ANGLE[f'{side}_{angle}']] = value + spread * rng.standard_normal()


def draw_pose(rng: np.random.Generator, activity: str | None = None) -> DrawnPose:
    """Draw a pose within the limits of the joints.

    Args:
        rng (np.random.Generator): Source of randomness.
        activity (str | None): Name of an activity. Defaults to None: drawn as well.

    Returns:
        DrawnPose: The pose.

    Raises:
        ValueError: If there is no activity of that name.
    """
    if activity is None:
        shares = np.array([each.share for each in ACTIVITIES])
        chosen = ACTIVITIES[rng.choice(len(ACTIVITIES), p=shares / shares.sum())]
    elif activity in ACTIVITY_NAMES:
        chosen = ACTIVITIES[ACTIVITY_NAMES.index(activity)]
    else:
        raise ValueError(f'unknown activity {activity!r}; known are {", ".join(ACTIVITY_NAMES)}')
    if chosen.arms == ('swing',):
        angles = walking_angles(np.array([rng.random()]), rng.uniform(0.6, 1.15))[0]
    else:
        key = chosen.keys[rng.integers(len(chosen.keys))]
        angles = pose_vector(**key)
        if chosen.arms == ('run',):
            _run_arms(angles)
        else:
            _set_arms(angles, chosen.arms, rng)
    angles += chosen.spread * rng.standard_normal(len(ANGLES)) * _WOBBLE
    angles[ANGLE['head_turn']] += 22 * rng.standard_normal()
    angles[ANGLE['head_flexion']] += 9 * rng.standard_normal()
    tilt = np.array([rng.uniform(*chosen.pitch), rng.uniform(*chosen.roll)])
    if rng.random() < 0.5:
        angles, tilt = mirror_angles(angles), tilt * (1, -1)
    return DrawnPose(chosen.name, clip_to_limits(angles), tilt, chosen.support)


# Share of an activity's spread that each angle gets: trunk and twists move little.
_WOBBLE = np.ones(len(ANGLES))
for _name, _share in (('spine', 0.9), ('toe', 0.3), ('hand_', 2.5), ('forearm', 4.0)):
    _WOBBLE[[_name in each for each in ANGLES]] = _share
