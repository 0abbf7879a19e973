"""Raw events to frames inside a pipeline."""

from collections.abc import Sequence
from typing import Any

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from mmpose_ext.events import EventStream, check_events, events_to_frames
from mmpose_ext.events.frames import check_frame_options
from mmpose_ext.events.pixel_tables import Pad


@TRANSFORMS.register_module()
class EventsToFrames(BaseTransform):
    """Turn raw events into frames: :func:`mmpose_ext.events.frames.events_to_frames`.

    Required Keys:

    - stream (EventStream)
    - t_range (tuple[int, int], optional): Times of the window in microseconds.

    Added Keys:

    - events (np.ndarray): ``(C, H, W)``
    - event_report (EventReport): What was wrong with the events.

    Args:
        num_bins (int): Bins of time. Defaults to 8, those of a step of EventHPE.
        size (Sequence[int], optional): Width and height of the frames; default: the padded sensor.
        reduce (str): ``'nearest'``, ``'max'``, ``'count'`` or ``'voxel'``. Defaults to ``'max'``.
        pad (int | Sequence[int]): Pixels added on each side, or on (left, top, right, bottom).
        rotate180 (bool): Whether the sensor is mounted upside down. Defaults to False.
        polarity (bool): Whether darker and brighter events get frames of their own.
        drop_last (bool): Whether, without ``t_range``, the events at the last time are dropped.
        percentile (float): At which voxels are clipped. Defaults to 98.
        clock_bits (int, optional): Bits of the camera's clock, if it starts anew.

    Raises:
        ValueError: If an option is not one of these.
        TypeError: If ``stream`` is no :class:`EventStream`.
    """

    def __init__(
        self,
        num_bins: int = 8,
        size: Sequence[int] | None = None,
        reduce: str = 'max',
        pad: Pad = 0,
        rotate180: bool = False,
        polarity: bool = False,
        drop_last: bool = True,
        percentile: float = 98.0,
        clock_bits: int | None = None,
    ) -> None:
        check_frame_options(num_bins, reduce, percentile)
        self.clock_bits = clock_bits
        self.options: dict[str, Any] = dict(
            num_bins=num_bins,
            size=size,
            reduce=reduce,
            pad=pad,
            rotate180=rotate180,
            polarity=polarity,
            drop_last=drop_last,
            percentile=percentile,
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the frames.

        Args:
            results (dict): With ``stream``.

        Returns:
            dict: The same, with ``events`` and ``event_report``.
        """
        stream = results['stream']
        if not isinstance(stream, EventStream):
            raise TypeError(f'stream should be an EventStream, got {type(stream).__name__}')
        stream, results['event_report'] = check_events(stream, clock_bits=self.clock_bits)
        results['events'] = events_to_frames(stream, t_range=results.get('t_range'), **self.options)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.options}, clock_bits={self.clock_bits})'
