"""Small videos."""

import cv2
import numpy as np


def write_clip(path, frames=20, code='MJPG', fps=12.5, size=(64, 48)):
    """Frames of noise, each brighter than the one before."""
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, size)
    assert writer.isOpened()
    for brightness in np.linspace(50, 200, frames):
        noise = rng.normal(brightness, 20, (size[1], size[0], 3))
        writer.write(np.clip(noise, 0, 255).astype(np.uint8))
    writer.release()
    return path
