"""Films of one mannequin: gray frames, events, exact flow and exact poses."""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_ext.event_layout import BINS
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.clip_scene import ClipScene
from mmpose_ext.synthetic.event_camera import (
    EventCamera,
    Events,
    binary_frames,
    frames_to_events,
    to_gray,
)
from mmpose_ext.synthetic.rasterizer import rasterize
from mmpose_ext.synthetic.skinning import pose_body

# Bodies posed at once: bounds the memory of a long film.
_CHUNK = 64


@dataclass(frozen=True)
class Clip:
    """A film of F frames and its labels.

    Attributes:
        gray (np.ndarray): Frames (F, H, W) uint8.
        events (np.ndarray): Pixels with an event, (F - 1, 4, H, W) uint8 of 0 and 1: four bins of
            equal length between each frame and the next.
        stream (Events): All events; the film begins at 0 us.
        flow (np.ndarray): Where the surface seen at each pixel of frame k goes until frame
            k + skip, in pixels: (F - skip, 2, H, W) float32, 0 off the person.
        body (np.ndarray): Where the person is seen, (F - skip, H, W) bool.
        theta (np.ndarray): SMPL's pose (F, 72), axis-angle, the root's in camera space.
        betas (np.ndarray): Shape coefficients (10,).
        transl (np.ndarray): SMPL's translation (F, 3) in camera space, in metres.
        joints (np.ndarray): SMPL's joints (F, 24, 3) in camera space, in metres.
        keypoints (np.ndarray): Their projection (F, 24, 2) in pixels.
    """

    gray: np.ndarray
    events: np.ndarray
    stream: Events
    flow: np.ndarray
    body: np.ndarray
    theta: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    keypoints: np.ndarray


def render_time(index: int, rate: float) -> int:
    """Give when a picture of a video is taken.

    The time is rounded up, so that the same whole microseconds lie before it and before the
    exact time.

    Args:
        index (int): Number of the picture; negative before picture 0.
        rate (float): Pictures a second.

    Returns:
        int: Microseconds since picture 0.
    """
    # What is whole but for a rounding error of the division is not rounded up.
    return ceil(index * 1e6 / rate - 1e-6)


def film(
    scene: ClipScene,
    body: BodyModel,
    frames: int,
    fps: float = 15.0,
    skip: int = 2,
    renders_per_bin: int = 1,
    camera: EventCamera | None = None,
) -> Clip:
    """Film a scene.

    Args:
        scene (ClipScene): The scene.
        body (BodyModel): The body of its person.
        frames (int): Number of frames F, more than ``skip``.
        fps (float): Frames a second. Defaults to 15.
        skip (int): Frames that the flow spans. Defaults to 2.
        renders_per_bin (int): Renders in a quarter of the time between frames. Defaults to 1.
        camera (EventCamera | None): What sees the events; a new one. Defaults to None, one without
            noise.

    Returns:
        Clip: The film and its labels.

    Raises:
        ValueError: If a number is out of range.
    """
    if not 1 <= skip < frames or renders_per_bin < 1 or not 0 < fps < np.inf:
        raise ValueError(
            f'need 1 <= skip < frames, renders_per_bin >= 1 and fps > 0, got skip={skip}, '
            f'frames={frames}, renders_per_bin={renders_per_bin}, fps={fps}'
        )
    every = BINS * renders_per_bin
    rate, count = fps * every, every * (frames - 1) + 1
    times = np.array([render_time(index, rate) for index in range(count)])
    seconds = scene.begin + np.arange(count) / rate
    camera = camera or EventCamera()
    _warm_up(scene, body, every, rate, camera)
    gray, seen, shown = [], [], []
    # Whole intervals at once, so that each part begins with a frame.
    chunk = every * ceil(_CHUNK / every)
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        moments = _pose(scene, body, seconds[part])
        images = [_paint(scene, body, *pair) for pair in zip(*moments[:2], strict=True)]
        seen.append(frames_to_events(images, times[part], camera))
        gray += [to_gray(image) for image in images[::every]]
        shown.append(_Moments(*(values[::every] for values in moments)))
    stream = Events(*(np.concatenate(values) for values in zip(*seen, strict=True)))
    moments = _Moments(*(np.concatenate(values) for values in zip(*shown, strict=True)))
    pairs = zip(moments.vertices[:-skip], moments.vertices[skip:], strict=True)
    flows = [exact_flow(scene.camera, body.faces, now, later) for now, later in pairs]
    H, W = scene.camera.height, scene.camera.width
    return Clip(
        gray=np.stack(gray),
        events=binary_frames(stream, times[::renders_per_bin], (H, W)).reshape(-1, BINS, H, W),
        stream=stream,
        flow=np.stack([flow for flow, _ in flows]),
        body=np.stack([seen for _, seen in flows]),
        theta=moments.theta,
        betas=scene.motion.betas,
        transl=moments.transl,
        joints=moments.joints,
        keypoints=scene.camera.project(moments.joints),
    )


