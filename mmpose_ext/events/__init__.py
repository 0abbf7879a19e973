"""Events of event cameras: reading, checking, turning into frames. Knows nothing above it."""

from mmpose_ext.events.event_file import BurstWatch, EventFile
from mmpose_ext.events.frames import EventFrameBuilder, events_to_frames, regroup_channels
from mmpose_ext.events.pixel_tables import square_pad
from mmpose_ext.events.readers import open_events
from mmpose_ext.events.stream import (
    EventReport,
    EventStream,
    check_events,
    concatenate_events,
    unwrap_clock,
)
from mmpose_ext.events.torch_frames import events_to_frames_torch

__all__ = [
    'BurstWatch',
    'EventFile',
    'EventFrameBuilder',
    'EventReport',
    'EventStream',
    'check_events',
    'concatenate_events',
    'events_to_frames',
    'events_to_frames_torch',
    'open_events',
    'regroup_channels',
    'square_pad',
    'unwrap_clock',
]
