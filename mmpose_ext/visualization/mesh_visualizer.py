"""The visualizer of models that predict bodies, for MMPose's visualisation hook."""

from typing import Any

import numpy as np
from mmpose.registry import MODELS, VISUALIZERS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.captions import header
from mmpose_ext.visualization.hemlets_visualizer import HEMletsVisualizer
from mmpose_ext.visualization.mesh_panels import body_note, draw_body, draw_body_view
from mmpose_ext.visualization.mesh_person import camera_of, predicted_mesh, true_mesh
from mmpose_ext.visualization.mesh_renderer import BODY_COLOR, TRUTH_COLOR
from mmpose_ext.visualization.panels3d import draw_pose2d
from mmpose_ext.visualization.person3d import Person3D, crop_of, predicted_person, true_person
from mmpose_ext.visualization.sheets import tile_images
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW

_GAP = 4


@VISUALIZERS.register_module()
class MeshVisualizer(HEMletsVisualizer):
    """Draws predictions of HEMlets PoSh: the 2D pose, the body over the photo and from two sides.

    For MMPose's own ``PoseVisualizationHook``, as :class:`HEMletsVisualizer`. Each person is a
    row: the 2D skeleton of the volume's joints, the body over the crop, seen from the camera's
    side and from its right; where the truth is known, it is a row of its own below, in another
    colour. With HEMlets in the prediction, their maps make a second image. Where the meta
    information holds ``focal`` and ``principal_pt``, the body is seen by that camera, else by a
    made-up one, :func:`~mmpose_ext.visualization.mesh_person.default_camera`.

    Args:
        name (str): Name of the instance, as MMEngine wants it.
        body_model (dict, optional): Config of the model's body. None: ``SMPLBody``'s defaults.
        **kwargs: Arguments of :class:`HEMletsVisualizer`.

    Raises:
        ValueError: If an argument is invalid, or ``body_model`` is no ``SMPLBody``.

    Example:
        >>> visualizer = dict(type='MeshVisualizer', codec=codec, body_model=body_model)
        >>> default_hooks = dict(
        ...     visualization=dict(type='PoseVisualizationHook', enable=True, interval=50))
    """

    def __init__(
        self, name: str = 'visualizer', body_model: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name, **kwargs)
        self.body_model = MODELS.build(body_model or dict(type='SMPLBody'))
        if not isinstance(self.body_model, SMPLBody):
            raise ValueError(f'body_model must be an SMPLBody, got {body_model!r}')

    def draw_people(
        self, photo: np.ndarray, sample: PoseDataSample, kpt_thr: float = 0.3
    ) -> np.ndarray:
        """Draw the first image.

        Args:
            photo: BGR photograph (H, W, 3) uint8.
            sample: Prediction of ``PoShHead``.
            kpt_thr: Joints with a lower score are left out of the 2D skeleton.

        Returns:
            BGR image (H', W', 3) uint8.
        """
        rows = []
        for index in range(min(len(sample.pred_instances), self.max_people)):
            person = predicted_person(sample, self.codec, index)
            rows += self._row('predicted', photo, sample, index, person, kpt_thr)
            truth = true_person(sample, self.codec, index) if self.draw_truth else None
            if truth is not None:
                rows += self._row('true', photo, sample, index, truth, kpt_thr)
        return np.concatenate([*rows, body_note(self.body_model, rows[0].shape[1])])

    def _row(
        self,
        kind: str,
        photo: np.ndarray,
        sample: PoseDataSample,
        index: int,
        person: Person3D,
        kpt_thr: float,
    ) -> list[np.ndarray]:
        """Draw the titles and the pictures of a person, ``'predicted'`` or ``'true'``."""
        crop, K = crop_of(sample, index), camera_of(sample, (photo.shape[1], photo.shape[0]))
        size, faces, down = self.panel_size, self.body_model.faces, sample.get('gravity', None)
        color = BODY_COLOR if kind == 'predicted' else TRUTH_COLOR
        mesh = (
            predicted_mesh(sample, self.body_model, K, index)
            if kind == 'predicted'
            else true_mesh(sample, self.body_model, index)
        )
        views = (CAMERA_VIEW, SIDE_VIEW)
        panels = [
            draw_pose2d(photo, crop, person, self.dataset_meta, size, kpt_thr),
            draw_body(photo, crop, mesh, faces, K, size, color),
            *(draw_body_view(mesh, faces, view, size, color, down) for view in views),
        ]
        titles = [f'{kind} pose', f'{kind} body', *(f'{kind} {view.name}' for view in views)]
        return [header(titles, size, _GAP), tile_images(panels, 4, _GAP)]
