"""Sheets of jigsaw puzzles and how a model solves them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs.functional.jigsaw import input_from_image, unshuffle_patches
from mmpose_ext.datasets.transforms.hsjp_shuffle import HSJPShuffle
from mmpose_ext.visualization.jigsaw import jigsaw_panels, tile_jigsaws
from mmpose_ext.visualization.person3d import as_array
from mmpose_ext.visualization.sheets import picture_of_input, predict_people


@dataclass(frozen=True)
class Puzzle:
    """What a data sample tells of a puzzle and of a model's answer.

    Attributes:
        permutation (np.ndarray): Original patch that each slot shows, (K,).
        points (np.ndarray): Predicted place of each patch in the puzzle, (K, 2), pixels of the
            crop.
        visible (np.ndarray | None): Positive for patches that count, (K,); None where the sample
            does not tell.
    """

    permutation: np.ndarray
    points: np.ndarray
    visible: np.ndarray | None


def puzzle_of(sample: PoseDataSample, use_udp: bool = False) -> Puzzle:
    """Read a model's answer to a puzzle.

    Args:
        sample (PoseDataSample): A prediction of a top-down model for one person.
        use_udp (bool): As in the shuffle.

    Returns:
        Puzzle: Permutation and answer.

    Raises:
        ValueError: If there is no prediction, or more than one, or the meta information does not
            tell the permutation and the crop.
    """
    name = sample.get('img_path', 'a sample')
    missing = [
        key
        for key in ('hsjp_perm', 'input_size', 'input_center', 'input_scale')
        if key not in sample
    ]
    if missing:
        raise ValueError(
            f'{name} lacks {", ".join(missing)} in its meta information: shuffle with HSJPShuffle '
            "and name them in PackPoseInputs(meta_keys=(..., 'hsjp_perm'))"
        )
    count = len(sample.pred_instances) if 'pred_instances' in sample else 0
    if count != 1:
        raise ValueError(f'{name} needs one predicted person, has {count}')
    points = input_from_image(
        as_array(sample.pred_instances.keypoints)[0, :, :2],
        np.ravel(sample.input_center),
        np.ravel(sample.input_scale),
        sample.input_size,
        use_udp,
    )
    visible = None
    if 'keypoints_visible' in sample.get('gt_instances', ()):
        visible = as_array(sample.gt_instances.keypoints_visible)[0]
    return Puzzle(np.ravel(sample.hsjp_perm), points, visible)


def shuffle_of(dataset: BaseDataset) -> HSJPShuffle | None:
    """Find the transform that makes a dataset's puzzles.

    Args:
        dataset (BaseDataset): A dataset.

    Returns:
        HSJPShuffle | None: The transform; None where the dataset makes no puzzles.
    """
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return next((step for step in transforms if isinstance(step, HSJPShuffle)), None)


def jigsaw_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    puzzles_per_row: int = 2,
    height: int = 256,
) -> np.ndarray:
    """Draw how a model solves puzzles: for each person four pictures.

    The shuffled crop as the network is given it, jitter included; the place that it predicts for
    each patch; the person put together accordingly; the person before the shuffle.

    Args:
        model (BaseModel): A top-down model that finds patches.
        dataset (BaseDataset): Dataset in test mode whose pipeline has an :class:`HSJPShuffle`.
        indices (Sequence[int]): Which of its people to draw.
        puzzles_per_row (int): People in a row of the sheet. Defaults to 2.
        height (int): Height of a picture in pixels. Defaults to 256.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If the dataset makes no puzzles, or its samples do not tell the permutation.
    """
    shuffle = shuffle_of(dataset)
    if shuffle is None:
        raise ValueError(
            f'{type(dataset).__name__} makes no puzzles: its pipeline has no HSJPShuffle; draw '
            'pose models with prediction_sheet'
        )
    puzzles = []
    for item, prediction in predict_people(model, dataset, indices):
        puzzle = puzzle_of(prediction, shuffle.use_udp)
        panels = jigsaw_panels(
            unshuffle_patches(picture_of_input(item), puzzle.permutation, shuffle.grid),
            puzzle.permutation,
            puzzle.points,
            shuffle.grid,
            visible=puzzle.visible,
            use_udp=shuffle.use_udp,
            height=height,
        )
        puzzles.append(panels)
    return tile_jigsaws(puzzles, puzzles_per_row)
