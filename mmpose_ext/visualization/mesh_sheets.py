"""Sheets of people of models that predict bodies: over the photo and from the side, with truth."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmpose.structures import PoseDataSample

from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.captions import header
from mmpose_ext.visualization.mesh_panels import body_note, draw_body, draw_body_view
from mmpose_ext.visualization.mesh_person import camera_of, predicted_mesh, true_mesh
from mmpose_ext.visualization.mesh_renderer import BODY_COLOR, TRUTH_COLOR
from mmpose_ext.visualization.person3d import crop_of
from mmpose_ext.visualization.sheets import (
    picture_of_input,
    predict_people,
    read_photo,
    tile_images,
)
from mmpose_ext.visualization.stage3d import SIDE_VIEW

_GAP = 4
_TITLES = (
    *('input', 'predicted body', f'predicted {SIDE_VIEW.name}'),
    *('true body', f'true {SIDE_VIEW.name}'),
)


def mesh_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    people_per_row: int = 1,
    cell: int = 256,
) -> np.ndarray:
    """Draw the bodies that a model predicts: for each person five pictures.

    The network's input at its own resolution, the predicted body over the photograph and from
    the camera's right, and the labelled body likewise. Where the meta information of the samples
    holds ``focal`` and ``principal_pt``, bodies are seen by that camera, else by a made-up one,
    :func:`~mmpose_ext.visualization.mesh_person.default_camera`; where it holds ``gravity`` (3,),
    the direction of down in camera axes, views from the side are level.

    Args:
        model (BaseModel): A top-down model with ``PoShHead``.
        dataset (BaseDataset): Dataset in test mode; it gives the inputs and the truth.
        indices (Sequence[int]): Which of its people to draw.
        people_per_row (int): People in a row of the sheet. Defaults to 1.
        cell (int): Side of a picture in pixels. Defaults to 256.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If the model has no body.
        FileNotFoundError: If a photograph is missing.
    """
    body = getattr(model.head, 'body_model', None)
    if not isinstance(body, SMPLBody):
        raise ValueError(
            f'a head with a body_model is needed, such as PoShHead, got '
            f'{type(model.head).__name__}; draw 3D poses with prediction_sheet_3d'
        )
    cells = []
    for item, prediction in predict_people(model, dataset, indices):
        seen = picture_of_input(item)
        cells.append(cv2.resize(seen, (cell, cell), interpolation=cv2.INTER_NEAREST))
        cells += _person_row(prediction, body, cell)
    sheet = tile_images(cells, columns=len(_TITLES) * people_per_row, gap=_GAP)
    top = header(list(_TITLES) * people_per_row, cell, _GAP)
    return np.concatenate([top, sheet, body_note(body, sheet.shape[1])])


def _person_row(prediction: PoseDataSample, body: SMPLBody, cell: int) -> list[np.ndarray]:
    photo = read_photo(prediction.img_path)
    crop, K = crop_of(prediction), camera_of(prediction, (photo.shape[1], photo.shape[0]))
    row = []
    for person, color in (
        (predicted_mesh(prediction, body, K), BODY_COLOR),
        (true_mesh(prediction, body), TRUTH_COLOR),
    ):
        row.append(draw_body(photo, crop, person, body.faces, K, cell, color))
        down = prediction.get('gravity', None)
        row.append(draw_body_view(person, body.faces, SIDE_VIEW, cell, color, down))
    return row
