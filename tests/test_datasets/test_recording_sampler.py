"""RecordingSampler: equally often while training, in order of time while testing."""

import numpy as np
import pytest
from mmpose.registry import DATA_SAMPLERS

from mmpose_ext.datasets.samplers import recording_sampler
from mmpose_ext.datasets.samplers.recording_sampler import share_recordings


class Recordings:
    """A dataset of which only the recordings are known."""

    def __init__(self, sizes):
        self.numbers = np.repeat(np.arange(len(sizes)), sizes)

    def recording_numbers(self):
        return self.numbers

    def __len__(self):
        return len(self.numbers)


def build(sizes, monkeypatch=None, rank=0, world=1, **options):
    if monkeypatch is not None:
        monkeypatch.setattr(recording_sampler, 'get_dist_info', lambda: (rank, world))
    dataset = Recordings(sizes)
    config = dict(type='RecordingSampler', dataset=dataset, **{'seed': 0, **options})
    return DATA_SAMPLERS.build(config), dataset.numbers


@pytest.mark.parametrize('clips', [1, 3, 7])
def test_each_recording_equally_often(clips):
    sampler, numbers = build((1, 5, 20), clips_per_recording=clips)
    drawn = np.array(list(sampler))
    assert len(sampler) == len(drawn) == 3 * clips
    assert np.bincount(numbers[drawn]).tolist() == [clips] * 3
    large = drawn[numbers[drawn] == 2]
    assert len(set(large.tolist())) == clips  # none twice while there are others


def test_epochs_differ_and_repeat():
    sampler, _ = build((4, 4, 4), clips_per_recording=2)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_as_many_samples_as_wanted():
    sampler, numbers = build((3, 3, 3), num_samples=100)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == 100
    counts = np.bincount(numbers[drawn])
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize('round_up', [True, False])
def test_processes_share_an_epoch(monkeypatch, round_up):
    parts = []
    for rank in range(3):
        sampler, numbers = build((2,) * 7, monkeypatch, rank, 3, round_up=round_up)
        parts.append(list(sampler))
        assert len(sampler) == len(parts[-1])
    assert [len(part) for part in parts] == ([3, 3, 3] if round_up else [3, 2, 2])
    assert set(numbers[np.concatenate(parts)].tolist()) == set(range(7))


def test_in_order_recordings_stay_whole(monkeypatch):
    sampler, numbers = build((3, 4), shuffle=False)
    assert list(sampler) == list(range(7))
    assert len(sampler) == 7
    parts = []
    for rank in range(2):
        sampler, numbers = build((2, 3, 1, 2), monkeypatch, rank, 2, shuffle=False)
        parts.append(list(sampler))
        assert len(sampler) == len(parts[-1])
    assert sorted(np.concatenate(parts).tolist()) == list(range(8))
    assert not set(numbers[parts[0]]) & set(numbers[parts[1]])
    assert all(part == sorted(part) for part in parts)


def test_more_processes_than_recordings():
    parts = share_recordings(np.array([0, 0, 1]), 4)
    assert sorted(np.concatenate(parts).tolist()) == [0, 1, 2]
    assert sorted(map(len, parts)) == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(clips_per_recording=0), 'clips_per_recording should be a whole number'),
        (dict(num_samples=3, shuffle=False), 'num_samples is for shuffle=True'),
    ],
)
def test_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        build((2, 2), **options)


def test_needs_recordings():
    with pytest.raises(ValueError, match=r'needs a dataset of recordings .* got list'):
        DATA_SAMPLERS.build(dict(type='RecordingSampler', dataset=[1, 2]))
