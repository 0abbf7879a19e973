"""Time EventHPE on a stream of events: a window from events to a pose, and its parts.

    python tools/benchmark/event_stream.py --threads 1

First the poses of a stream are compared with those of the same windows as one clip; unequal ones
end the run. Then a window is timed in turns with the clip and with each of its parts, batch 1, and
the medians go into ``docs/results/event_stream_speed.md``. The exit status is 1 if a window of
the small network takes longer than it lasts (with ``--quick``, which measures nothing, 0).
"""

import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import mmpose
import numpy as np
import torch
from measuring import (
    Case,
    command_of,
    finish,
    make_parser,
    measured_in,
    timings,
    written_by,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from records import Comparison
from torch import Tensor, nn

from mmpose_ext.apis import EventPose, EventPoseStream
from mmpose_ext.events import EventFrameBuilder, EventStream, check_events, square_pad

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'event_stream_speed.md'
CONFIGS = ROOT / 'configs' / 'eventhpe'
FPS, SKIP, BINS = 15, 2, 4
WINDOW_MS = 1e3 * SKIP / FPS
# Windows of a clip, as in training.
STEPS = 8

FIELDS = ('rotmats', 'joints_cam')

Events = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Setting:
    """A network and the camera before it.

    Attributes:
        name (str): What the page calls it.
        config (str): Config of the network, below ``configs/eventhpe``.
        body (str): Body, where the config's own needs a file.
        sensor (tuple[int, int]): Width and height in pixels.
        size (int): Side of the event frames in pixels.
        events (int): Events of a window.
        is_bounded (bool): Whether it must be faster than its windows.
    """

    name: str
    config: str
    body: str
    sensor: tuple[int, int]
    size: int
    events: int
    is_bounded: bool


SMALL = Setting(
    'small, 64 x 64',
    'mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py',
    *('mannequin-coarse', (64, 64), 64, 20_000, True),
)
PAPER = Setting(
    "the paper's, 256 x 256",
    'mmhpsd/eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py',
    *('mannequin', (800, 1280), 256, 500_000, False),
)


def network(setting: Setting) -> nn.Module:
    """The network with random weights, its head drawn such that bodies move."""
    init_default_scope('mmpose')
    model = Config.fromfile(CONFIGS / setting.config).model
    model.head.body_model = dict(type='SMPLBody', model_path=setting.body, joints='smpl24')
    model.flow_net.pop('init_cfg', None)
    torch.manual_seed(0)
    built = MODELS.build(model)
    for layer in (built.head.decpose, built.head.dectrans):
        nn.init.normal_(layer.weight, std=0.02)
    return built.eval()


def standing() -> dict[str, Tensor]:
    """The pose before the first window: standing 3 m ahead, facing the camera."""
    rotmats = torch.eye(3).repeat(1, 24, 1, 1)
    rotmats[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    return dict(rotmats=rotmats, transl=torch.tensor([[0.0, 0.0, 3.0]]), betas=torch.zeros(1, 10))


def border(frame: int) -> int:
    """When a frame begins, in whole microseconds."""
    return math.ceil(frame * 1e6 / FPS)


def random_events(setting: Setting, windows: int) -> Events:
    """Times, columns, rows and polarities of noise, as many in each window, sorted, seeded."""
    rng = np.random.default_rng(0)
    ends = [border(SKIP * window) for window in range(windows + 1)]
    t = [np.sort(rng.integers(*pair, setting.events)) for pair in pairwise(ends)]
    count = windows * setting.events
    x, y = (rng.integers(0, side, count, dtype=np.int16) for side in setting.sensor)
    return np.concatenate(t), x, y, rng.integers(0, 2, count, dtype=np.uint8)


class Bench:
    """A network, its events, and the ways to run it that are timed."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.model = setting, network(setting)
        self.options = dict(pad=square_pad(setting.sensor), fps=FPS, skip=SKIP, bins=BINS)
        self.options['origin_us'] = 0
        self.events = random_events(setting, STEPS)
        self.poses = self.stream()
        self.clip = torch.from_numpy(np.stack([pose.frames for pose in self.poses]))[None].float()
        self.live = self.new_stream()
        self.now = 0

    def new_stream(self) -> EventPoseStream:
        """A stream at its beginning."""
        setting = self.setting
        size = (setting.size, setting.size)
        return EventPoseStream(self.model, setting.sensor, size, start=standing(), **self.options)

    def stream(self) -> list[EventPose]:
        """The windows of a clip, one after the other."""
        stream = self.new_stream()
        return stream.feed(*self.events) + stream.flush()

    def whole_clip(self) -> list[np.ndarray]:
        """The same windows at once, from frames on."""
        sample = PoseDataSample(
            metainfo=dict(focal=np.full(2, 300.0), principal_pt=np.full(2, 128.0))
        )
        sample.set_field(InstanceData(**standing()), 'start', dtype=InstanceData)
        with torch.no_grad():
            found = self.model.predict(dict(events=self.clip), [sample])[0].pred_instances
        return [found.rotmats, found.joints_cam]

    def results(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Rotations and joints of the clip and of the stream."""
        poses = self.stream()
        streamed = [np.stack([getattr(p, name) for p in poses]) for name in FIELDS]
        return self.whole_clip(), streamed

    def window(self) -> list[EventPose]:
        """Feed the next window to a stream that goes on for ever; gives the pose before it."""
        t, x, y, p = (array[: self.setting.events] for array in self.events)
        self.now += SKIP
        return self.live.feed(t + border(self.now), x, y, p)

    def parts(self) -> dict[str, Callable[[], object]]:
        """What a window consists of."""
        model, pose = self.model, self.poses[-1]
        frames = self.clip[:, -1]
        with torch.no_grad():
            flow = model.flow_net(frames)[-1]
            seen = torch.cat([frames, flow], 1)
            feats, _ = model.extract_feat(dict(events=self.clip[:, -1:]))
            hidden = model.neck(feats)[0]
            pred = model.head(hidden, standing())
        body = [pred[name] for name in ('rotmats', 'betas', 'transl')]
        return {
            'events to frames': self.frames,
            'optical flow': lambda: model.flow_net(frames),
            'backbone': lambda: model.backbone(seen),
            'recurrent neck and head': lambda: model.head(model.neck(feats)[0], standing()),
            'joints of the body': lambda: model.head.pose_body(*body, vertices=False),
            'vertices of the body (on demand, not in the window)': lambda: pose.vertices(
                model.head.body_model
            ),
        }

    def frames(self) -> np.ndarray:
        """Check a window of events and turn it into frames, as the stream does."""
        setting = self.setting
        arrays = (array[: setting.events] for array in self.events)
        events, _ = check_events(EventStream(*arrays, setting.sensor))
        found = []
        for start, end in pairwise(border(frame) for frame in range(SKIP + 1)):
            builder = EventFrameBuilder(
                *(setting.sensor, (start, end), BINS, (setting.size, setting.size)),
                pad=self.options['pad'],
            )
            builder.add(events)
            found.append(builder.frames())
        return np.concatenate(found)


def measure(bench: Bench, turns: int, seconds: float) -> tuple[list[str], Comparison]:
    """Rows of the table of a network, and its window beside the time that it lasts."""
    setting = bench.setting
    case = Case(setting.name, 'clip', bench.whole_clip, bench.stream, bench.results, tolerance=1e-4)
    unequal = case.difference()
    clip, streamed, _ = case.timings(turns, seconds)
    with torch.no_grad():
        rows, windows = [], []
        for name, part in bench.parts().items():
            own, window, share = timings((part, bench.window), turns, seconds)
            windows.append(window)
            rows.append(f'| {setting.name} | {name} | {own:.3f} | {100 * share:.0f} % |')
    window = float(np.median(windows))
    rows.insert(0, f'| {setting.name} | **a window** | **{window:.3f}** | 100 % |')
    rows.append(
        f'| {setting.name} | {STEPS} windows streamed | {streamed:.3f} | |\n'
        f'| {setting.name} | {STEPS} windows as one clip, from frames on | {clip:.3f} | |\n'
        f'| {setting.name} | largest difference of the two | {unequal:.1g} | |'
    )
    return rows, beside_its_duration(setting, window, unequal)


def beside_its_duration(setting: Setting, window: float, unequal: float) -> Comparison:
    """A window's milliseconds beside those that it lasts."""
    wanted, ratio = '>= 1' if setting.is_bounded else '', WINDOW_MS / window
    outcome = (wanted, ratio >= 1 or not setting.is_bounded, unequal)
    what = f'a window of EventHPE, {setting.name}'
    return Comparison(what, 'as long as it lasts', WINDOW_MS, window, ratio, *outcome)


def report(
    tables: list[str], verdicts: list[str], settings: list[Setting], load: float, command: str
) -> str:
    """The Markdown page."""
    about = '\n'.join(
        f'- {one.name}: `configs/eventhpe/{one.config}` with random weights and the body '
        f'`{one.body}`; a sensor of {one.sensor[0]} x {one.sensor[1]} pixels, {one.events:,} '
        'events a window.'
        for one in settings
    )
    return f"""# EventHPE on a stream of events

{written_by(command, load, mmpose, mmpose_ext)}

float32, batch 1, noise for events. A window is {SKIP} frames of {FPS} a second, {WINDOW_MS:.1f} \
ms: a stream keeps up with the camera where it takes less. It goes from raw events, checked and \
turned into frames, through optical flow, backbone, recurrent neck and head to the joints. Medians \
over turns in which the window and its part run one after the other, {measured_in()}; the share is \
the part's of the window in the same turns. Poses of the stream are compared with those of the \
same windows as one clip before anything is timed; the difference is relative to the largest value.

{about}

{chr(10).join(verdicts)}

| network | what | ms | share |
| --- | --- | ---: | ---: |
{chr(10).join(tables)}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = make_parser(__doc__, RESULTS, turns=5).parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    settings = [SMALL] if options.quick else [SMALL, PAPER]
    turns, seconds = (1, 0.0) if options.quick else (options.turns, 0.5)
    tables: list[str] = []
    verdicts, missed, comparisons = [], [], []
    for setting in settings:
        rows, comparison = measure(Bench(setting), turns, seconds)
        tables += rows
        comparisons.append(comparison)
        window, times = comparison.ours_ms, comparison.ratio
        verdicts.append(
            f'- {setting.name}: a window takes {window:.1f} ms, {times:.1f} times faster than it '
            'lasts.'
            if times >= 1
            else f'- {setting.name}: a window takes {window:.1f} ms, {1 / times:.1f} times longer '
            'than it lasts.'
        )
        if not comparison.is_met:
            missed.append(f'a window of {setting.name} within {WINDOW_MS:.0f} ms')
        print('\n'.join([verdicts[-1], *rows]), flush=True)
    page = report(tables, verdicts, settings, load, command_of(__file__, options))
    return finish(options, page, missed, comparisons)


if __name__ == '__main__':
    sys.exit(main())
