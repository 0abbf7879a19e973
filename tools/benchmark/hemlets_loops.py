"""HEMlets' targets in a plain loop over the parts: what the benchmark compares the codec with."""

import numpy as np
from hemlets_memory import JOINTS
from mmpose.codecs.utils import generate_gaussian_heatmaps

from mmpose_ext.codecs import HEMletsLabel

INPUT = 256


def person(rng: np.random.Generator, margin: float = 10) -> dict[str, np.ndarray | float]:
    """What the codec gets of a 3D sample, ``margin`` pixels off the border; all annotated."""
    low, high = (margin, margin, -400), (INPUT - margin, INPUT - margin, 400)
    return dict(
        keypoints=rng.uniform(low, high, (1, JOINTS, 3)).astype(np.float32),
        keypoints_visible=np.ones((1, JOINTS), np.float32),
        mm_per_px=4.0,
        input_scale=np.array([550.0, 550.0], np.float32),
    )


def partial_person(rng: np.random.Generator) -> dict[str, np.ndarray | float]:
    """The same with joints outside the image, and with some that are not annotated."""
    one = person(rng, margin=-30)
    one['keypoints_visible'][0, 1:] = rng.random(JOINTS - 1) < 0.8
    return one


def loop_encode(
    codec: HEMletsLabel,
    keypoints: np.ndarray,
    keypoints_visible: np.ndarray,
    mm_per_px: float,
    input_scale: np.ndarray,
    share: bool = False,
) -> dict[str, np.ndarray]:
    """Encode a 3D sample part by part, as read from the paper, with MMPose's Gaussians.

    The heatmaps of the joints come from one call of MMPose's generator, and for each part another
    call draws its parent and its child, which then go where the polarity says. Nothing is checked.

    Args:
        codec: Gives the settings; ``eps_mode``, ``combine`` and ``closer_is`` have their defaults.
        keypoints: (1, J, 3), x and y in pixels of the input, relative depth in mm.
        keypoints_visible: (1, J).
        mm_per_px: mm that a pixel of the photograph spans.
        input_scale: (w, h) of the crop in pixels of the photograph.
        share: Copy the joints' heatmaps into the parts' instead of drawing them again.

    Returns:
        All that :meth:`HEMletsLabel.encode` returns.
    """
    size, num_parts = codec.heatmap_size, len(codec.parts)
    points = keypoints[..., :2] * np.divide(size, codec.input_size)
    visible = np.where(keypoints_visible < 0.5, 0, keypoints_visible).astype(np.float32)
    heatmaps, _ = generate_gaussian_heatmaps(size, points, visible, codec.sigma)
    pixels = np.floor(points[0] + 0.5)
    usable = (visible[0] > 0) & (pixels >= 0).all(-1) & (pixels < size).all(-1)
    hemlets = np.zeros((3 * num_parts, size[1], size[0]), dtype=np.float32)
    part_weights = np.zeros((1, num_parts), dtype=np.float32)
    part_polarity = np.full((1, num_parts), -2)
    for k, part in enumerate(codec.parts.tolist()):
        if not (usable[part[0]] and usable[part[1]]):
            continue
        if share:
            parent, child = heatmaps[part[0]], heatmaps[part[1]]
        else:
            (parent, child), _ = generate_gaussian_heatmaps(
                size, points[:, part], visible[:, part], codec.sigma
            )
        nearer = keypoints[0, part[0], 2] - keypoints[0, part[1], 2]
        polarity = 1 if nearer > codec.eps else -1 if nearer < -codec.eps else 0
        hemlets[3 * k + 1] = parent
        target = hemlets[3 * k + 1 + polarity]
        np.maximum(target, child, out=target)
        part_weights[0, k], part_polarity[0, k] = 1, polarity
    labels = np.empty(keypoints.shape, dtype=np.float32)
    labels[..., :2] = keypoints[..., :2] / codec.input_size - 0.5
    labels[..., 2] = keypoints[..., 2] / (codec.depth_bound / 2000 * mm_per_px * input_scale[0])
    return dict(
        heatmaps=heatmaps,
        hemlets=hemlets,
        keypoint_labels=labels,
        keypoint_weights=visible,
        keypoint_depth_weights=visible,
        part_weights=part_weights,
        part_polarity=part_polarity,
    )
