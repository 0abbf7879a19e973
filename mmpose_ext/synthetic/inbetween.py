"""Pictures between the pictures of a video, so that an event camera sees things move."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np


def inbetween(before: np.ndarray, after: np.ndarray, flow: np.ndarray, share: float) -> np.ndarray:
    """Guess the picture between two.

    Both are moved along the flow to the wanted time and mixed, the nearer one more. The flow at a
    pixel is taken for that of what is there at the wanted time: right where it is smooth.

    Args:
        before (np.ndarray): Picture (H, W), float32.
        after (np.ndarray): The next one.
        flow (np.ndarray): Where each pixel goes between them, (H, W, 2) float32, in pixels to the
            right and down.
        share (float): When: 0 at the first, 1 at the second.

    Returns:
        np.ndarray: Picture (H, W), float32.
    """
    rows, columns = np.mgrid[: before.shape[0], : before.shape[1]].astype(np.float32)
    moved = [
        cv2.remap(
            image,
            columns + np.float32(step) * flow[..., 0],
            rows + np.float32(step) * flow[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for image, step in ((before, -share), (after, 1 - share))
    ]
    return np.float32(1 - share) * moved[0] + np.float32(share) * moved[1]


def inbetweens(images: Iterable[np.ndarray], steps: int) -> Iterator[np.ndarray]:
    """Give a video more pictures, by the optical flow of OpenCV's DIS (Kroeger et al., ECCV 2016).

    Args:
        images (Iterable[np.ndarray]): Gray pictures (H, W) uint8.
        steps (int): How many times as many intervals; 1 for no more.

    Yields:
        np.ndarray: Pictures (H, W) float32, 0 to 255; every ``steps``-th is one of the video's.

    Raises:
        ValueError: If ``steps`` is not positive.
    """
    if steps < 1:
        raise ValueError(f'steps should be at least 1, got {steps}')
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    before = None
    for after in images:
        if before is not None and steps > 1:
            flow = search.calc(before, after, np.zeros((*before.shape, 2), np.float32))
            pair = before.astype(np.float32), after.astype(np.float32)
            for step in range(1, steps):
                yield inbetween(*pair, flow, step / steps)
        yield after.astype(np.float32)
        before = after
