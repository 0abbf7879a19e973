import importlib
import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

OURS = 'configs/simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py'
LIFTER = 'mmpose::body_3d_keypoint/image_pose_lift/h36m/image-pose-lift_tcn_8xb64-200e_h36m.py'
NEEDS_OPS = 'mmpose::body_2d_keypoint/dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py'
SIDE = dict(images_per_second=4.0, relative_time=1.25, mib=300.0)
COST = dict(shape=[3, 256, 192], params=31_290_000, flops=7_730_000_000, one=SIDE, batch=SIDE)


@pytest.fixture
def zoo(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    return importlib.import_module('zoo')


@pytest.fixture
def parts(zoo):
    """The modules that the tool is made of."""
    names = 'zoo_list', 'zoo_measure', 'zoo_published', 'zoo_report'
    return {name: importlib.import_module(name) for name in names}


@pytest.fixture
def in_process(zoo, parts, monkeypatch):
    """Measure in this process with the smallest network for reference."""
    monkeypatch.setattr(zoo, 'measure_apart', parts['zoo_measure'].measure)
    monkeypatch.setattr(parts['zoo_measure'], 'REFERENCE', LIFTER)


def run(zoo, folder, *arguments):
    options = ['--threads', '1', '--out', str(folder / 'zoo.md')]
    return zoo.main([*options, '--picture', str(folder / 'zoo.png'), *arguments])


def rows_of(folder):
    lines = (folder / 'zoo.md').read_text().splitlines()
    return [
        [cell.strip() for cell in line.split('|')[1:-1]] for line in lines if line.startswith('| [')
    ]


def test_quick_run_measures_ours_and_mmposes(zoo, in_process, tmp_path):
    assert run(zoo, tmp_path, '--quick', OURS, LIFTER) == 0
    results = json.loads((tmp_path / 'zoo.json').read_text())['results']
    assert results[OURS]['cost']['params'] == pytest.approx(3.95e6, rel=0.01)
    assert results[LIFTER]['cost']['params'] == pytest.approx(4.29e6, rel=0.01)
    assert results[LIFTER]['cost']['flops'] == pytest.approx(0.0043e9, rel=0.05)
    for found in results.values():
        for side in (found['cost']['one'], found['cost']['batch']):
            assert side['images_per_second'] > 0
            assert side['relative_time'] > 0
    lifter, ours = rows_of(tmp_path)
    assert (ours[1:3], lifter[1:3]) == (['ours', '3x64x64'], ['MMPose', '34x1'])
    assert lifter[11:13] == ['no weights', '43.4']
    assert lifter[13].endswith('simplebaseline3d_h36m.yml')
    assert f'--threads 1 --quick {OURS} {LIFTER}`' in (tmp_path / 'zoo.md').read_text()


def test_every_config_has_its_own_process(parts):
    measure = parts['zoo_measure']
    found = measure.measure_apart(measure.accuracy, OURS, 'none.pth', measure.Settings())
    assert found['error'].startswith('FileNotFoundError')
    assert 'none.pth' in found['error']


def test_what_cannot_run_is_told_and_loses_no_other(zoo, in_process, tmp_path, monkeypatch):
    def broken(*_):
        raise NotImplementedError('the op needs | mmcv')

    monkeypatch.setattr(zoo, 'cost', broken)
    assert run(zoo, tmp_path, '--quick', NEEDS_OPS, OURS) == 0
    (dekr, ours) = rows_of(tmp_path)
    assert dekr[2] == 'not measured: NotImplementedError: the op needs / mmcv'
    assert dekr[12] == '68.6'  # published all the same
    assert len(dekr) == len(rows_of(tmp_path)[0]) == 14
    assert ours[2].startswith('not measured')


def test_a_checkpoint_that_cannot_be_tested_is_an_error(
    zoo, in_process, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(zoo, 'cost', lambda *_: dict(COST))
    weights = tmp_path / 'weights'
    weights.mkdir()
    torch.save(dict(state_dict=dict(other=torch.zeros(1))), weights / f'{Path(OURS).stem}.pth')
    assert run(zoo, tmp_path, '--weights', str(weights), OURS) == 1
    assert 'Missed: configs/simdr' in capsys.readouterr().err
    assert rows_of(tmp_path)[0][11].startswith('failed: ValueError')


def test_measured_and_published_stand_apart(zoo, parts, tmp_path, monkeypatch):
    tested = {'coco/AP': 0.123, 'coco/AR': 0.5}
    monkeypatch.setattr(zoo, 'measure_apart', lambda job, *_: COST if job is zoo.cost else tested)
    (tmp_path / 'weights').mkdir()
    listed = parts['zoo_list'].TOP_DOWN.entries[2]
    (tmp_path / 'weights' / f'{Path(listed.config).stem}.pth').touch()
    assert run(zoo, tmp_path, '--weights', str(tmp_path / 'weights'), listed.config) == 0
    (row,) = rows_of(tmp_path)
    assert row[3:5] == ['31.29', '7.73']
    assert row[11:] == ['coco/AP 0.123', '71.4', 'simdr/coco/simdr_coco.yml']
    assert (tmp_path / 'zoo.png').read_bytes().startswith(b'\x89PNG')


def test_a_stopped_run_is_resumed_and_redrawn(zoo, parts, tmp_path, monkeypatch):
    first, second = (entry.config for entry in parts['zoo_list'].BOTTOM_UP.entries[:2])
    measured = []

    def measure(job, name, *_):
        measured.append(name)
        if name == second and len(measured) == 2:
            raise KeyboardInterrupt
        return COST

    monkeypatch.setattr(zoo, 'measure_apart', measure)
    with pytest.raises(KeyboardInterrupt):
        run(zoo, tmp_path, first, second)
    assert list(json.loads((tmp_path / 'zoo.json').read_text())['results']) == [first]
    with pytest.raises(ValueError, match='turns'):
        run(zoo, tmp_path, '--resume', '--turns', '9', first, second)
    assert run(zoo, tmp_path, '--resume', first, second) == 0
    assert measured == [first, second, second]
    page = (tmp_path / 'zoo.md').read_text()
    assert 'Resumed: Written by' in page
    assert run(zoo, tmp_path, '--redraw') == 0
    assert len(measured) == 3
    assert (tmp_path / 'zoo.md').read_text() == page


@pytest.mark.parametrize(
    'file', ['{}.pth', '{}-8e0f5b59_20220919.pth', '{}/best_coco_AP_epoch_3.pth', 'pointer']
)
def test_checkpoints_are_found(zoo, tmp_path, file):
    stem = Path(OURS).stem
    wanted = tmp_path / file.format(stem)
    wanted.parent.mkdir(exist_ok=True)
    wanted.touch()
    if file == 'pointer':
        (tmp_path / stem).mkdir()
        (tmp_path / stem / 'last_checkpoint').write_text(str(wanted))
    assert zoo.checkpoint_of(OURS, tmp_path) == wanted
    assert zoo.checkpoint_of(OURS.replace('simdr_', 'td-hm_'), tmp_path) is None


def test_an_unknown_config_is_refused(zoo, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'mmpose::none\.py'):
        run(zoo, tmp_path, 'mmpose::none.py')


def test_list_is_right(parts):
    entries = [entry for group in parts['zoo_list'].GROUPS for entry in group.entries]
    assert len({entry.config for entry in entries}) == len(entries)
    assert len({entry.label for entry in entries}) == len(entries)
    for entry in entries:
        assert parts['zoo_published'].path_of(entry.config).is_file()
        assert (entry.published is None) == (entry.source is None)


def test_published_figures_are_those_of_the_test_data(parts):
    published = parts['zoo_published'].published
    simcc = 'mmpose::body_2d_keypoint/simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py'
    source = 'mmpose::body_2d_keypoint/simcc/coco/resnet_coco.yml'
    assert published(simcc, 'COCO', 'AP') == (0.721, source)
    assert published(simcc, 'CrowdPose', 'AP') is None
    # What we measured ourselves is not published by others.
    assert published(OURS, 'Mannequins', 'AP') is None


def test_nothing_is_fetched(parts):
    def starts_from(content):
        if isinstance(content, dict):
            yield content.get('init_cfg')
        for part in content.values() if isinstance(content, dict) else content:
            if isinstance(part, dict | list | tuple):
                yield from starts_from(part)

    measure, path_of = parts['zoo_measure'], parts['zoo_published'].path_of
    name = 'configs/hsjp/coco/td-hm_res50-hsjp_8xb64-210e_coco-256x192.py'
    assert any(starts_from(Config.fromfile(path_of(name)).to_dict()))
    assert not any(starts_from(measure.read_config(name).to_dict()))


def test_memory_is_that_of_the_run(parts):
    memory = parts['zoo_measure'].Memory('cpu')
    large = memory.peak_of(lambda: torch.ones(64 * 2**18))
    small = memory.peak_of(lambda: torch.ones(1))
    assert 60 < large - small < 80
