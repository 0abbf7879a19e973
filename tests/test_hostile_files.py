"""Bad files at the doors of the readers; ``tools/benchmark/hostile_files.py`` tries many more."""

import json
import os
import pickle
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools/benchmark'))
import hostile_corpus
import hostile_files
from hostile_readers import READERS

from mmpose_ext.datasets import HSJPCocoDataset, StrictCocoDataset
from mmpose_ext.npz import read_npy, read_npz
from mmpose_ext.refusals import check_growth, read_json, refusing, shown

FAST = [r for r in READERS if not r.slow]
# The log of a training holds a tree in each line.
AS_JSON = [r for r in READERS if r.file.endswith('.json') and r.name != 'training log']
VALUES = st.sampled_from(hostile_corpus.VALUES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda some: (
        st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some, max_size=3)
    ),
)
QUIET = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def good_bytes(reader, folder):
    """The well-made file; what lies beside it is written too."""
    kept = folder / 'good'
    if not kept.exists():
        path = folder / reader.file
        path.parent.mkdir(parents=True, exist_ok=True)
        reader.write(path)
        kept.write_bytes(path.read_bytes())
    return kept.read_bytes()


def check(reader, folder, content):
    path = folder / reader.file
    hostile_files.place(path, content)
    outcome, detail = hostile_files.judge(reader, path, folder / 'canary')
    assert outcome in hostile_files.GOOD, detail


@pytest.mark.parametrize('reader', AS_JSON, ids=lambda reader: reader.name)
@QUIET
@given(data=st.data())
def test_any_values_in_json(reader, tmp_path, capfd, data):
    tree = json.loads(good_bytes(reader, tmp_path))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(hostile_corpus.paths_of(tree)))
        drop = bool(path) and data.draw(st.booleans())
        tree = hostile_corpus.changed(tree, path, data.draw(VALUES), drop=drop)
    check(reader, tmp_path, json.dumps(tree).encode())


