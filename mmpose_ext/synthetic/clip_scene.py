"""What films of a mannequin show: a person in its place before a smooth backdrop.

The camera is EventHPE's, scaled to the size of the frames, and stands still. The person stays
about where it is and faces the camera within a half turn. Textures are smooth: only then are the
events those of motion, and do gray frames match along the true flow.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mmpose_ext.event_layout import intrinsics
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.clothing import body_colors, draw_outfit
from mmpose_ext.synthetic.motion import Motion, draw_motion
from mmpose_ext.synthetic.scene import draw_betas
from mmpose_ext.synthetic.skinning import pose_body

# From SMPL's y up, facing along z, to a camera's y down: the person faces the camera.
_TO_CAMERA = np.diag([1.0, -1.0, -1.0])
# How far the person turns away from the camera, in degrees: at first, and from there.
_TURN, _SWAY = 45.0, 25.0
# How far it drifts, sideways and along the line of sight, in metres.
_DRIFT = (0.12, 0.10)
_DISTANCE = (2.9, 3.3)
# How much faster than usual it moves: by about a pixel in two of 15 frames a second, at 64 pixels.
_PACE = 1.25
# Room around the joints for flesh, in metres.
_FLESH = 0.14


@dataclass(frozen=True)
class ClipScene:
    """What is filmed.

    Attributes:
        motion (Motion): The person's motion, on the floor of a world whose y is up.
        begin (float): Time of the motion at which the film begins, in seconds.
        camera (Camera): The camera, for the stored frames.
        albedo (np.ndarray): Share of light (V,) that each vertex throws back.
        light (np.ndarray): Vector (3,) towards a lamp, in the world; its length is the lamp's
            brightness.
        ambient (float): Brightness of the light from all sides.
        backdrop (np.ndarray): Linear intensity (2 H, 2 W) of what is behind.
    """

    motion: Motion
    begin: float
    camera: Camera
    albedo: np.ndarray
    light: np.ndarray
    ambient: float
    backdrop: np.ndarray


def smooth_albedo(rng: np.random.Generator, body: BodyModel) -> np.ndarray:
    """Draw how bright each vertex is: plain clothes with waves of 0.18 to 0.4 m over them.

    Args:
        rng (np.random.Generator): Source of randomness.
        body (BodyModel): The body.

    Returns:
        np.ndarray: Albedo (V,) from 0.04 to 0.95.
    """
    outfit = replace(draw_outfit(rng), patterns=('plain', 'plain'))
    plain = body_colors(body.v_template, outfit).mean(1)
    direction = rng.standard_normal((3, 3))
    direction /= np.linalg.norm(direction, axis=0)
    waves = 2 * np.pi * direction / rng.uniform(0.18, 0.4, 3)
    wave = np.sin(body.v_template @ waves + rng.uniform(0, 2 * np.pi, 3)).sum(1)
    return np.clip(np.maximum(plain, 0.08) * np.exp(0.35 * wave), 0.04, 0.95)


def smooth_backdrop(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a smooth backdrop (size, size) of linear intensities 0.03 to 0.9, float32."""
    coarse = rng.uniform(0.03, 0.9) * np.exp(0.35 * rng.standard_normal((5, 5)))
    fine = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(fine, 0.03, 0.9)


def motion_in_place(rng: np.random.Generator, duration: float) -> Motion:
    """Draw a motion of somebody who stays about at the origin and about faces z.

    Args:
        rng (np.random.Generator): Source of randomness.
        duration (float): Length in seconds.

    Returns:
        Motion: The motion; see :func:`.motion.draw_motion`.
    """
    motion = draw_motion(rng, _PACE * duration, draw_betas(rng))
    root = motion.key_root.copy()
    count = len(root)
    root[:, 0] = rng.uniform(-_TURN, _TURN) + rng.uniform(-_SWAY, _SWAY, count)
    root[:, 3] = rng.uniform(-_DRIFT[0], _DRIFT[0], count)
    root[:, 4] = rng.uniform(-_DRIFT[1], _DRIFT[1], count)
    return replace(
        motion,
        key_times=motion.key_times / _PACE,
        key_root=root,
        cadence=motion.cadence * _PACE,
    )


def draw_clip(rng: np.random.Generator, body: BodyModel, size: int, duration: float) -> ClipScene:
    """Draw what is to be filmed.

    Args:
        rng (np.random.Generator): Source of randomness.
        body (BodyModel): The body.
        size (int): Width and height of the stored frames in pixels.
        duration (float): Length of the film in seconds.

    Returns:
        ClipScene: A person 2.9 to 3.3 m away, or farther if it would not fit into the image.
    """
    begin = rng.uniform(0.1, 1)
    motion = motion_in_place(rng, duration + 1)
    times = begin + np.linspace(0, duration, max(2, round(8 * duration)))
    pose, transl = motion.parameters(times, body)
    _, joints, _ = pose_body(body, np.tile(motion.betas, (len(times), 1)), pose, transl)
    flat = joints.reshape(-1, 3)
    low, high = flat.min(0) - _FLESH, flat.max(0) + _FLESH
    focal, center = intrinsics(size)
    middle = (low + high)[:2] / 2
    # Half the image seen from 1 m, against how far each joint is from the middle.
    half = size / 2 / focal
    reach = np.abs(flat[:, :2] - middle).max(1) + _FLESH
    distance = max(rng.uniform(*_DISTANCE), (reach / half + flat[:, 2]).max())
    room = (half * (distance - flat[:, 2]) - reach).min()
    middle += rng.uniform(-1, 1, 2) * min(room, 0.15)
    place = np.array([-middle[0], middle[1], distance])
    K = np.array([[focal, 0, center], [0, focal, center], [0, 0, 1]])
    camera = Camera(K, _TO_CAMERA, place, size, size)
    azimuth = rng.uniform(-1.2, 1.2)
    lamp = np.array([np.sin(azimuth), rng.uniform(0.4, 1.2), np.cos(azimuth)])
    return ClipScene(
        motion=motion,
        begin=begin,
        camera=camera,
        albedo=smooth_albedo(rng, body),
        light=lamp / np.linalg.norm(lamp) * rng.uniform(0.4, 0.7),
        ambient=rng.uniform(0.3, 0.5),
        backdrop=smooth_backdrop(rng, 2 * size),
    )
