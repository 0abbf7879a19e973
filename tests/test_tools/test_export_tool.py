"""tools/export.py: a checkpoint in, a file out that says the same."""

import importlib.util
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from pose_models import CONFIGS

from mmpose_ext.apis.export import metadata_path, read_metadata
from mmpose_ext.apis.export.onnx_backend import OnnxBackend
from mmpose_ext.apis.export.parity import liven

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

NAME = 'td-hm_res18-half_1xb32-15e_mannequin-64x64'


@pytest.fixture(scope='module')
def tool(root):
    spec = importlib.util.spec_from_file_location('export_tool', root / 'tools/export.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Config and checkpoint of a small heatmap model."""
    folder = tmp_path_factory.mktemp('export_tool')
    config = CONFIGS / 'simdr/mannequin' / f'{NAME}.py'
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(Config.fromfile(config).model)
    liven(model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'model.pth')
    return config, folder / 'model.pth'


def test_a_checkpoint_becomes_a_file(tool, files, tmp_path, capsys, monkeypatch):
    out = tmp_path / 'new' / 'model.onnx'
    assert tool.main([*map(str, files), '--out', str(out)]) == 0
    text = capsys.readouterr().out
    assert 'keypoints: (B, K, 2)' in text
    assert 'differs by' in text
    assert 'not in the file: flip_test' in text
    metadata = read_metadata(metadata_path(out))
    assert metadata.name == NAME
    assert metadata.input['size'] == [64, 64]
    assert OnnxBackend(out).name == NAME
    assert sorted(path.name for path in out.parent.iterdir()) == ['model.json', 'model.onnx']

    # The same once more, but as if the file said something else.
    monkeypatch.setattr(tool, 'export_model', lambda _, path, **__: shutil.copy(out, path))
    monkeypatch.setattr(tool, 'differences', lambda *_: {'keypoints': float('nan')})
    other = tmp_path / 'other.onnx'
    shutil.copy(metadata_path(out), metadata_path(other))
    assert tool.main([*map(str, files), '--out', str(other)]) == 1
    assert 'keypoints' in capsys.readouterr().err
    assert not other.exists()
    assert not metadata_path(other).exists()
    assert other.with_suffix('.refused').is_file()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda config, weights: (config, weights.with_name('none.pth')), 'none.pth'),
        (lambda config, weights: (config, weights, '--out', 'model.pt'), 'NAME.onnx'),
        (
            lambda _, weights: (
                CONFIGS / 'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py',
                weights,
            ),
            'another network',
        ),
    ],
)
def test_what_does_not_fit_is_refused(tool, files, change, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tool.main(list(map(str, change(*files)))) == 1
    captured = capsys.readouterr().err
    assert captured.startswith('export: ')
    assert message in captured
    assert list(tmp_path.iterdir()) == []