def _warm_up(
    scene: ClipScene, body: BodyModel, count: int, rate: float, camera: EventCamera
) -> None:
    """Show a camera so many moments before a film: it has been running when the film begins."""
    before = np.arange(-count, 0)
    moments = _pose(scene, body, scene.begin + before / rate)
    images = [_paint(scene, body, *pair) for pair in zip(*moments[:2], strict=True)]
    frames_to_events(images, [render_time(index, rate) for index in before], camera)


def exact_flow(
    camera: Camera, faces: np.ndarray, now: np.ndarray, later: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give where what is seen at each pixel goes.

    The point of the surface that is seen at a pixel's centre is projected at the later time,
    whether it can still be seen then or not.

    Args:
        camera (Camera): The camera, which stands still.
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.
        now (np.ndarray): Vertices (V, 3) in camera space, in metres.
        later (np.ndarray): The same vertices at the later time.

    Returns:
        tuple[np.ndarray, np.ndarray]: Flow (2, H, W) float32 in pixels, to the right and down, 0
        where nothing is seen; and where something is, (H, W) bool.
    """
    shape = (camera.height, camera.width)
    seen = rasterize(now, faces, camera.K, shape)
    corners = faces[seen.faces]
    pixels = [
        camera.project(np.einsum('pci,pc->pi', points[corners], seen.barycentric))
        for points in (now, later)
    ]
    flow = np.zeros((2, camera.height * camera.width), np.float32)
    flow[:, seen.pixels] = (pixels[1] - pixels[0]).T
    return flow.reshape(2, *shape), np.isfinite(seen.depth)


class _Moments(NamedTuple):
    """A person at M times, all in camera space."""

    vertices: np.ndarray  # (M, V, 3) in metres
    brightness: np.ndarray  # (M, V), linear
    theta: np.ndarray  # (M, 72)
    transl: np.ndarray  # (M, 3) in metres
    joints: np.ndarray  # (M, 24, 3) in metres


def _pose(scene: ClipScene, body: BodyModel, seconds: np.ndarray) -> _Moments:
    """Pose and light the person at times (M,)."""
    pose, transl = scene.motion.parameters(seconds, body)
    betas = np.tile(scene.motion.betas, (len(seconds), 1))
    vertices, joints, normals = pose_body(body, betas, pose, transl)
    lamp = np.maximum(normals @ scene.light, 0)
    camera = scene.camera
    # The pelvis is the origin of the T-pose: turning about it needs no other translation.
    root = Rotation.from_matrix(camera.R) * Rotation.from_rotvec(pose[:, 0])
    pose[:, 0] = root.as_rotvec()
    return _Moments(
        vertices=camera.to_camera(vertices),
        brightness=scene.albedo * (scene.ambient + lamp),
        theta=pose.reshape(len(pose), 72),
        transl=camera.to_camera(transl),
        joints=camera.to_camera(joints),
    )


def _paint(
    scene: ClipScene, body: BodyModel, vertices: np.ndarray, brightness: np.ndarray
) -> np.ndarray:
    """Give the linear intensities (H, W) of one moment, each the mean of 2 x 2 samples."""
    H, W = scene.camera.height, scene.camera.width
    K = scene.camera.K * np.array([[2.0], [2.0], [1.0]])
    # The centres of samples 2 i and 2 i + 1 lie around that of pixel i.
    K[:2, 2] += 0.5
    seen = rasterize(vertices, body.faces, K, (2 * H, 2 * W))
    image = scene.backdrop.astype(np.float64)
    corners = brightness[body.faces[seen.faces]]
    image.reshape(-1)[seen.pixels] = np.einsum('pc,pc->p', corners, seen.barycentric)
    return image.reshape(H, 2, W, 2).mean((1, 3))
