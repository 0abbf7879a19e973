import os
import pickle
import runpy
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import fake_human36m as fake

TOOL = 'tools/dataset_converters/preprocess_h36m.py'
MOVABLE = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]


@pytest.fixture(scope='module')
def official(tmp_path_factory):
    folder = tmp_path_factory.mktemp('official')
    fake.write_official_files(folder, fake.write_npz)
    return folder


@pytest.fixture(scope='module')
def stand_in(tmp_path_factory):
    """Folder of a stand-in for spacepy."""
    folder = tmp_path_factory.mktemp('stand_in')
    fake.install_stand_in(folder)
    return folder


@pytest.fixture(scope='module')
def main(root, stand_in):
    """The tool's main() with that stand-in."""
    tools = str((root / TOOL).parent)
    with pytest.MonkeyPatch.context() as patch:
        for name in ('spacepy', 'spacepy.pycdf', 'resumable_h36m'):
            patch.delitem(sys.modules, name, raising=False)
        patch.syspath_prepend(tools)
        patch.syspath_prepend(str(stand_in))
        main = runpy.run_path(str(root / TOOL))['main']
        for name in ('spacepy', 'spacepy.pycdf', 'resumable_h36m'):
            sys.modules.pop(name, None)
    return main


def arguments(original, out, *args):
    places = ('--original', original, '--extracted', out / 'x', '--processed', out / 'p')
    wanted = () if '--subjects' in args else ('--subjects', 'S1', 'S9')
    return [str(arg) for arg in (*places, '--jobs', 1, *wanted, *args)]


@pytest.fixture
def refuse(main):
    """Run the tool, which must fail; give the last words."""

    def run(original, out, *args):
        with pytest.raises(SystemExit) as error:
            main(arguments(original, out, *args))
        words = error.value.code
        assert words.startswith('preprocess_h36m: ')
        return words

    return run


@pytest.fixture
def run_process(run_python, stand_in):
    """Run the tool in a process of its own."""

    def run(original, out, *args, check=True, **env):
        env = {**os.environ, 'PYTHONPATH': str(stand_in), 'OMP_NUM_THREADS': '1', **env}
        return run_python(TOOL, *arguments(original, out, *args), env=env, check=check)

    return run


@pytest.fixture(scope='module')
def prepared(official, main, tmp_path_factory):
    out = tmp_path_factory.mktemp('out')
    main(arguments(official, out))
    return out


def content(out):
    """Every file below as something that can be compared."""
    files = {}
    for path in sorted(p for p in out.rglob('*') if p.is_file()):
        name = path.relative_to(out).as_posix()
        if path.suffix == '.npz':
            with np.load(path) as data:
                files[name] = {key: data[key].tolist() for key in data}
        else:
            files[name] = path.read_bytes()
    return files


def test_what_is_written(prepared):
    folder = prepared / 'p/annotation_body3d'
    cameras = pickle.loads((folder / 'cameras.pkl').read_bytes())
    assert len(cameras) == 44
    assert cameras['S1', '54138969']['h'] == 1002
    with np.load(folder / 'fps10/h36m_test.npz') as data:
        names, part, S = data['imgname'], data['part'], data['S']
        assert data['center'].shape == (24, 2)
        assert data['scale'].shape == (24,)
    # Frames 1, 6 and 11 of 12, of each of two actions before four cameras.
    assert names[:3].tolist() == [
        f'S9/S9_Directions_1.54138969/S9_Directions_1.54138969_0000{n:02d}.jpg' for n in (1, 6, 11)
    ]
    expected = fake.pose('S9', 'Directions 1', '54138969', 3).reshape(12, 32, 3)
    np.testing.assert_allclose(S[:3, :, :3], expected[::5][:, MOVABLE] / 1000)
    expected = fake.pose('S9', 'Directions 1', '54138969', 2).reshape(12, 32, 2)
    np.testing.assert_allclose(part[:3, :, :2], expected[::5][:, MOVABLE])
    for index, name in enumerate(names.tolist()):
        image = cv2.imread(str(prepared / 'p/images' / name))
        assert image.shape == (fake.SIZE, fake.SIZE, 3)
        assert abs(image.mean() - 20 * 5 * (index % 3)) < 8
    assert len(list(folder.glob('fps10/joint*_stats.pkl'))) == 4
    assert not list(prepared.rglob('.partial*'))


