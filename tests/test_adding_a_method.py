"""The method of docs/adding_a_method.md: its files as they stand there, their tests, a training."""

import importlib
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import KEYPOINT_CODECS, MODELS

from mmpose_ext.apis import draw_predictions, load

PAGE = (Path(__file__).resolve().parents[1] / 'docs/adding_a_method.md').read_text()
BLOCK = re.compile(r'^```python\n# (marginals/\S+)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
FILES = dict(BLOCK.findall(PAGE))
CONFIG = 'marginals/marginals_res18-half_1xb32-15e_mannequin-64x64.py'
TESTS = re.findall(r'^def (test_\w+)', FILES['marginals/test_marginals.py'], re.MULTILINE)


@pytest.fixture(scope='module')
def checkout(root, tmp_path_factory):
    """A folder as a reader would have it; what it registers is taken out again afterwards."""
    folder = tmp_path_factory.mktemp('checkout')
    (folder / 'configs').symlink_to(root / 'configs')
    (folder / 'marginals').mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    sys.path.insert(0, str(folder))
    package = importlib.import_module('marginals')
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition('.')[0] == 'marginals']:
        del sys.modules[name]
    for registry in (KEYPOINT_CODECS, MODELS):
        for name in package.__all__:
            registry.module_dict.pop(name, None)


@pytest.fixture(scope='module')
def trained(checkout, mannequins):
    """Config and checkpoint of the page's method after three steps."""
    config = Config.fromfile(checkout / CONFIG)
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    for loader in loaders:
        part = {'num_workers': 0, 'persistent_workers': False, 'batch_size': 8}
        config.merge_from_dict({loader: {**part, 'dataset': {'data_root': f'{mannequins}/'}}})
    annotations = str(mannequins / 'annotations/person_keypoints_val.json')
    config.merge_from_dict(
        {
            'train_cfg': {'max_epochs': 1, 'val_interval': 1},
            'val_evaluator.ann_file': annotations,
            'test_evaluator.ann_file': annotations,
            'work_dir': str(checkout / 'work_dir'),
            'default_hooks.checkpoint.save_optimizer': False,
        }
    )
    Runner.from_cfg(config).train()
    return checkout / 'work_dir' / Path(CONFIG).name, checkout / 'work_dir/epoch_1.pth'


def test_every_python_block_is_a_file():
    assert PAGE.count('```python') == len(FILES) == 6
    assert len(TESTS) >= 8


def test_commands_name_files_that_are_there(root):
    named = re.findall(r'\b(?:tools|marginals)/[\w/.-]+\.py', PAGE)
    assert [name for name in named if name not in FILES and not (root / name).is_file()] == []
    assert f'CONFIG={CONFIG}' in PAGE


@pytest.mark.parametrize('name', TESTS)
def test_of_the_page(checkout, name):
    getattr(importlib.import_module('marginals.test_marginals'), name)()


def test_training_writes_its_score(trained):
    _, checkpoint = trained
    (scores,) = checkpoint.parent.glob('*/vis_data/scalars.json')
    assert 'coco/AP' in scores.read_text()


def test_inference(trained, mannequins):
    picture = next((mannequins / 'images/val').iterdir())
    (result,) = load(*trained)(str(picture))
    assert result.keypoints.shape == (1, 17, 2)
    assert np.isfinite(result.keypoints).all()
    assert ((result.keypoint_scores > 0) & (result.keypoint_scores <= 1)).all()
    model = init_model(*map(str, trained), device='cpu')
    (stock,) = inference_topdown(model, cv2.imread(str(picture)))
    np.testing.assert_allclose(result.keypoints, stock.pred_instances.keypoints, atol=1e-3)


def test_sheet_of_predictions(trained, tmp_path):
    assert draw_predictions(*trained, tmp_path / 'sheet.jpg', people=2, people_per_row=2) == 2
    assert cv2.imread(str(tmp_path / 'sheet.jpg')) is not None
