import io
import os
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from mmpose_ext.apis.checkpoint_conversion import (
    check_fit,
    load_state_dict,
    rename_keys,
    save_converted,
    strip_prefix,
)


class RunsCode:
    """Pickles as a call that makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


WEIGHTS = {'a.weight': torch.arange(6.0).view(2, 3), 'a.bias': torch.ones(2)}
PARALLEL = {f'module.{key}': value for key, value in WEIGHTS.items()}
OPTIMIZER = {'state': {0: {'step': 3}}, 'param_groups': [{'lr': 1e-3, 'betas': (0.9, 0.999)}]}


def assert_equal(state_dict, expected=WEIGHTS):
    assert list(state_dict) == list(expected)
    for key, value in expected.items():
        torch.testing.assert_close(state_dict[key], value, rtol=0, atol=0)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize(
    'content',
    [
        WEIGHTS,
        PARALLEL,
        {'epoch': 7, 'state_dict': PARALLEL, 'perf': np.float64(0.5), 'optimizer': OPTIMIZER},
        {'best_state_dict': WEIGHTS},
        {'state_dict': PARALLEL, 'best_state_dict': WEIGHTS},
    ],
)
def test_load_finds_the_weights(tmp_path, content, zipped):
    torch.save(content, tmp_path / 'x.pth', _use_new_zipfile_serialization=zipped)
    assert_equal(load_state_dict(tmp_path / 'x.pth'))


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('beside', [True, False])
def test_load_runs_no_code(tmp_path, zipped, beside):
    evil = RunsCode(tmp_path / 'made')
    content = {'state_dict': WEIGHTS, 'perf': evil} if beside else evil
    torch.save(content, tmp_path / 'evil.pth', _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r'evil\.pth was refused.*mkdir'):
        load_state_dict(tmp_path / 'evil.pth')
    assert not (tmp_path / 'made').exists()
    # The file would indeed have run it.
    torch.load(tmp_path / 'evil.pth', weights_only=False)
    assert (tmp_path / 'made').exists()


@pytest.mark.parametrize('protocol', [2, 4])
def test_load_runs_no_code_of_a_bare_pickle(tmp_path, protocol):
    (tmp_path / 'evil.pkl').write_bytes(pickle.dumps(RunsCode(tmp_path / 'made'), protocol))
    with pytest.raises(ValueError, match=r'evil\.pkl'):
        load_state_dict(tmp_path / 'evil.pkl')
    assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('kept', [0, 1, 10, 100, 0.5, 0.99])
def test_load_refuses_a_truncated_file(tmp_path, kept, zipped):
    whole = io.BytesIO()
    torch.save(WEIGHTS, whole, _use_new_zipfile_serialization=zipped)
    kept = kept if isinstance(kept, int) else int(kept * whole.tell())
    (tmp_path / 'cut.pth').write_bytes(whole.getvalue()[:kept])
    with pytest.raises(ValueError, match=r'cut\.pth cannot be read.*again'):
        load_state_dict(tmp_path / 'cut.pth')


def test_load_refuses_what_is_no_checkpoint(tmp_path):
    (tmp_path / 'page.pth').write_text('<html>Google Drive: quota exceeded</html>\n' * 9)
    with pytest.raises(ValueError, match=r'page\.pth cannot be read'):
        load_state_dict(tmp_path / 'page.pth')
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        load_state_dict(tmp_path / 'none.pth')


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        ([1, 2], 'got list'),
        ({}, 'got nothing'),
        ({'epoch': 3, 'model': 'pose_hrnet'}, 'epoch: int, model: str'),
        ({'state_dict': {'a': 1}}, 'a: int'),
        ({'state_dict': WEIGHTS, 'best_state_dict': {'a.bias': torch.zeros(2)}}, 'two different'),
        ({**WEIGHTS, 'module.b': torch.ones(1)}, 'some do not: a.weight, a.bias'),
    ],
)
def test_load_refuses_what_is_not_one_state_dict(tmp_path, content, named):
    torch.save(content, tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=named):
        load_state_dict(tmp_path / 'odd.pth')


def test_strip_prefix():
    assert_equal(strip_prefix(PARALLEL))
    assert_equal(strip_prefix(WEIGHTS))


def test_rename_takes_the_longest_prefix():
    renamed = rename_keys({'fc.w': 1, 'fc2.w': 2, 'conv.w': 3}, {'': 'backbone.', 'fc.': 'head.'})
    assert renamed == {'head.w': 1, 'backbone.fc2.w': 2, 'backbone.conv.w': 3}


def test_rename_refuses_a_key_without_a_rule_and_a_clash():
    with pytest.raises(ValueError, match=r'No rule for 1 keys.*conv\.w'):
        rename_keys({'fc.w': 1, 'conv.w': 2}, {'fc.': 'head.'})
    with pytest.raises(ValueError, match=r'Two keys would be named "head\.w"'):
        rename_keys({'fc.w': 1, 'mlp.w': 2}, {'fc.': 'head.', 'mlp.': 'head.'})


def test_check_fit_lists_all_that_is_wrong():
    model = nn.Linear(3, 2, device='meta')
    check_fit({'weight': torch.ones(2, 3), 'bias': torch.ones(2)}, model, 'cure')
    with pytest.raises(ValueError, match='does not fit') as caught:
        check_fit({'weight': torch.ones(2, 4), 'b': torch.ones(2)}, model, 'Take another.')
    message = str(caught.value)
    assert '1 missing: bias' in message
    assert '1 unexpected: b\n' in message
    assert '1 of another shape: weight (2, 4) instead of (2, 3)' in message
    assert message.endswith('Take another.')


def test_save_writes_both_files_and_no_third(tmp_path):
    path = tmp_path / 'new' / 'x.pth'
    config = save_converted(WEIGHTS, path, config_text='a = 1\n', source='/somewhere/y.pth')
    assert config.read_text() == 'a = 1\n'
    assert sorted(item.name for item in path.parent.iterdir()) == ['x.pth', 'x.py']
    saved = torch.load(path, weights_only=True)
    assert_equal(saved['state_dict'])
    assert saved['meta']['converted_from'] == 'y.pth'


@pytest.mark.parametrize('name', ['x', 'x.py'])
def test_save_refuses_a_name_that_the_config_would_take(tmp_path, name):
    with pytest.raises(ValueError, match='suffix such as'):
        save_converted(WEIGHTS, tmp_path / name, config_text='', source='y.pth')
    assert not list(tmp_path.iterdir())
