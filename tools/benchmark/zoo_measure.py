"""What :mod:`zoo` measures of one config, in a process of its own."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import mmpose_ext  # noqa: F401  isort: skip  # mends what MMPose's imports need
import torch
from hemlets_memory import resident
from measuring import clock, timings
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from torch import Tensor, nn
from zoo_published import path_of

from mmpose_ext.apis.loading import require_fit

REFERENCE = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
# What processes need before they can measure; read once, so that it is no network's memory.
PRELOAD = ['mmpose_ext', 'mmpose.models', 'mmpose_ext.models', 'mmpose_ext.apis.loading']
MIB = 2**20
EVENT_CHANNELS, JOINTS = 8, 24


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        threads (int): Of torch.
        device (str): Where the models run.
        turns (int): Turns of which medians are taken.
        seconds (float): Time of a side in a turn; a large batch runs once at least.
        batch (int): The large batch.
    """

    threads: int = 1
    device: str = 'cpu'
    turns: int = 5
    seconds: float = 0.3
    batch: int = 32


class Network(nn.Module):
    """A model as a function of one tensor: what it computes of its input, without decoding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.model = MODELS.build(config.model)
        self.kind = config.model.type
        self.shape = input_shape(config)

    def forward(self, inputs: Tensor) -> Any:
        """Run the network on normalised pixels, event frames or 2D keypoints."""
        if self.kind == 'EventFlowEstimator':
            return self.model.flow_net(inputs)
        if self.kind == 'EventHPE':
            return self.model.step(inputs, start=self._start(inputs))[0]
        return self.model._forward(inputs)

    def _start(self, inputs: Tensor) -> dict[str, Tensor]:
        count, betas = len(inputs), self.model.head.body_model.num_betas
        return dict(
            rotmats=torch.eye(3).expand(count, JOINTS, 3, 3).to(inputs),
            transl=inputs.new_zeros(count, 3),
            betas=inputs.new_zeros(count, betas),
            features=inputs.new_zeros(count, self.model.neck.hidden_channels),
        )


def input_shape(config: Config) -> tuple[int, ...]:
    """Shape of one input: pixels (3, H, W), event frames (C, H, W), 2D keypoints (2K, frames)."""
    if config.model.type == 'PoseLifter':
        return config.model.backbone.in_channels, config.train_dataloader.dataset.seq_len
    if config.model.type in ('EventFlowEstimator', 'EventHPE'):
        height, width = (int(side) for side in Path(config.filename).stem.split('-')[-1].split('x'))
        return EVENT_CHANNELS, height, width
    codec = config.codec[-1] if isinstance(config.codec, list) else config.codec
    width, height = codec.get('input_size') or codec['image_size']
    return 3, height, width


def read_config(name: str) -> Config:
    """A config that fetches nothing, with the mannequin for bodies whose files are missing."""
    config = Config.fromfile(path_of(name))
    _forget_files(config._cfg_dict)
    return config


def _forget_files(content: Any) -> None:
    parts = content
    if isinstance(content, dict):
        if 'init_cfg' in content:
            content['init_cfg'] = None
        if str(content.get('model_path')).startswith('data/') and not os.path.exists(
            content['model_path']
        ):
            content['model_path'] = 'mannequin'
            content.pop('joint_regressor', None)
        parts = content.values()
    for part in parts:
        if isinstance(part, dict | list | tuple):
            _forget_files(part)


def build(name: str, device: str) -> Network:
    """A network with random weights, seeded."""
    torch.manual_seed(0)
    return Network(read_config(name)).eval().to(device)


def noise(network: Network, batch: int, device: str) -> Tensor:
    """Inputs of a network: noise, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, *network.shape, generator=generator).to(device)


class Memory:
    """Peak memory of this process above what it needed when this was made, in MiB."""

    def __init__(self, device: str) -> None:
        self.is_cpu = device == 'cpu'
        if self.is_cpu:
            _give_back()
        self.before = resident('VmRSS') if self.is_cpu else torch.cuda.memory_allocated()

    def peak_of(self, run: Callable[[], object]) -> float:
        """Run something and tell the peak."""
        if self.is_cpu:
            _give_back()
            Path('/proc/self/clear_refs').write_text('5')  # forgets the former peak
        else:
            torch.cuda.reset_peak_memory_stats()
        run()
        peak = resident('VmHWM') if self.is_cpu else torch.cuda.max_memory_allocated()
        return (peak - self.before) / MIB


