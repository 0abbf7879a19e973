"""EventHPE's stage 1 over whole recordings: the files of flow that stage 2 may read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseModel

from mmpose_ext.datasets.datasets.event_recordings import (
    EventSource,
    Recording,
    read_event_source,
    read_recordings,
)
from mmpose_ext.datasets.transforms.event_loading import FLOW_STRIDE, read_event_frame
from mmpose_ext.event_layout import SPLITS
from mmpose_ext.flow_file import write_flow
from mmpose_ext.models.pose_estimators import EventFlowEstimator

# Told how many of how many recordings are done.
Progress = Callable[[int, int], None]


def dump_event_flow(
    model: BaseModel,
    root: str | Path,
    *,
    splits: Sequence[str] = SPLITS,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> int:
    """Write the flow that a model predicts from each frame of recordings to the second next.

    The files are ``pred_flow_events_W/REC/flow%04d.npz``, cut to hundredths of a pixel as those of
    EventHPE's authors. Frames one of whose two intervals has no events file have none. Files that
    are there are replaced.

    Args:
        model (BaseModel): A trained ``EventFlowEstimator``.
        root (str | Path): Root folder of the recordings.
        splits (Sequence[str]): Splits whose recordings are predicted; those without a file are
            left out. Defaults to ``('train', 'test')``.
        batch_size (int): Windows at a time. Defaults to 16.
        progress (Callable | None): Called after each recording. Defaults to None.

    Returns:
        int: How many files were written.

    Raises:
        FileNotFoundError: If there are no recordings, or a picture is missing.
        ValueError: If the model gives no flow or wants other channels than two intervals have,
            ``batch_size`` is not positive, or a file is not as the layout says.
        OSError: If a file cannot be read or written.
    """
    source = read_event_source(root)
    _check(model, source, batch_size)
    recordings = _recordings(source, splits)
    written = 0
    for done, recording in enumerate(recordings, 1):
        starts = _starts(recording)
        for first in range(0, len(starts), batch_size):
            _predict(model, source, recording, starts[first : first + batch_size])
        written += len(starts)
        if progress is not None:
            progress(done, len(recordings))
    return written


def _check(model: BaseModel, source: EventSource, batch_size: int) -> None:
    if not isinstance(model, EventFlowEstimator):
        raise ValueError(f'an EventFlowEstimator is needed, got {type(model).__name__}')
    wanted, given = model.flow_net.in_channels, FLOW_STRIDE * source.bins
    if wanted != given:
        raise ValueError(
            f'the model sees {wanted} channels, {FLOW_STRIDE} intervals of {source.root} have '
            f'{given}: take a model that was trained on such recordings'
        )
    if batch_size < 1:
        raise ValueError(f'batch_size must be at least 1, got {batch_size}')


def _recordings(source: EventSource, splits: Sequence[str]) -> list[Recording]:
    """Read the recordings of all splits, each once."""
    unknown = [split for split in splits if split not in SPLITS]
    if unknown or not splits:
        raise ValueError(f'splits must be some of {SPLITS}, got {tuple(splits)}')
    paths = [source.root / f'{split}.json' for split in splits]
    there = [path for path in paths if path.exists()]
    if not there:
        raise FileNotFoundError(f'there is no file {" or ".join(map(str, paths))}')
    found = [recording for path in there for recording in read_recordings(source, path)]
    return list({recording.name: recording for recording in found}.values())


def _starts(recording: Recording) -> list[int]:
    """Give the frames from which all intervals of a step have events."""
    frames = recording.event_frames
    whole = [np.isin(frames + k, frames) for k in range(FLOW_STRIDE)]
    starts: list[int] = frames[np.all(whole, axis=0)].tolist()
    return starts


def _predict(
    model: BaseModel, source: EventSource, recording: Recording, starts: Sequence[int]
) -> None:
    """Predict and write the flow from some frames, reading each interval once."""
    shape = source.size[::-1]
    frames = {
        k: read_event_frame(source.events(recording.name, k), source.bins, shape)
        for k in {start + k for start in starts for k in range(FLOW_STRIDE)}
    }
    events = [
        torch.from_numpy(np.concatenate([frames[start + k] for k in range(FLOW_STRIDE)]))
        for start in starts
    ]
    with torch.no_grad():
        samples = model.test_step({'inputs': {'events': events}})
    for start, sample in zip(starts, samples, strict=True):
        path = source.flow(recording.name, start, 'pred')
        write_flow(path, sample.pred_fields.flow.numpy())
