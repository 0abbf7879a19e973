"""Sheets of a small PoSh network with random weights on mannequins."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS
from small_posh import lively, save_posh, small_posh

from mmpose_ext.apis import draw_predictions
from mmpose_ext.visualization import mesh_sheet


def test_draws_predictions_of_a_checkpoint(mannequins, tmp_path):
    config, checkpoint = save_posh(tmp_path, mannequins)
    out = tmp_path / 'sheet.png'
    assert draw_predictions(config, checkpoint, out, people=2) == 2
    sheet = cv2.imread(str(out))
    # Titles, two people of five pictures each, the note.
    assert sheet.shape == (26 + 2 * 260 + 4 + 26, 5 * 260 + 4, 3)
    seen, predicted, _, true, _ = (
        sheet[30:286, x : x + 256].astype(float) for x in range(4, 5 * 260, 260)
    )
    for body in (predicted, true):
        assert np.corrcoef(seen.ravel(), body.ravel())[0, 1] > 0.3
    # Somebody is drawn, and not the same in both.
    assert (np.abs(predicted - true).max(-1) > 20).sum() > 500


def test_people_stand_beside_each_other(mannequins):
    settings = small_posh(mannequins)
    model, dataset = lively(settings), DATASETS.build(settings.test_dataloader.dataset)
    sheet = mesh_sheet(model, dataset, [0, 1, 2], people_per_row=2, cell=64)
    assert sheet.shape == (26 + 2 * 68 + 4 + 26, 10 * 68 + 4, 3)


def test_refuses():
    with pytest.raises(ValueError, match='draw 3D poses with prediction_sheet_3d'):
        mesh_sheet(SimpleNamespace(head=SimpleNamespace()), None, [0])