@pytest.mark.parametrize('reader', FAST, ids=lambda reader: reader.name)
@QUIET
@given(data=st.data())
def test_any_bytes(reader, tmp_path, capfd, data):
    good = good_bytes(reader, tmp_path)
    content = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for _ in range(data.draw(st.integers(0, 5)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check(reader, tmp_path, bytes(content))


@pytest.mark.parametrize('name', ['cameras', 'body model, pickle', '3DPW', 'MMHPSD, labels'])
def test_nothing_in_a_pickle_is_run(name, tmp_path):
    (reader,) = (reader for reader in READERS if reader.name == name)
    good_bytes(reader, tmp_path)
    attacks = hostile_corpus.attacks(tmp_path / 'canary')
    for content in attacks:
        check(reader, tmp_path, content)
    pickle.loads(attacks[0])  # as an ordinary reader would
    assert (tmp_path / 'canary').exists()


def test_nothing_in_a_file_of_detections_is_run(tmp_path, capfd):
    """MMPose reads a bbox_file by its suffix, and would load a pickle."""
    people, found = tmp_path / 'people.json', tmp_path / 'found.pkl'
    (reader,) = (reader for reader in READERS if reader.name == 'COCO')
    reader.write(people)
    found.write_bytes(hostile_corpus.attacks(tmp_path / 'canary')[0])
    options = dict(data_prefix={'img': ''}, pipeline=[], test_mode=True)
    for kind in (StrictCocoDataset, HSJPCocoDataset):
        with pytest.raises(ValueError, match=r'found\.pkl'):
            kind(ann_file=str(people), bbox_file=str(found), **options)
    assert not (tmp_path / 'canary').exists()


@pytest.mark.parametrize(
    ('read', 'outcome'),
    [
        (lambda path: path.read_bytes(), 'read'),
        (lambda path: refuse(ValueError(f'{path} is bad')), 'refused'),
        (lambda path: refuse(SystemExit(f'{path} is bad')), 'refused'),
        (lambda path: refuse(ValueError('bad')), 'refused without the name'),
        (lambda path: refuse(KeyError(str(path))), 'error'),
        (lambda path: path.with_name('canary').touch(), 'code run'),
        (lambda path: os._exit(1), 'crash'),
        (lambda path: time.sleep(60), 'hang'),
    ],
)
def test_every_outcome_is_told(read, outcome, monkeypatch):
    calls = []  # the well-made file is read by the parent, the bad ones by the child

    def second(path):
        calls.append(path)
        return read(path) if len(calls) > 1 else None

    monkeypatch.setattr(hostile_files, 'SECONDS', 0.5 if outcome == 'hang' else 60.0)
    monkeypatch.setattr(
        hostile_files, 'files_of', lambda *_: [hostile_corpus.Hostile('cut off', b'')]
    )
    tried = hostile_files.attempt(hostile_files.Reader('a', 'a.txt', None, second), 1)
    assert tried.counts == {('cut off', outcome): 1}
    assert bool(tried.defects) == (outcome not in ('read', 'refused'))


def refuse(error):
    raise error


def test_the_page(tmp_path):
    page = tmp_path / 'page.md'
    words = ['--quick', '--threads', '1', '--only', 'permutations', '--out', str(page)]
    assert hostile_files.main(words) == 0
    text = page.read_text()
    assert '2 readers' in text
    assert '| permutations, npy |' in text
    assert ', 0 anything else.' in text


@pytest.mark.parametrize('depth', [900, 100_000])
def test_deep_nesting(tmp_path, depth):
    path = tmp_path / 'deep.json'
    path.write_text('[' * depth + ']' * depth)
    if depth == 100_000:
        with pytest.raises(ValueError, match=r'deep\.json is no JSON file \(RecursionError'):
            read_json(path, 'a list')
    else:
        assert len(shown(read_json(path, 'a list'))) < 100


def test_errors_name_the_file():
    with (
        pytest.raises(ValueError, match=r"a\.txt is no b \(KeyError: 'x'\)$"),
        refusing('a.txt', 'b'),
    ):
        {}['x']
    for error in (ValueError('a.txt is bad'), FileNotFoundError(2, 'gone', 'c.txt'), ImportError()):
        with pytest.raises(type(error)) as caught, refusing('a.txt', 'b'):
            raise error
        assert caught.value is error


def test_what_is_shown_is_short():
    value = [0]
    for _ in range(60):
        value = [value, value]
    array = np.empty(1, dtype=object)
    array[0] = value
    assert len(shown({'a': value, 'b': array})) <= 80
    assert shown(array) == shown(array.view(Subclass)) == 'array object (1,)'
    assert shown([10**5000]) == '[a whole number of 16610 bits]'


class Subclass(np.ndarray):
    pass


def test_a_lack_of_memory_is_not_the_files_fault():
    with pytest.raises(MemoryError, match=r'a\.txt needs more memory'), refusing('a.txt', 'b'):
        raise MemoryError


def test_bombs(tmp_path):
    check_growth(2**30, 1)
    check_growth(2**40, 2**33)
    with pytest.raises(ValueError, match='its 1000 bytes would unpack to 1073741825'):
        check_growth(2**30 + 1, 1000)
    header = hostile_corpus._header('<f8', (10**12,))
    path = tmp_path / 'a.npz'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a.npy', header + bytes(64))
    with pytest.raises(ValueError, match=r'a\.npz .*declares an array float64 \(1000000000000,\)'):
        read_npz(str(path), ['a'])
    path = tmp_path / 'a.npy'
    path.write_bytes(hostile_corpus._header('<U1000000000', (1,)) + bytes(64))
    with pytest.raises(ValueError, match=r'a\.npy .*declares an array'):
        read_npy(path, 'an array')
    path.write_bytes(header + bytes(64))
    with pytest.raises(ValueError, match=r'a\.npy .*declares an array'):
        read_npy(path, 'an array')
    np.save(path, np.arange(3))
    assert read_npy(path, 'an array').tolist() == [0, 1, 2]
