"""Where the pictures of visualizers go."""

import mmcv
import numpy as np
from mmengine.visualization import Visualizer


def deliver(
    visualizer: Visualizer,
    name: str,
    drawn: np.ndarray,
    show: bool,
    wait_time: float,
    out_file: str | None,
    step: int,
) -> None:
    """Hand a picture to a window, and to a file or else the visualizer's backends.

    Args:
        visualizer (Visualizer): Whose backends.
        name (str): Name of the picture.
        drawn (np.ndarray): RGB image (H, W, 3) uint8.
        show (bool): Whether to show it in a window.
        wait_time (float): Seconds to show it, 0 for ever.
        out_file (str | None): File to write instead of handing the picture to the backends.
        step (int): Step that the backends store.
    """
    drawn = np.ascontiguousarray(drawn)
    if show:
        visualizer.show(drawn, win_name=name, wait_time=wait_time)
    if out_file is not None:
        mmcv.imwrite(drawn[..., ::-1], out_file)
    else:
        visualizer.add_image(name, drawn, step)