def _give_back() -> None:
    """Hand what is free of the heap back to the system (glibc), so that it counts as free."""
    ctypes.CDLL(None).malloc_trim(0)


@torch.no_grad()
def cost(name: str, settings: Settings) -> dict[str, Any]:
    """Parameters, operations, speed and memory of a network.

    Returns:
        ``shape``, ``params``, ``flops`` (multiply-adds counted once), and for ``one`` input at
        a time and in a ``batch``: images per second, the time of an input relative to that of
        ``REFERENCE`` measured in turns with it (one at a time), peak memory in MiB.
    """
    device = settings.device
    reference = build(REFERENCE, device)
    pixels = noise(reference, 1, device)

    def run_reference() -> object:
        return reference(pixels)

    run_reference()
    memory = Memory(device)
    network = build(name, device)
    result: dict[str, Any] = dict(shape=network.shape)
    for key, batch in dict(one=1, batch=settings.batch).items():
        inputs = noise(network, batch, device)
        times, ratios, peak = [], [], 0.0

        def run(inputs: Tensor = inputs) -> object:
            return network(inputs)

        if batch == 1:
            peak = memory.peak_of(run)
            theirs, ours, ratio = timings((run_reference, run), settings.turns, settings.seconds)
            del theirs
            times, ratios = [ours / 1e3], [1 / ratio]
        else:
            # The first run's memory is measured as well; what is slow runs once.
            while not times or (len(times) < settings.turns and sum(times) < 10 * settings.seconds):
                before = timed(run_reference, settings.seconds)
                start = clock()
                peak = max(peak, memory.peak_of(run))
                times.append(clock() - start)
                after = timed(run_reference, settings.seconds)
                ratios.append(2 * times[-1] / batch / (before + after))
        result[key] = dict(
            images_per_second=batch / median(times), relative_time=median(ratios), mib=peak
        )
    return result | complexity(network, device)


def timed(run: Callable[[], object], seconds: float) -> float:
    """Seconds a call, of as many as take about ``seconds``."""
    start, calls = clock(), 0
    while not calls or clock() - start < seconds:
        run()
        calls += 1
    return (clock() - start) / calls


def complexity(network: Network, device: str) -> dict[str, int]:
    """Parameters and multiply-adds of one input, as MMPose's ``get_flops.py`` counts them."""
    MMLogger.get_instance('MMLogger', log_level='ERROR')
    inputs = (noise(network, 1, device),)
    found = get_model_complexity_info(network, inputs=inputs, show_table=False, show_arch=False)
    return dict(params=found['params'], flops=found['flops'])


def accuracy(name: str, checkpoint: str, settings: Settings) -> dict[str, float]:
    """What a config's own test says of a checkpoint.

    Raises:
        ValueError: If the checkpoint is not one of the config's model.
        FileNotFoundError: If the data is missing.
    """
    require_fit(path_of(name), checkpoint)
    config = read_config(name)
    config.load_from, config.log_level = checkpoint, 'ERROR'
    config.test_dataloader.update(num_workers=0, persistent_workers=False)
    with tempfile.TemporaryDirectory() as folder:
        config.work_dir = folder
        runner = Runner.from_cfg(config)
        metrics = runner.test()
    return {key: float(value) for key, value in metrics.items()}


def measure(job: Callable[..., dict], name: str, *arguments: Any) -> dict[str, Any]:
    """Run :func:`cost` or :func:`accuracy` in this process; what goes wrong is a result too."""
    settings: Settings = arguments[-1]
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)  # random weights may make numbers so small that CPUs are slow
    init_default_scope('mmpose')
    try:
        with redirect_stdout(sys.stderr):
            return job(name, *arguments)
    except Exception as error:  # a model that fails must not lose the others' figures
        return dict(error=f'{type(error).__name__}: {error}')


def measure_apart(job: Callable[..., dict], name: str, *arguments: Any) -> dict[str, Any]:
    """:func:`measure` in a process that has run nothing before, so that memory is its own.

    A process that the system kills, for its memory as a rule, is an error of that config.
    """
    context = get_context('forkserver')
    context.set_forkserver_preload(PRELOAD)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(measure, job, name, *arguments).result()
        except BrokenProcessPool:
            return dict(error='the process was killed; is the memory enough?')
