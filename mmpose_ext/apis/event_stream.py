"""From events as they come to a pose for each window, the recurrent state kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor

from mmpose_ext.apis.event_start import check_start
from mmpose_ext.events import (
    BurstWatch,
    EventFrameBuilder,
    EventReport,
    EventStream,
    check_events,
    concatenate_events,
)
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.event_clips import body_of_model

_SECOND = 1e6


@dataclass(frozen=True, eq=False)
class EventPose:
    """The pose at the end of a window of events. SMPL's 24 joints; metres, camera space.

    Attributes:
        start_us (int): Beginning of the window, microseconds of the camera's clock.
        end_us (int): Its end, the time of the pose.
        num_events (int): Events of the window.
        frames (np.ndarray): Its event frames (C, H, W), as the network saw them.
        rotmats (np.ndarray): Rotations (24, 3, 3) of the joints, of the whole body first.
        transl (np.ndarray): Translation (3,).
        betas (np.ndarray): Shape (S,).
        joints_cam (np.ndarray): Joints (24, 3).
    """

    start_us: int
    end_us: int
    num_events: int
    frames: np.ndarray
    rotmats: np.ndarray
    transl: np.ndarray
    betas: np.ndarray
    joints_cam: np.ndarray

    @torch.no_grad()
    def vertices(self, body: SMPLBody) -> np.ndarray:
        """Give the skin of the body.

        Args:
            body (SMPLBody): The model's body.

        Returns:
            np.ndarray: Vertices (V, 3) in metres, camera space.
        """
        device = next(body.buffers()).device
        rotmats, transl, betas = (
            torch.as_tensor(array, dtype=torch.float32, device=device)[None]
            for array in (self.rotmats, self.transl, self.betas[: body.num_betas])
        )
        return body(rotmats[:, :1], rotmats[:, 1:], betas, transl).vertices[0].cpu().numpy()


class EventPoseStream:
    """Gives a pose for every full window of the events that it is fed, as a live camera would.

    Windows follow the clock: each is ``skip / fps`` seconds, the first begins with the first event
    or at ``origin_us``. Events go into the frames of their window at once, so that memory does
    not grow with their number. A window without events gives a pose too: the network sees empty
    frames. Poses are those of the whole recording at once (:meth:`EventHPE.predict` on the same
    windows), since the network looks at nothing to come.

    Nothing is dropped without being counted in :attr:`report`: events out of order are sorted,
    those of a window that is over are late, those outside of the sensor are left out. Over a
    pause longer than ``max_gap_s`` the stream leaps (:attr:`skipped_windows`); where the clock
    has gone back by more than that it begins anew from there (:attr:`clock_restarts`). The state
    is kept in both cases.

    Args:
        model (BaseModel): An ``EventHPE``; put into ``eval`` mode.
        sensor (Sequence[int]): Width and height of the sensor in px.
        size (Sequence[int] | None): Width and height of the network's event frames in px.
            Defaults to None: the sensor's.
        start (Mapping | InstanceData | None): Pose before the first window: ``rotmats``
            (1, 24, 3, 3), ``transl`` (1, 3), ``betas`` (1, S), perhaps ``features`` (1, D).
            Defaults to None, for models that predict it.
        fps (float): Frames a second that the model was trained with. Defaults to 15.
        skip (int): Frames of a step. Defaults to 2.
        bins (int): Event frames between two frames. Defaults to 4.
        reduce (str): See :func:`~mmpose_ext.events.events_to_frames`. Defaults to ``'max'``.
        pad (int | Sequence[int]): Likewise. Defaults to 0.
        rotate180 (bool): Likewise, for sensors that hang upside down. Defaults to False.
        clock_bits (int | None): Bits of the camera's clock, see
            :func:`~mmpose_ext.events.check_events`. Defaults to None: it never starts anew.
        origin_us (int | None): When the first window begins. Defaults to None.
        slack_us (float): A window is only closed when an event is this much later than its end,
            so that events may come that much out of order between calls. Defaults to 0.
        max_gap_s (float): Longest pause, in seconds, that is filled with poses. Defaults to 10.

    Raises:
        ValueError: If an argument is out of range, the model has no body or reads its flow from
            files, or it needs a start and there is none.

    Example:
        >>> stream = EventPoseStream(model, (346, 260), (256, 256), start=start)
        >>> for t, x, y, p in camera:
        ...     for pose in stream.feed(t, x, y, p):
        ...         print(pose.end_us, pose.joints_cam[0])
    """

    def __init__(
        self,
        model: BaseModel,
        sensor: Sequence[int],
        size: Sequence[int] | None = None,
        *,
        start: Mapping[str, Tensor] | InstanceData | None = None,
        fps: float = 15.0,
        skip: int = 2,
        bins: int = 4,
        reduce: str = 'max',
        pad: int | Sequence[int] = 0,
        rotate180: bool = False,
        clock_bits: int | None = None,
        origin_us: int | None = None,
        slack_us: float = 0.0,
        max_gap_s: float = 10.0,
    ) -> None:
        for name, value in (('fps', fps), ('skip', skip), ('bins', bins)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f'{name} should be positive, got {value!r}')
        if skip != int(skip):
            raise ValueError(f'skip is a whole number of frames, got {skip!r}')
        if not slack_us >= 0:
            raise ValueError(f'slack_us should not be negative, got {slack_us!r}')
        if not max_gap_s >= skip / fps:
            raise ValueError(
                f'max_gap_s should be at least a window, {skip / fps:.3f} s, got {max_gap_s!r}'
            )
        self.body = body_of_model(model)
        if getattr(model, 'flow_source', 'net') == 'file':
            raise ValueError(
                "a model with flow_source='file' reads flow from disk, which a stream has not: "
                "give it a flow_net and flow_source='net'"
            )
        if start is None and getattr(model.head, 'start', 'given') == 'given':
            raise ValueError('this model needs a start, the pose before the first window')
        self.model = model.eval()
        self.fps, self.skip = float(fps), int(skip)
        self._nothing = EventStream.empty((int(sensor[0]), int(sensor[1])))
        self._new_frames = partial(
            EventFrameBuilder,
            self._nothing.size,
            num_bins=bins,
            size=sensor if size is None else size,
            reduce=reduce,
            pad=pad,
            rotate180=rotate180,
        )
        self._start = None if start is None else self._check_start(start)
        self._origin, self._clock_bits = origin_us, clock_bits
        self._slack, self._max_gap = slack_us, max_gap_s * _SECOND
        self._new_frames(t_range=(0, 1))  # refuses options that cannot be
        self.reset()

    def reset(self, start: Mapping[str, Tensor] | InstanceData | None = None) -> None:
        """Forget events, state and reports: what comes next is another recording.

        Args:
            start (Mapping | InstanceData | None): Its beginning pose. Defaults to None: the one
                given before.
        """
        if start is not None:
            self._start = self._check_start(start)
        self._state = None
        self._clock = self._origin  # time that windows are counted from
        self._window = 0
        self._newest: int | None = None
        self._pending = self._nothing  # events of later windows
        self._builders: list[EventFrameBuilder] = []  # of the open window's intervals
        self._count = 0  # events of the open window
        self._watch = BurstWatch()
        self.report = EventReport()
        self.windows = 0
        self.skipped_windows = 0
        self.clock_restarts = 0

    def feed(self, t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> list[EventPose]:
        """Take events, any number of them.

        Args:
            t (np.ndarray): Times (N,), whole microseconds.
            x (np.ndarray): Columns (N,) in px, 0 on the left.
            y (np.ndarray): Rows (N,) in px, 0 at the top.
            p (np.ndarray): Polarities (N,), 0/1 or -1/1.

        Returns:
            list[EventPose]: A pose for each window that is full now.

        Raises:
            ValueError: If the arrays are of different lengths or no events.
        """
        t, x, y, p = (np.asarray(array) for array in (t, x, y, p))
        events = EventStream(t, x, y, p, self._nothing.size)
        checked, report = check_events(events, clock_bits=self._clock_bits, after=self._newest)
        # What counts as empty here is a window.
        self.report += replace(report, empty=0)
        if not len(checked):
            return []
        first, last = int(checked.t[0]), int(checked.t[-1])
        poses = self._mind_clock(first, last)
        if self._newest is not None and first < self._newest:
            self.report += EventReport(unsorted=1, longest_step_back=self._newest - first)
        self._newest = last if self._newest is None else max(last, self._newest)
        self._pending = self._merge(self._without_late(checked))
        poses += self._close_until(self._newest - self._slack)
        self._fill()
        return poses

    def advance(self, time_us: float) -> list[EventPose]:
        """Say that the camera's clock is so far, though nothing may have moved.

        Args:
            time_us (float): Time in microseconds, unwrapped.

        Returns:
            list[EventPose]: A pose for each window that is full now.

        Raises:
            ValueError: If it is not finite.
        """
        if not math.isfinite(time_us):
            raise ValueError(f'time_us should be finite, got {time_us!r}')
        if self._clock is None:
            self._clock = math.floor(time_us)
        return self._close_until(time_us - self._slack)

    def flush(self) -> list[EventPose]:
        """Close the window that has begun, at the end of a recording.

        Returns:
            list[EventPose]: Poses of all windows that hold events not yet seen; none if there
            are no such events.
        """
        poses: list[EventPose] = []
        while self._count or len(self._pending):
            poses += self._close_until(self._border(self._window + 1))
        return poses

    @property
    def start_us(self) -> int | None:
        """When the open window began, microseconds; None before the first event."""
        return None if self._clock is None else self._border(self._window)

    def __str__(self) -> str:
        text = f'{self.windows} windows; {self.report}'
        if self.skipped_windows:
            text += f'; {self.skipped_windows} windows of pauses without a pose'
        if self.clock_restarts:
            text += f'; {self.clock_restarts} jumps of the clock back'
        return text

    def _check_start(self, start: Mapping[str, Tensor] | InstanceData) -> dict[str, Tensor]:
        device = next(self.model.parameters()).device
        return {name: tensor.to(device) for name, tensor in check_start(start).items()}

    def _border(self, window: int, interval: int = 0) -> int:
        """Beginning of an interval of a window, microseconds."""
        if self._clock is None:
            raise RuntimeError('the stream has seen no event: it has no clock yet')
        frames = window * self.skip + interval
        return self._clock + math.ceil(frames * _SECOND / self.fps)

    def _mind_clock(self, first: int, last: int) -> list[EventPose]:
        """Set the clock by the first events, and anew where it has gone far back."""
        if self._clock is None:
            self._clock = first
        if self._border(self._window) - last <= self._max_gap:
            return []
        poses = self.flush()
        self.clock_restarts += 1
        self._clock, self._window, self._newest, self._builders = first, 0, None, []
        return poses

    def _without_late(self, events: EventStream) -> EventStream:
        late = int(np.searchsorted(events.t, self._border(self._window)))
        if late:
            kept = self.report.num_kept - late
            self.report = replace(self.report, late=self.report.late + late, num_kept=kept)
        return events[late:]

    def _merge(self, events: EventStream) -> EventStream:
        joined = concatenate_events([self._pending, events])
        if len(self._pending) and len(events) and events.t[0] < self._pending.t[-1]:
            return joined[np.argsort(joined.t, kind='stable')]
        return joined

    def _close_until(self, time: float) -> list[EventPose]:
        """Close the windows that end no later than ``time``."""
        poses: list[EventPose] = []
        while time >= self._border(self._window + 1):
            ahead = min(int(self._pending.t[0]), time) if len(self._pending) else time
            if not self._count and ahead - self._border(self._window) > self._max_gap:
                self._leap(ahead)
            else:
                poses.append(self._close())
        return poses

    def _leap(self, time: float) -> None:
        """Leave out the windows of a pause, up to the one of a time."""
        window = int((time - self._border(0)) * self.fps / (_SECOND * self.skip))
        window -= self._border(window) > time
        self.skipped_windows += window - self._window
        self._window = window
        self._builders = []

    def _fill(self) -> None:
        """Put the events of the open window into its frames."""
        if not self._builders:
            borders = [self._border(self._window, k) for k in range(self.skip + 1)]
            self._builders = [self._new_frames(t_range=ends) for ends in pairwise(borders)]
        count = int(np.searchsorted(self._pending.t, self._border(self._window + 1)))
        for builder in self._builders:
            builder.add(self._pending[:count])
        self._pending = self._pending[count:]
        self._count += count

    @torch.no_grad()
    def _close(self) -> EventPose:
        """Run the network on the open window and open the next one."""
        self._fill()
        frames = np.concatenate([builder.frames() for builder in self._builders])
        device = next(self.model.parameters()).device
        events = torch.from_numpy(frames)[None].to(device).float()
        pred, self._state = self.model.step(events, self._state, start=self._start)
        names = ('rotmats', 'transl', 'betas', 'joints_cam')
        found = {name: pred[name][0].float().cpu().numpy() for name in names}
        ends = self._border(self._window), self._border(self._window + 1)
        pose = EventPose(*ends, self._count, frames, **found)
        is_burst = self._watch.is_burst(self._count)
        self.report += EventReport(empty=int(not self._count), bursts=int(is_burst))
        self.windows += 1
        self._window += 1
        self._builders, self._count = [], 0
        return pose
