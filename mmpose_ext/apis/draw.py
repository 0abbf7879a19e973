"""Draw what a trained model predicts on its own test set."""

from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.apis import init_model
from mmpose.registry import DATASETS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model, load_state_dict
from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.engine.checkpoint_fit import as_model_reads, check_fit
from mmpose_ext.fileio import atomic_path
from mmpose_ext.visualization import prediction_sheet, prediction_sheet_3d


def draw_predictions(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    *,
    people: int = 12,
    people_per_row: int | None = None,
    kpt_thr: float = 0.02,
    device: str = 'cpu',
) -> int:
    """Draw a sheet of people of the test set.

    Of each person the input, the prediction and the truth; of 3D models the input, the predicted
    2D skeleton, the 3D skeleton from two sides, the predicted and the true polarity of each part.

    Args:
        config (str | Path): Config of a top-down model.
        checkpoint (str | Path): Its checkpoint.
        out (str | Path): Image file to write.
        people (int): How many people, spread evenly over the test set. Defaults to 12.
        people_per_row (int | None): People in a row of the sheet. Defaults to None: 3, or 1 for
            3D models.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.02.
        device (str): Where the model runs. Defaults to ``'cpu'``.

    Returns:
        int: How many people were drawn.

    Raises:
        ValueError: If ``people`` or ``people_per_row`` is not positive, or the checkpoint cannot
            be read or is not one of the config's model.
        OSError: If the picture cannot be written.
    """
    for name, value in (('people', people), ('people_per_row', people_per_row)):
        if value is not None and value < 1:
            raise ValueError(f'{name} must be at least 1, got {value}')
    require_fit(config, checkpoint)
    model = init_model(str(config), str(checkpoint), device=device)
    init_default_scope('mmpose')
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    indices = np.unique(np.linspace(0, len(dataset) - 1, people).astype(int)).tolist()
    if isinstance(getattr(model.head, 'decoder', None), HEMletsLabel):
        # Polarities are read from the maps.
        model.test_cfg = {**(model.test_cfg or {}), 'output_heatmaps': True}
        sheet = prediction_sheet_3d(
            model, dataset, indices, people_per_row=people_per_row or 1, kpt_thr=kpt_thr
        )
    else:
        sheet = prediction_sheet(
            model, dataset, indices, people_per_row=people_per_row or 3, kpt_thr=kpt_thr
        )
    with atomic_path(out) as temporary:
        if not cv2.imwrite(str(temporary), sheet):
            raise OSError(f'OpenCV could not write {out}')
    return len(indices)


def require_fit(config: str | Path, checkpoint: str | Path) -> None:
    """Refuse a checkpoint that is not one of a config's model.

    :func:`mmpose.apis.init_model` would warn and go on with random weights.

    Args:
        config (str | Path): Config.
        checkpoint (str | Path): Checkpoint file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or a weight is missing, unexpected or of another shape.
    """
    model = build_meta_model(Config.fromfile(config).model)
    weights = as_model_reads(load_state_dict(checkpoint), model)
    cure = f'{config} is another network: take the config that it was trained with.'
    check_fit(weights, model, cure, source=str(checkpoint))
