"""A training of a method, and how the time of its steps is split."""

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import mmpose_ext  # isort: skip  # mends what MMPose's imports need  # noqa: F401
import torch
from measuring import clock
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpose.registry import MODELS
from training_methods import Settings

PARTS = ('loading', 'preparing', 'forward', 'loss', 'backward', 'optimiser', 'rest')
# Of the estimator and of its head: what they run the network with. What of it there is, is watched.
NETWORK = {
    '': ('extract_feat',),
    'neck': ('forward',),
    'flow_net': ('forward',),
    'head': ('forward', '_forward_levels', '_predict_scales'),
}
PRODUCTS = ('mm', 'addmm', 'bmm', 'baddbmm', 'linear')


class PartTimer:
    """Counts each moment to the innermost part of a step that is being run."""

    def __init__(self) -> None:
        self.times = dict.fromkeys(PARTS, 0.0)
        self._part, self._since = 'rest', clock()

    def enter(self, part: str) -> str:
        """Count from now on to ``part``; returns what was counted to before."""
        before, now = self._part, clock()
        self.times[before] += now - self._since
        self._part, self._since = part, now
        return before

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Count what a method of an object takes, from now on, to ``part``."""
        method = getattr(owner, name)

        @wraps(method)
        def timed(*args: Any, **options: Any) -> Any:
            before = self.enter(part)
            try:
                return method(*args, **options)
            finally:
                self.enter(before)

        setattr(owner, name, timed)

    def laps(self) -> dict[str, float]:
        """Seconds of each part since the last call."""
        self.enter('rest')
        times, self.times = self.times, dict.fromkeys(PARTS, 0.0)
        return times


class Training:
    """Training steps as MMEngine's loops take them: a loader and the model's ``train_step``.

    Args:
        settings (Settings): What to train.
        data_root (Path): Folder of the data.
        batch (int): Samples of a step.
        workers (int): Processes that load; 0 for this one.
        device (str): Where the model is.
    """

    def __init__(
        self,
        settings: Settings,
        data_root: Path,
        batch: int,
        workers: int = 0,
        device: str = 'cpu',
    ) -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(settings.model).to(device).train()
        self.optim_wrapper = build_optim_wrapper(self.model, settings.optim_wrapper)
        self.loader = make_loader(settings, data_root, batch, workers)
        self.batches: Iterator[dict] = iter(self.loader)
        self.timer = PartTimer()
        self._watch()

    def _watch(self) -> None:
        """Let the timer see the parts of a step."""
        watch, model = self.timer.watch, self.model
        watch(self, 'load', 'loading')
        watch(model.data_preprocessor, 'forward', 'preparing')
        watch(model, '_run_forward', 'loss')  # but for what follows
        for part, names in NETWORK.items():
            owner = getattr(model, part, None) if part else model
            for name in names:
                if hasattr(owner, name):
                    watch(owner, name, 'forward')
        watch(self.optim_wrapper, 'backward', 'backward')
        watch(self.optim_wrapper, 'step', 'optimiser')
        watch(self.optim_wrapper, 'zero_grad', 'optimiser')

    def load(self) -> dict:
        """Load a batch."""
        return next(self.batches)

    def train(self, batch: dict) -> None:
        """Train on a batch."""
        self.model.train_step(batch, self.optim_wrapper)

    def step(self) -> dict[str, float]:
        """Load a batch and train on it; returns the seconds of each part."""
        self.timer.laps()
        self.train(self.load())
        return self.timer.laps()

    def facts(self) -> tuple[tuple[int, ...], int]:
        """What trainings that are compared have in common: shape of the pictures, and the trunk."""
        first = self.loader.dataset[0]['inputs']
        shape = () if isinstance(first, dict) else tuple(first.shape)
        trunk = getattr(self.model, 'backbone', None)
        return shape, 0 if trunk is None else sum(w.numel() for w in trunk.parameters())


def make_loader(
    settings: Settings, data_root: Path, batch: int, workers: int
) -> torch.utils.data.DataLoader:
    """A loader that never ends, of the same order each time."""
    loader = dict(
        batch_size=batch,
        num_workers=workers,
        persistent_workers=workers > 0,
        drop_last=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(settings.dataset, data_root=f'{data_root}/'),
    )
    return Runner.build_dataloader(loader, seed=0)


def operations(run: Callable[[], object]) -> dict[str, float]:
    """Shares of torch's operations in their time together, by PyTorch's profiler; largest first.

    Convolutions and matrix products, which a network's layers are, forward and back, are one:
    ``'layers'``.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    on_gpu = torch.cuda.is_initialized()
    if on_gpu:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        run()
    times: dict[str, float] = {}
    for event in profile.key_averages():
        time = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        name = _kind(event.key)
        times[name] = times.get(name, 0.0) + time
    total = sum(times.values())
    return {k: t / total for k, t in sorted(times.items(), key=lambda item: -item[1])}


def _kind(operation: str) -> str:
    name = operation.removeprefix('aten::')
    return 'layers' if 'conv' in name.lower() or name in PRODUCTS else name
