"""The visualizer of jigsaw pretraining, for MMPose's visualisation hook."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.dist import master_only
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix
from mmpose.visualization import PoseLocalVisualizer

from mmpose_ext.codecs.functional.jigsaw import check_grid
from mmpose_ext.visualization.delivery import deliver
from mmpose_ext.visualization.jigsaw import draw_jigsaw
from mmpose_ext.visualization.jigsaw_sheets import puzzle_of


@VISUALIZERS.register_module()
class JigsawVisualizer(PoseLocalVisualizer):
    """Draws how a network solves the puzzles of :class:`HSJPShuffle`.

    For MMPose's own ``PoseVisualizationHook``, which calls it in validation and test: the
    shuffled crop, the predicted place of each patch, the person put together accordingly with
    right patches framed green and wrong ones red, the person as he is. Needs ``'hsjp_perm'`` in
    ``PackPoseInputs(meta_keys=...)``. The crop is cut out of the photograph anew, so that the
    picture shows no jitter even where the network's input has some.

    Args:
        name (str): Name of the instance, as MMEngine wants it.
        grid (Sequence[int]): Rows and columns, those of the transform.
        use_udp (bool): Whether transform and codec process without bias (UDP).
        panel_height (int): Height of a picture in pixels.
        **kwargs: Arguments of ``PoseLocalVisualizer``: ``vis_backends``, ``save_dir``, ...

    Raises:
        ValueError: If ``grid`` is not two positive numbers, or ``panel_height`` not positive.

    Example:
        >>> visualizer = dict(
        ...     type='JigsawVisualizer', name='visualizer', grid=(4, 3),
        ...     vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
        >>> default_hooks = dict(
        ...     visualization=dict(type='PoseVisualizationHook', enable=True, interval=50))
    """

    def __init__(
        self,
        name: str = 'visualizer',
        grid: Sequence[int] = (4, 3),
        use_udp: bool = False,
        panel_height: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        if panel_height < 1:
            raise ValueError(f'panel_height must be positive, got {panel_height}')
        self.grid = check_grid(grid)
        self.use_udp = use_udp
        self.panel_height = panel_height

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: PoseDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        draw_heatmap: bool = False,
        draw_bbox: bool = False,
        show_kpt_idx: bool = False,
        skeleton_style: str = 'mmpose',
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        kpt_thr: float = 0.3,
        step: int = 0,
    ) -> np.ndarray:
        """Draw a prediction and hand the image to all backends, a window or a file.

        A sample without predictions, as MMPose's ``tools/misc/browse_dataset.py`` has, is drawn
        by ``PoseLocalVisualizer``: in its transformed mode, the puzzle with the slots' centres.

        Args:
            name: Name of the image.
            image: RGB photograph (H, W, 3) uint8.
            data_sample: Prediction for one person.
            draw_gt: Not used: the truth is always drawn.
            draw_pred: Not used: predictions are always drawn.
            draw_heatmap: Not used.
            draw_bbox: Not used: the crop is shown.
            show_kpt_idx: Not used: patches have numbers.
            skeleton_style: Not used: MMPose's.
            show: Whether to show the image in a window.
            wait_time: Seconds to show it, 0 for ever.
            out_file: File to write instead of handing the image to the backends.
            kpt_thr: Not used: all patches are drawn.
            step: Step that the backends store.

        Returns:
            RGB image (H', W', 3) uint8.

        Raises:
            ValueError: If the sample is no prediction for a puzzle, see :func:`puzzle_of`, or
                the puzzle has another grid.
        """
        if 'pred_instances' not in data_sample:
            drawn_by_mmpose: np.ndarray = super().add_datasample(
                name, image, data_sample, draw_gt=draw_gt, draw_pred=False,
                draw_heatmap=draw_heatmap, draw_bbox=draw_bbox, show_kpt_idx=show_kpt_idx,
                skeleton_style=skeleton_style, show=show, wait_time=wait_time,
                out_file=out_file, kpt_thr=kpt_thr, step=step,
            )  # fmt: skip
            return drawn_by_mmpose
        puzzle = puzzle_of(data_sample, self.use_udp)
        rows, columns = self.grid
        if len(puzzle.permutation) != rows * columns:
            raise ValueError(
                f'{name} is a puzzle of {len(puzzle.permutation)} patches, but the grid is '
                f'{self.grid}: give JigsawVisualizer the grid of HSJPShuffle'
            )
        get_warp = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        size = data_sample.input_size
        center, scale = np.ravel(data_sample.input_center), np.ravel(data_sample.input_scale)
        crop = cv2.warpAffine(image, get_warp(center, scale, 0, output_size=size), size)
        drawn = draw_jigsaw(
            crop[..., ::-1],
            puzzle.permutation,
            puzzle.points,
            self.grid,
            visible=puzzle.visible,
            use_udp=self.use_udp,
            height=self.panel_height,
        )[..., ::-1]
        deliver(self, name, drawn, show, wait_time, out_file, step)
        self.set_image(drawn)
        return self.get_image()
