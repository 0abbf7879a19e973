import json
import runpy
import sys

import numpy as np
import pytest
from small_posh import save_posh

TOOL = 'tools/infer_mesh.py'


@pytest.fixture(scope='module')
def model(mannequins, tmp_path_factory):
    return save_posh(tmp_path_factory.mktemp('posh'), mannequins)


@pytest.fixture(scope='module')
def photo(mannequins):
    return sorted((mannequins / 'images').rglob('*.jpg'))[0]


@pytest.fixture
def run_tool(root, monkeypatch):
    """Runs the tool in this process."""

    def run(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, args)])
        runpy.run_path(str(root / TOOL), run_name='__main__')

    return run


def test_one_command(run_python, model, photo, tmp_path):
    out = tmp_path / 'out'
    done = run_python(TOOL, *model, photo, '--out', out, '--boxes', '0,0,128,128', '20,20,90,90')
    names = [f'{photo.stem}{end}' for end in ('.json', '_overlay.jpg')]
    names += [f'{photo.stem}_person{n}.glb' for n in range(2)]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert all(name in done.stdout for name in names)
    assert 'person 1: pelvis at x' in done.stdout


def test_options(run_tool, model, photo, tmp_path, capsys):
    options = ('--focal', 300, '--padding', 1.2, '--gif', '--formats', 'obj', '--refine')
    run_tool(*model, photo, '--out', tmp_path, *options)
    names = [f'{photo.stem}{end}' for end in ('.json', '_overlay.jpg')]
    names += [f'{photo.stem}_person0.{kind}' for kind in ('gif', 'obj')]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert '300.0' in (tmp_path / names[0]).read_text()
    assert 'person 0' in capsys.readouterr().out


def test_a_camera_that_looks_past_the_middle(run_tool, model, photo, tmp_path):
    """The person lies elsewhere before it; the padded box is told."""
    found = []
    for name, options in (('middle', ()), ('aside', ('--center=-36.5,63.5',))):
        out = tmp_path / name
        box = ('--boxes', '32,32,96,96', '--padding', 1.5, '--formats')
        run_tool(*model, photo, '--out', out, '--focal', 200, *box, *options)
        found.append(json.loads((out / f'{photo.stem}.json').read_text()))
    middle, aside = found
    assert middle['K'] == [[200, 0, 63.5], [0, 200, 63.5], [0, 0, 1]]
    assert aside['K'] == [[200, 0, -36.5], [0, 200, 63.5], [0, 0, 1]]
    before, after = (np.array(told['people'][0]['transl']) for told in found)
    np.testing.assert_allclose(after - before, (100 / 200 * before[2], 0, 0), rtol=1e-4, atol=1e-5)
    assert aside['people'][0]['box'] == [16, 16, 112, 112]
    assert 'padding included' in aside['units']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--boxes', '1,2,3'], "a box is x1,y1,x2,y2 in pixels, got '1,2,3'"),
        (['--center', '1,2,3'], "a point is x,y in pixels, got '1,2,3'"),
        (['--center', 'nan,3'], "a point is x,y in pixels, got 'nan,3'"),
        (['--focal', '-5'], 'positive focal lengths'),
        (['--formats', 'fbx'], "invalid choice: 'fbx'"),
    ],
)
def test_refuses(run_tool, model, photo, tmp_path, capsys, options, message):
    with pytest.raises(SystemExit) as stop:
        run_tool(*model, photo, '--out', tmp_path / 'out', *options)
    assert stop.value.code
    assert message in f'{stop.value.code}{capsys.readouterr().err}'
    assert not (tmp_path / 'out').exists()


def test_a_missing_image(run_tool, model, tmp_path):
    with pytest.raises(SystemExit, match=r'x\.jpg, or it cannot be read'):
        run_tool(*model, tmp_path / 'x.jpg', '--out', tmp_path / 'out')
