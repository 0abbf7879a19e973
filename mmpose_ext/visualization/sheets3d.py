"""Sheets of people of 3D models: photo, 2D skeleton, 3D skeleton from two sides, polarities."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.visualization.captions import PAPER, header
from mmpose_ext.visualization.panels3d import draw_polarity, legend, person_panels
from mmpose_ext.visualization.person3d import crop_of, predicted_person, true_person
from mmpose_ext.visualization.sheets import (
    picture_of_input,
    predict_people,
    read_photo,
    tile_images,
)
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW

_GAP = 4
_TITLES = ('input', 'predicted pose', f'3D {CAMERA_VIEW.name}', f'3D {SIDE_VIEW.name}')


def prediction_sheet_3d(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    people_per_row: int = 1,
    cell: int = 256,
    kpt_thr: float = 0.02,
) -> np.ndarray:
    """Draw what a 3D model predicts: for each person six pictures.

    The network's input at its own resolution, the predicted 2D skeleton, the predicted 3D
    skeleton from the camera's side and from its right, with the true one in thin grey, the
    predicted and the true polarity of each part. Where the meta information of the samples holds
    ``gravity`` (3,), the direction of down in camera axes, the 3D views are level.

    Args:
        model (BaseModel): A top-down model whose head decodes with :class:`HEMletsLabel`.
        dataset (BaseDataset): Dataset in test mode; it gives the inputs and the truth.
        indices (Sequence[int]): Which of its people to draw.
        people_per_row (int): People in a row of the sheet. Defaults to 1.
        cell (int): Side of a picture in pixels. Defaults to 256.
        kpt_thr (float): Keypoints with a lower score are left out of the 2D skeleton.
            Defaults to 0.02.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If the model is none of that kind.
        FileNotFoundError: If a photograph is missing.
    """
    codec = getattr(model.head, 'decoder', None)
    if not isinstance(codec, HEMletsLabel):
        raise ValueError(
            f'a head that decodes with HEMletsLabel is needed, got {type(model.head).__name__} '
            f'with {type(codec).__name__}; draw 2D models with prediction_sheet'
        )
    cells = []
    for item, prediction in predict_people(model, dataset, indices):
        seen = picture_of_input(item)
        cells.append(cv2.resize(seen, (cell, cell), interpolation=cv2.INTER_NEAREST))
        cells += _person_row(prediction, dataset.metainfo, codec, cell, kpt_thr)
    titles = [*_TITLES, 'predicted polarity', 'true polarity']
    sheet = tile_images(cells, columns=len(titles) * people_per_row, gap=_GAP)
    top = header(titles * people_per_row, cell, _GAP)
    return np.concatenate([top, sheet, legend(sheet.shape[1], dataset.metainfo)])


def _person_row(
    prediction: PoseDataSample, meta: dict, codec: HEMletsLabel, cell: int, kpt_thr: float
) -> list[np.ndarray]:
    photo = read_photo(prediction.img_path)
    crop = crop_of(prediction)
    person, truth = predicted_person(prediction, codec), true_person(prediction, codec)
    down = prediction.get('gravity', None)
    row = person_panels(
        photo, crop, person, meta, codec, size=cell, kpt_thr=kpt_thr, truth=truth, down=down
    )
    if truth is None:
        return [*row, np.full((cell, cell, 3), PAPER, np.uint8)]
    return [*row, draw_polarity(photo, crop, truth, codec, cell)]
