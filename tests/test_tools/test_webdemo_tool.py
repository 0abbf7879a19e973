"""The command line of the page; the page itself is tested in tests/test_apis/test_webdemo.py."""

import importlib
import sys
from types import SimpleNamespace

import pytest

MODEL = ['--model', 'SimDR', 'config.py', 'model.pth']


@pytest.fixture
def webdemo(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools')
    return importlib.import_module('webdemo')


def test_loads_what_is_named(webdemo, monkeypatch):
    monkeypatch.setattr(webdemo, 'load', lambda *files, **options: (files, options))
    monkeypatch.setattr(webdemo, 'load_detector', lambda *files, device: (*files, device))
    detector = ['--det-config', 'det.py', '--det-checkpoint', 'det.pth', '--device', 'cuda']
    args = webdemo.parse_arguments([*MODEL, '--model', 'HEMlets', 'hemlets.onnx', *detector])
    options = dict(device='cuda', detector=('det.py', 'det.pth', 'cuda'))
    assert webdemo.load_predictors(args) == {
        'SimDR': (('config.py', 'model.pth'), options),
        'HEMlets': (('hemlets.onnx',), options),
    }
    assert webdemo.load_predictors(webdemo.parse_arguments(MODEL))['SimDR'][1]['detector'] is None


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], '--model'),
        (MODEL[:2], 'SimDR needs CONFIG CHECKPOINT'),
        ([*MODEL, 'more'], 'SimDR needs CONFIG CHECKPOINT'),
        (MODEL + MODEL, 'a name of its own, got SimDR, SimDR'),
        ([*MODEL, '--det-config', 'det.py'], 'belong together'),
    ],
)
def test_refuses(webdemo, arguments, message, capsys):
    with pytest.raises(SystemExit):
        webdemo.parse_arguments(arguments)
    assert message in capsys.readouterr().err


def test_serves_this_machine_only(webdemo, monkeypatch):
    served = []
    page = SimpleNamespace(launch=lambda **options: served.append(options))
    monkeypatch.setattr(webdemo, 'load', lambda *files, **options: None)
    monkeypatch.setattr(webdemo, 'build_webdemo', lambda predictors: page)
    monkeypatch.setattr(sys, 'argv', ['webdemo.py', *MODEL])
    webdemo.main()
    assert served == [dict(server_name='127.0.0.1', server_port=7860)]


def test_a_missing_file_is_named(webdemo, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['webdemo.py', '--model', 'SimDR', 'nowhere.py', 'x.pth'])
    with pytest.raises(SystemExit, match=r'webdemo: .*nowhere\.py'):
        webdemo.main()
