"""Draw what a trained model predicts on its own test set."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import BottomupPoseEstimator
from mmpose.registry import DATASETS

from mmpose_ext.apis.loading import load_model
from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.fileio import atomic_path
from mmpose_ext.models.heads import PoShHead
from mmpose_ext.models.pose_estimators import EventFlowEstimator, EventHPE
from mmpose_ext.visualization import (
    crowd_sheet,
    event_flow_sheet,
    event_pose_sheet,
    jigsaw_sheet,
    mesh_sheet,
    prediction_sheet,
    prediction_sheet_3d,
)
from mmpose_ext.visualization.jigsaw_sheets import shuffle_of


def draw_predictions(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    *,
    people: int = 12,
    people_per_row: int | None = None,
    kpt_thr: float | None = None,
    device: str = 'cpu',
) -> int:
    """Draw a sheet of people of the test set.

    Of each person the input, the prediction and the truth; of 3D models the input, the predicted
    2D skeleton, the 3D skeleton from two sides, the predicted and the true polarity of each part;
    of models with a body the input, the predicted and the true body over the photograph and from
    the side. Of bottom-up models each photograph, its people as they are and as predicted, a
    colour for each, and heatmaps and tags where the model gives them. Of jigsaw pretraining the
    puzzle, where the model finds each patch, the person put together accordingly, and the person
    as he is. Of clips of events some steps: events, flow, the predicted and the true body; of
    optical flow the events, the predicted and the true flow.

    Args:
        config (str | Path): Config of a top-down or bottom-up model.
        checkpoint (str | Path): Its checkpoint.
        out (str | Path): Image file to write.
        people (int): How many people, photographs of bottom-up models, or clips of events, spread
            evenly over the test set. Defaults to 12.
        people_per_row (int | None): How many of them, or steps of clips, in a row of the sheet.
            Defaults to None: 3, 2 puzzles, or 1 for 3D and bottom-up models and events.
        kpt_thr (float | None): Keypoints with a lower score are not drawn; patches of puzzles
            always are. Defaults to None: 0.02, or 0.1 for bottom-up models.
        device (str): Where the model runs. Defaults to ``'cpu'``.

    Returns:
        int: How many people, photographs or clips were drawn.

    Raises:
        ValueError: If ``people`` or ``people_per_row`` is not positive, or the checkpoint cannot
            be read or is not one of the config's model.
        OSError: If the picture cannot be written.
    """
    for name, value in (('people', people), ('people_per_row', people_per_row)):
        if value is not None and value < 1:
            raise ValueError(f'{name} must be at least 1, got {value}')
    model = load_model(config, checkpoint, device)
    init_default_scope('mmpose')
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    indices = np.unique(np.linspace(0, len(dataset) - 1, people).astype(int)).tolist()
    sheet = _sheet(model, dataset, indices, people_per_row, kpt_thr)
    with atomic_path(out) as temporary:
        if not cv2.imwrite(str(temporary), sheet):
            raise OSError(f'OpenCV could not write {out}')
    return len(indices)


def _sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: list[int],
    people_per_row: int | None,
    kpt_thr: float | None,
) -> np.ndarray:
    """Draw the sheet that suits a model."""
    if shuffle_of(dataset) is not None:
        return jigsaw_sheet(model, dataset, indices, puzzles_per_row=people_per_row or 2)
    if isinstance(model, EventFlowEstimator):
        return event_flow_sheet(model, dataset, indices, samples_per_row=people_per_row or 1)
    if isinstance(model, EventHPE):
        return event_pose_sheet(model, dataset, indices, steps_per_row=people_per_row or 1)
    if isinstance(getattr(model, 'head', None), PoShHead):
        return mesh_sheet(model, dataset, indices, people_per_row=people_per_row or 1)
    three_d = isinstance(getattr(model.head, 'decoder', None), HEMletsLabel)
    bottom_up = isinstance(model, BottomupPoseEstimator)
    if three_d or bottom_up:
        # Polarities are read from the maps; heatmaps and tags are drawn.
        model.test_cfg = {**(model.test_cfg or {}), 'output_heatmaps': True}
    if bottom_up:
        thr = 0.1 if kpt_thr is None else kpt_thr
        return crowd_sheet(
            model, dataset, indices, pictures_per_row=people_per_row or 1, kpt_thr=thr
        )
    thr = 0.02 if kpt_thr is None else kpt_thr
    if three_d:
        per_row = people_per_row or 1
        return prediction_sheet_3d(model, dataset, indices, people_per_row=per_row, kpt_thr=thr)
    per_row = people_per_row or 3
    return prediction_sheet(model, dataset, indices, people_per_row=per_row, kpt_thr=thr)
