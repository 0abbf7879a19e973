"""The visualizer of 3D models, for MMPose's visualisation hook."""

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmpose.registry import KEYPOINT_CODECS, VISUALIZERS
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.visualization.captions import header
from mmpose_ext.visualization.delivery import deliver
from mmpose_ext.visualization.hemlets_grid import draw_hemlets_grid
from mmpose_ext.visualization.panels3d import legend, person_panels
from mmpose_ext.visualization.person3d import (
    crop_of,
    predicted_maps,
    predicted_person,
    true_person,
)
from mmpose_ext.visualization.sheets import tile_images
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW

_GAP = 4


@VISUALIZERS.register_module()
class HEMletsVisualizer(PoseLocalVisualizer):
    """Draws predictions of HEMlets Pose: 2D pose, 3D from two sides, polarities, HEMlets.

    For MMPose's own ``PoseVisualizationHook``, which calls it in validation and test. Each person
    is a row: the 2D skeleton on the crop, the 3D skeleton from the camera's side and from its
    right, the polarity of each part; where the truth is known, it is a thin grey skeleton in the
    3D views and a row of its own below. Where the prediction holds HEMlets
    (``test_cfg=dict(output_heatmaps=True)``), the maps of the first person make a second image,
    named as the first with ``_hemlets`` at the end. Where the meta information holds ``gravity``
    (3,), the direction of down in camera axes, the 3D views are level although the camera is not.

    Args:
        name (str): Name of the instance, as MMEngine wants it.
        codec (dict, optional): Config of the model's :class:`HEMletsLabel`. None: its defaults.
        panel_size (int): Side of a picture in pixels.
        draw_truth (bool): Whether to draw the truth where it is known. MMPose's hook always says
            ``draw_gt=False``, so that this decides.
        max_people (int): People that are drawn, the first of those in the sample.
        **kwargs: Arguments of ``PoseLocalVisualizer``: ``vis_backends``, ``save_dir``, ...

    Raises:
        ValueError: If an argument is not positive, or the codec is no ``HEMletsLabel``.

    Example:
        >>> visualizer = dict(
        ...     type='HEMletsVisualizer', name='visualizer', codec=codec,
        ...     vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
        >>> default_hooks = dict(
        ...     visualization=dict(type='PoseVisualizationHook', enable=True, interval=50))
    """

    def __init__(
        self,
        name: str = 'visualizer',
        codec: dict | None = None,
        panel_size: int = 256,
        draw_truth: bool = True,
        max_people: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        for option, value in (('panel_size', panel_size), ('max_people', max_people)):
            if value < 1:
                raise ValueError(f'{option} must be positive, got {value}')
        self.codec = KEYPOINT_CODECS.build(codec or dict(type='HEMletsLabel'))
        if not isinstance(self.codec, HEMletsLabel):
            raise ValueError(f'codec must be a HEMletsLabel, got {codec!r}')
        self.panel_size = panel_size
        self.draw_truth = draw_truth
        self.max_people = max_people

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
        """Draw a prediction and hand the images to all backends, a window or a file.

        Args:
            name: Name of the image.
            image: RGB photograph (H, W, 3) uint8.
            data_sample: Prediction, with ``pred_instances.keypoints`` (N, J, 3).
            draw_gt: Not used, see ``draw_truth`` of the class.
            draw_pred: Not used: predictions are always drawn.
            draw_heatmap: Whether to make the second image.
            draw_bbox: Not used: the crop is shown.
            show_kpt_idx: Not used.
            skeleton_style: Not used: MMPose's.
            show: Whether to show the images in a window instead of storing them.
            wait_time: Seconds to show them, 0 for ever.
            out_file: File to write instead of handing the images to the backends; the second
                image's name ends in ``_hemlets``.
            kpt_thr: Joints with a lower score are left out of the 2D skeleton. The 3D views and
                polarities have all joints.
            step: Step that the backends store.

        Returns:
            The first image, RGB (H', W', 3) uint8.

        Raises:
            ValueError: If there is no prediction or it is not in 3D.
        """
        if 'pred_instances' not in data_sample or not len(data_sample.pred_instances):
            raise ValueError(f'{name} has no prediction: pred_instances is missing or empty')
        photo = np.ascontiguousarray(image[..., ::-1])
        drawn = self.draw_people(photo, data_sample, kpt_thr)[..., ::-1]
        deliver(self, name, drawn, show, wait_time, out_file, step)
        grid = self.draw_maps(photo, data_sample) if draw_heatmap else None
        if grid is not None:
            grid_file = None
            if out_file is not None:
                path = Path(out_file)
                grid_file = str(path.with_name(f'{path.stem}_hemlets{path.suffix}'))
            deliver(self, f'{name}_hemlets', grid[..., ::-1], show, wait_time, grid_file, step)
        self.set_image(drawn)
        return self.get_image()

    def draw_people(
        self, photo: np.ndarray, sample: PoseDataSample, kpt_thr: float = 0.3
    ) -> np.ndarray:
        """Draw the first image.

        Args:
            photo: BGR photograph (H, W, 3) uint8.
            sample: See :meth:`add_datasample`.
            kpt_thr: See :meth:`add_datasample`.

        Returns:
            BGR image (H', W', 3) uint8.
        """
        rows, any_truth = [], False
        for index in range(min(len(sample.pred_instances), self.max_people)):
            person = predicted_person(sample, self.codec, index)
            truth = true_person(sample, self.codec, index) if self.draw_truth else None
            crop = crop_of(sample, index)
            kinds = [('predicted', person, truth)]
            if truth is not None:
                any_truth = True
                kinds.append(('true', truth, None))
            for kind, who, ghost in kinds:
                panels = person_panels(
                    photo,
                    crop,
                    who,
                    self.dataset_meta,
                    self.codec,
                    size=self.panel_size,
                    kpt_thr=kpt_thr,
                    truth=ghost,
                    down=sample.get('gravity', None),
                )
                views = [f'{kind} 3D {view.name}' for view in (CAMERA_VIEW, SIDE_VIEW)]
                titles = [f'{kind} pose', *views, f'{kind} polarity']
                rows += [header(titles, self.panel_size, _GAP), tile_images(panels, 4, _GAP)]
        return np.concatenate([*rows, legend(rows[0].shape[1], self.dataset_meta, truth=any_truth)])

    def draw_maps(self, photo: np.ndarray, sample: PoseDataSample) -> np.ndarray | None:
        """Draw the second image.

        Args:
            photo: BGR photograph (H, W, 3) uint8.
            sample: See :meth:`add_datasample`.

        Returns:
            BGR image (H', W', 3) uint8; None where the sample has no HEMlets.
        """
        size = self.codec.heatmap_size
        hemlets = predicted_maps(sample, 'hemlets', size)
        if hemlets is None:
            return None
        names = self.dataset_meta['keypoint_id2name']
        return draw_hemlets_grid(
            crop_of(sample).cut(photo, self.codec.input_size),
            hemlets,
            predicted_maps(sample, 'heatmaps', size),
            polarity=predicted_person(sample, self.codec).polarity,
            parts=self.codec.parts,
            joint_names=[names[joint] for joint in range(len(names))],
            closer_is=self.codec.closer_is,
        )
