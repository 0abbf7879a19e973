import pytest
import torch
from mmengine.logging import HistoryBuffer

TOOL = 'tools/checkpoint_converters/extract_backbone.py'
WEIGHTS = {
    'backbone.conv1.weight': torch.arange(4.0),
    'head.deconv_layers.0.weight': torch.ones(2),
    'head.final_layer.bias': torch.zeros(12),
}


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint as MMEngine writes it: with a log, and stamped by HSJPPretrainHook."""
    path = tmp_path / 'epoch_3.pth'
    content = {
        'state_dict': WEIGHTS,
        'meta': {'hsjp': {'grid': [4, 3]}, 'epoch': 3},
        'message_hub': {'loss': HistoryBuffer([1.0], [1])},
    }
    torch.save(content, path)
    return path


def test_extracts_the_backbone(checkpoint, tmp_path, run_python):
    out = tmp_path / 'new/backbone.pth'
    done = run_python(TOOL, checkpoint, out)
    assert f'model.backbone.init_cfg.checkpoint={out}' in done.stdout
    content = torch.load(out, weights_only=True)
    assert list(content['state_dict']) == ['conv1.weight']
    assert torch.equal(content['state_dict']['conv1.weight'], torch.arange(4.0))
    assert content['meta']['hsjp'] == {'grid': [4, 3]}
    assert content['meta']['extracted_from'] == 'epoch_3.pth'


def test_extracts_several_modules(checkpoint, tmp_path, run_python):
    out = tmp_path / 'two.pth'
    done = run_python(TOOL, checkpoint, out, '--modules', 'backbone', 'head.deconv_layers')
    assert f'load_from={out}' in done.stdout
    assert list(torch.load(out, weights_only=True)['state_dict']) == list(WEIGHTS)[:2]


@pytest.mark.parametrize(
    ('source', 'modules', 'message'),
    [
        ('none.pth', ['backbone'], 'There is no checkpoint'),
        ('epoch_3.pth', ['neck'], "There are no weights of 'neck'"),
        ('epoch_3.pth', ['head'], 'holds the final layer'),
        ('rubbish.pth', ['backbone'], 'cannot be read'),
        ('nan.pth', ['backbone'], '1 weights that are not finite: conv1.weight'),
    ],
)
def test_refuses(checkpoint, tmp_path, run_python, source, modules, message):
    (tmp_path / 'rubbish.pth').write_bytes(b'rubbish')
    torch.save({'backbone.conv1.weight': torch.tensor([torch.nan])}, tmp_path / 'nan.pth')
    out = tmp_path / 'out.pth'
    done = run_python(TOOL, tmp_path / source, out, '--modules', *modules, check=False)
    assert done.returncode == 1
    assert message in done.stdout
    assert 'Traceback' not in done.stdout
    assert not out.exists()


def test_does_not_replace_the_checkpoint(checkpoint, run_python):
    before = checkpoint.read_bytes()
    done = run_python(TOOL, checkpoint, checkpoint, check=False)
    assert 'would replace the checkpoint' in done.stdout
    assert checkpoint.read_bytes() == before
