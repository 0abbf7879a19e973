"""Sampling clips of recordings: each recording equally often, or its windows in order of time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


def draw_clips(
    numbers: np.ndarray, clips_per_recording: int, random: np.random.Generator
) -> np.ndarray:
    """Draw as many clips of each recording, in random order.

    Args:
        numbers (np.ndarray): The recording of each clip, (N,).
        clips_per_recording (int): How many of each; no clip twice while there are others.
        random (np.random.Generator): Where chance comes from.

    Returns:
        np.ndarray: Clips, int64 (R * clips_per_recording,).
    """
    _, group, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
    # A random order of the clips within each recording, recordings one after another.
    order = np.lexsort((random.random(len(numbers)), group))
    firsts = np.cumsum(sizes) - sizes
    places = firsts[:, None] + np.arange(clips_per_recording) % sizes[:, None]
    clips: np.ndarray = random.permutation(order[places].reshape(-1))
    return clips


def share_recordings(numbers: np.ndarray, world_size: int) -> list[np.ndarray]:
    """Share recordings out, each whole and its clips in their order.

    Args:
        numbers (np.ndarray): The recording of each clip, (N,).
        world_size (int): Among how many processes.

    Returns:
        list[np.ndarray]: Clips of each process, int64; about as many each.
    """
    _, group, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
    middles = np.cumsum(sizes) - sizes / 2
    ranks = np.minimum((middles * world_size / len(numbers)).astype(np.int64), world_size - 1)
    order = np.argsort(group, kind='stable')
    return [order[ranks[group[order]] == rank] for rank in range(world_size)]


@DATA_SAMPLERS.register_module()
class RecordingSampler(Sampler):
    """Samples of a dataset of recordings.

    Shuffled: each recording equally often, however long it is; an epoch has
    ``clips_per_recording`` clips of each. In order: all the clips, those of a recording in order
    of time, one after another and in one process, so that a state can be carried from window to
    window.

    Args:
        dataset (Any): The dataset; ``recording_numbers()`` tells which recording each sample is of.
        clips_per_recording (int, optional): See above, shuffled only. Defaults to None: 1.
        shuffle (bool): Whether samples come in random order. Defaults to True.
        seed (int, optional): Where chance comes from, the same in all processes. Defaults to
            None: MMEngine's.
        num_samples (int, optional): Samples of an epoch, shuffled only: recordings are drawn again
            and again until there are so many, so that runs on fewer recordings make as many
            steps. Defaults to None: one pass.
        round_up (bool): Whether all processes get as many samples, some twice, as training needs
            it; shuffled only. Defaults to True.

    Raises:
        ValueError: If an option does not fit, or the dataset knows no recordings.
    """

    def __init__(
        self,
        dataset: Any,
        clips_per_recording: int | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        num_samples: int | None = None,
        round_up: bool = True,
    ) -> None:
        options = {'clips_per_recording': clips_per_recording, 'num_samples': num_samples}
        for name, value in options.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f'{name} should be a whole number, 1 or more, got {value!r}')
            if value is not None and not shuffle:
                raise ValueError(f'{name} is for shuffle=True: in order all clips come once')
        if not hasattr(dataset, 'recording_numbers'):
            raise ValueError(
                f'RecordingSampler needs a dataset of recordings such as MMHPSDataset, got '
                f'{type(dataset).__name__}'
            )
        self.rank, self.world_size = get_dist_info()
        self.numbers = np.asarray(dataset.recording_numbers())
        self.clips_per_recording = clips_per_recording or 1
        self.shuffle, self.round_up = shuffle, round_up
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        one_pass = len(np.unique(self.numbers)) * self.clips_per_recording
        self.total = num_samples or one_pass

    def __iter__(self) -> Iterator[int]:
        """Go through the samples of this process."""
        if not self.shuffle:
            return iter(share_recordings(self.numbers, self.world_size)[self.rank].tolist())
        random = np.random.default_rng([self.seed, self.epoch])
        wanted = len(self) * self.world_size if self.round_up else self.total
        clips = draw_clips(self.numbers, self.clips_per_recording, random)
        while len(clips) < wanted:
            again = draw_clips(self.numbers, self.clips_per_recording, random)
            clips = np.concatenate([clips, again])
        return iter(clips[:wanted][self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """How many samples this process gets."""
        if not self.shuffle:
            return len(share_recordings(self.numbers, self.world_size)[self.rank])
        spare = self.world_size - 1 if self.round_up else self.world_size - 1 - self.rank
        return (self.total + spare) // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch follows, so that it is another order.

        Args:
            epoch (int): Number of the epoch.
        """
        self.epoch = epoch
