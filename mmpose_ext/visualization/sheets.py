"""Sheets: many small pictures in one, to see at a glance whether a model works."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_warp_matrix
from mmpose.visualization import PoseLocalVisualizer

from mmpose_ext.refusals import refusing


def tile_images(images: Sequence[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Lay images of one size out in rows on white.

    Args:
        images (Sequence[np.ndarray]): Images (H, W, 3) uint8.
        columns (int): Images in a row.
        gap (int): White pixels between images and around them. Defaults to 4.

    Returns:
        np.ndarray: One image (rows * (H + gap) + gap, columns * (W + gap) + gap, 3).

    Raises:
        ValueError: If there is no image, sizes differ, or ``columns`` is not positive.
    """
    if not images or columns < 1:
        raise ValueError(f'need images and columns >= 1, got {len(images)} and {columns}')
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise ValueError(f'images of one size are needed, got {sorted(shapes)}; resize them first')
    H, W, C = images[0].shape
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (H + gap) + gap, columns * (W + gap) + gap, C), 255, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        y, x = gap + row * (H + gap), gap + column * (W + gap)
        sheet[y : y + H, x : x + W] = image
    return sheet


def predict_people(
    model: BaseModel, dataset: BaseDataset, indices: Sequence[int]
) -> list[tuple[dict, PoseDataSample]]:
    """Predict some of a dataset's people at once.

    Args:
        model (BaseModel): A top-down model.
        dataset (BaseDataset): Dataset in test mode.
        indices (Sequence[int]): Which of its people.

    Returns:
        list[tuple[dict, PoseDataSample]]: For each what the dataset gives and the prediction.
    """
    items = [dataset[index] for index in indices]
    with torch.no_grad():
        predictions = model.test_step(pseudo_collate(items))
    return list(zip(items, predictions, strict=True))


def picture_of_input(item: dict) -> np.ndarray:
    """Give the network's input as a picture, at its own resolution.

    Args:
        item (dict): What a dataset gives: ``inputs`` (3, H, W), BGR uint8.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.
    """
    picture: np.ndarray = item['inputs'].permute(1, 2, 0).numpy()
    return picture


def read_photo(path: str | Path) -> np.ndarray:
    """Read a photograph.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If it is missing or no image.
        ValueError: If OpenCV refuses to decode it, such as one of too many pixels.
    """
    with refusing(path, 'photograph'):
        photo = cv2.imread(str(path)) if Path(path).is_file() else None
    if photo is None:
        raise FileNotFoundError(f'there is no image {path}, or it cannot be read')
    return photo


def draw_skeleton(
    image: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
    dataset_meta: dict,
    kpt_thr: float,
    size: float | None = None,
) -> np.ndarray:
    """Draw people through MMPose's visualizer.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8.
        keypoints (np.ndarray): Keypoints (N, K, 2) in pixels.
        scores (np.ndarray): Scores (N, K).
        dataset_meta (dict): ``metainfo`` of the dataset: skeleton and colours.
        kpt_thr (float): Keypoints with a lower score are not drawn.
        size (float | None): Length in pixels that the strokes suit. Defaults to None: the longer
            side of the image.

    Returns:
        np.ndarray: A new BGR image.
    """
    size = max(image.shape[:2]) if size is None else size
    visualizer = PoseLocalVisualizer(
        radius=max(2, int(size // 96)), line_width=max(1, int(size // 128))
    )
    visualizer.set_dataset_meta(dataset_meta)
    instances = InstanceData(keypoints=keypoints, keypoints_visible=scores)
    sample = PoseDataSample(pred_instances=instances)
    drawn = visualizer.add_datasample(
        'person', image[..., ::-1].copy(), sample, draw_gt=False, draw_bbox=False, kpt_thr=kpt_thr
    )
    return drawn[..., ::-1].copy()


def prediction_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    people_per_row: int = 3,
    cell_height: int = 256,
    kpt_thr: float = 0.02,
) -> np.ndarray:
    """Draw what a top-down model predicts: for each person input, prediction and truth.

    The first picture is the network's input at its own resolution, so that a
    reader sees how little the network is given.

    Args:
        model (BaseModel): A top-down pose estimator.
        dataset (BaseDataset): Dataset in test mode; it gives the inputs and the truth.
        indices (Sequence[int]): Which of its people to draw.
        people_per_row (int): People in a row of the sheet. Defaults to 3.
        cell_height (int): Height of a picture in pixels. Defaults to 256.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to
            0.02, the published threshold of SimDR at low resolution, whose
            probabilities are low by design.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.
    """
    cells = []
    for item, prediction in predict_people(model, dataset, indices):
        W, H = prediction.input_size
        cell = (round(cell_height * W / H), cell_height)
        warp = get_warp_matrix(prediction.input_center, prediction.input_scale, 0, cell)
        crop = cv2.warpAffine(read_photo(prediction.img_path), warp, cell)
        seen = picture_of_input(item)
        cells.append(cv2.resize(seen, cell, interpolation=cv2.INTER_NEAREST))
        guess, truth = prediction.pred_instances, prediction.gt_instances
        for points, scores in (
            (guess.keypoints, guess.keypoint_scores),
            (truth.keypoints, truth.keypoints_visible),
        ):
            points = np.asarray(points) @ warp[:, :2].T + warp[:, 2]
            cells.append(draw_skeleton(crop, points, np.asarray(scores), dataset.metainfo, kpt_thr))
    return tile_images(cells, columns=3 * people_per_row)