def test_the_stock_tool_writes_the_same(official, main, prepared, tmp_path, capsys):
    ours = main.__globals__['ResumablePreprocessH36m']
    stock = ours.__mro__[1](official / 'metadata.xml', official, prepared / 'x', tmp_path / 'p')
    assert type(stock) is not ours
    stock.subjects_splits = {'train': ['S1'], 'test': ['S9']}
    stock.generate_annotations()
    stock.generate_cameras_file()
    theirs = content(tmp_path / 'p')
    assert len(theirs) == 48 + 2 + 4 + 1
    found = content(prepared / 'p')
    assert {name: value for name, value in found.items() if '/sequences/' not in name} == theirs


def test_does_nothing_twice(official, main, prepared, capsys):
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob('*.jpg')}
    shutil.rmtree(prepared / 'x')  # not needed any more
    main(arguments(official, prepared))
    assert 'h36m_test.npz: 24 frames' in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in prepared.rglob('*.jpg')} == before
    assert not (prepared / 'x').exists()


@pytest.mark.parametrize('picture', [1, 20])
def test_killed_and_resumed_gives_the_same(
    official, main, run_process, prepared, tmp_path, picture
):
    killed = run_process(official, tmp_path, check=False, CRASH_AFTER=str(picture))
    assert killed.returncode == -9
    pictures = list((tmp_path / 'p/images').rglob('*.jpg'))
    assert len(pictures) == 3 * ((picture - 1) // 3)
    assert not (tmp_path / 'p/annotation_body3d/fps10/h36m_train.npz').exists()
    assert list(tmp_path.rglob('.partial*'))
    main(arguments(official, tmp_path))
    assert content(tmp_path / 'p') == content(prepared / 'p')


def test_interrupted_extraction_starts_again(official, main, prepared, tmp_path):
    (tmp_path / 'x/.partial-Videos_S1.tgz/S1/Videos').mkdir(parents=True)
    (tmp_path / 'x/.partial-Videos_S1.tgz/S1/Videos/half.mp4').write_bytes(b'half')
    (tmp_path / 'x/S1/Videos').mkdir(parents=True)
    main(arguments(official, tmp_path))
    assert not list(tmp_path.rglob('half.mp4'))
    assert content(tmp_path / 'p') == content(prepared / 'p')


def test_processes_subjects_fps_and_the_stock_names(official, run_process, prepared, tmp_path):
    (tmp_path / 's9').mkdir()
    for kind, name in (
        ('Videos', 'Videos'),
        ('Poses_D2_Positions', 'D2_Positions'),
        ('Poses_D3_Positions_mono', 'D3_Positions_mono'),
    ):
        shutil.copy(official / f'{kind}_S9.tgz', tmp_path / f's9/{name}.tgz')
    metadata = ('--metadata', official / 'metadata.xml')
    done = run_process(tmp_path, tmp_path, '--subjects', 'S9', '--fps', 25, '--jobs', 2, *metadata)
    assert 'sequences: 100%' in done.stdout
    folder = tmp_path / 'p/annotation_body3d/fps25'
    assert sorted(p.name for p in folder.iterdir()) == ['h36m_test.npz', 'sequences']
    with np.load(folder / 'h36m_test.npz') as data:
        assert len(data['imgname']) == 2 * 4 * 6
        same = np.isin(
            data['imgname'], ['S9/S9_Directions.60457274/S9_Directions.60457274_000011.jpg']
        )
        S = data['S'][same]
    with np.load(prepared / 'p/annotation_body3d/fps10/h36m_test.npz') as data:
        np.testing.assert_array_equal(S[0], data['S'][-1])


def test_a_short_video_is_named_and_can_be_skipped(main, refuse, tmp_path, capsys):
    fake.write_official_files(tmp_path, fake.write_npz, short_video='S1/Directions.54138969')
    words = refuse(tmp_path, tmp_path)
    assert '1 sequences failed, all others are done:' in words
    assert 'S1/Directions.54138969: ValueError: the video has 1 of 3 frames' in words
    assert not list(tmp_path.rglob('h36m_*.npz'))
    assert not list(tmp_path.rglob('S1_Directions.54138969_*.jpg'))
    main(arguments(tmp_path, tmp_path, '--skip', 'S1/Directions.54138969'))
    assert 'h36m_train.npz: 21 frames' in capsys.readouterr().out


def without(official, folder, *names):
    for path in official.iterdir():
        if path.is_file() and path.name not in names:
            (folder / path.name).symlink_to(path)


@pytest.mark.parametrize(
    ('missing', 'message'),
    [
        ('metadata.xml', 'There is no '),
        ('Videos_S9.tgz', '1 archives are not in '),
        ('Poses_D3_Positions_mono_S1.tgz', 'Poses_D3_Positions_mono_S1.tgz. Download them there'),
    ],
)
def test_missing_file(official, refuse, tmp_path, missing, message):
    without(official, tmp_path, missing)
    words = refuse(tmp_path, tmp_path / 'out')
    assert message in words
    assert missing in words


def test_bad_archives(official, refuse, tmp_path):
    name = 'Videos_S1.tgz'
    without(official, tmp_path, name)
    (tmp_path / name).write_bytes((official / name).read_bytes()[:600])
    assert 'Videos_S1.tgz is damaged' in refuse(tmp_path, tmp_path / 'out')
    assert not list((tmp_path / 'out').rglob('*.mp4'))

    fake.evil_archive(tmp_path / name)
    assert 'Videos_S1.tgz is not safe to extract' in refuse(tmp_path, tmp_path / 'out')
    assert not list(tmp_path.rglob('evil.txt'))


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['--stride', 3], 'take a stride of 1, 2, 5, 10, 25 or 50'),
        (['--fps', 30], '--fps must be 50, 25, 10, 5, 2 or 1, got 30'),
        (['--subjects', 'S1', 'S2'], "got ['S2']"),
        (['--skip', 'S1/Dancing.1'], "there is no ['S1/Dancing.1']"),
        (['--jobs', 0], '--jobs must be at least 1, got 0'),
        (['--metadata', TOOL], 'preprocess_h36m.py is no metadata.xml of Human3.6M'),
    ],
)
def test_bad_arguments(official, refuse, tmp_path, args, message):
    assert message in refuse(official, tmp_path, *args)
    assert not list(tmp_path.iterdir())


def test_says_what_to_install(run_python):
    if find_spec('spacepy'):
        pytest.skip('spacepy is installed')
    done = run_python(TOOL, '--help', check=False)
    assert done.returncode == 1
    assert 'pip install "spacepy>=0.7"' in done.stdout


def test_with_real_cdf_files(run_python, tmp_path):
    pytest.importorskip('spacepy', reason='pip install spacepy to read and write .cdf files')
    fake.write_official_files(tmp_path, fake.write_cdf)
    run_python(TOOL, '--original', tmp_path, '--processed', tmp_path / 'p', '--subjects', 'S9')
    with np.load(tmp_path / 'p/annotation_body3d/fps10/h36m_test.npz') as data:
        expected = fake.pose('S9', 'Directions 1', '54138969', 3).reshape(12, 32, 3)
        np.testing.assert_allclose(data['S'][:3, :, :3], expected[::5][:, MOVABLE] / 1000)
