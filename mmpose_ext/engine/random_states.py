"""States of the random generators of this process: taken, restored, and those of its loaders."""

import functools
import random
from typing import Any

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader

# Apart by more than there are loading processes, and prime.
_SEEDS_PER_EPOCH = 1_000_003


def random_states() -> dict[str, Any]:
    """Take the states of python's, numpy's and torch's global generators.

    Returns:
        dict[str, Any]: Tensors, numbers and names alone, so that a file of it can be read without
        running code: ``python``, ``numpy``, ``torch``, and ``cuda`` where there is a GPU.
    """
    version, numbers, gauss = random.getstate()
    algorithm, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 the one that MMEngine seeds
    states: dict[str, Any] = {
        'python': [version, torch.tensor(numbers, dtype=torch.int64), gauss],
        'numpy': [algorithm, torch.from_numpy(np.asarray(keys, np.int64)), *rest],
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states['cuda'] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: dict[str, Any]) -> None:
    """Set the generators to states that :func:`random_states` took.

    Args:
        states (dict[str, Any]): The states. Those of GPUs are left out where there are fewer.
    """
    version, numbers, gauss = states['python']
    random.setstate((version, tuple(numbers.tolist()), gauss))
    algorithm, keys, *rest = states['numpy']
    np.random.set_state((algorithm, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states['torch'].cpu())
    if torch.cuda.is_available():
        of_devices = states.get('cuda', [])[: torch.cuda.device_count()]
        torch.cuda.set_rng_state_all([state.cpu() for state in of_devices])


def reseed_workers(loader: DataLoader, seed: int, epoch: int) -> None:
    """Start the loading processes of an epoch from seeds that follow from its number.

    MMEngine seeds them once. Persistent ones go on from there, which a resumed training cannot
    repeat; others would draw the same numbers in each epoch.

    Args:
        loader (DataLoader): The loader, between two epochs.
        seed (int): Seed of the training. In epoch 0 MMEngine's seeds stay as they are.
        epoch (int): Epoch that follows, from 0.
    """
    seeds = loader.worker_init_fn
    if isinstance(seeds, functools.partial) and 'seed' in seeds.keywords:
        of_epoch = (seed + epoch * _SEEDS_PER_EPOCH) % 2**31
        loader.worker_init_fn = functools.partial(seeds, seed=of_epoch)
    if loader.persistent_workers:
        loader._iterator = None  # ends them; the epoch starts others


def replay_sampler(loader: DataLoader, epochs: int) -> None:
    """Bring a new sampler to where it was after some epochs.

    MMPose's ``MultiSourceSampler``, for one, goes on in an epoch from where the last one ended.
    Only indices are drawn, nothing is loaded.

    Args:
        loader (DataLoader): The loader.
        epochs (int): How many epochs have been trained.
    """
    batches = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    sampler = getattr(batches, 'sampler', loader.sampler)
    if isinstance(sampler, DefaultSampler):  # each epoch follows from its number
        return
    for epoch in range(epochs):
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(epoch)
        for _ in batches:
            pass
