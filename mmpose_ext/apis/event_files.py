"""Poses of a recording of events, and what is written of them: arrays, pictures, films."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor

from mmpose_ext.apis.event_stream import EventPose, EventPoseStream
from mmpose_ext.apis.loading import load_model
from mmpose_ext.events import EventReport, open_events, square_pad
from mmpose_ext.fileio import atomic_path, write_text
from mmpose_ext.models.body_models.rotations import matrix_to_axis_angle
from mmpose_ext.visualization.event_clips import body_of_model, flow_seen
from mmpose_ext.visualization.event_panels import EventStep
from mmpose_ext.visualization.event_sheets import draw_steps, spread
from mmpose_ext.visualization.event_video import clip_video
from mmpose_ext.visualization.mesh_panels import body_note

# Events of a recording that are held at a time, in microseconds.
_CHUNK = 1_000_000


@dataclass(frozen=True)
class EventInference:
    """What a model sees in a recording.

    Attributes:
        poses (list[EventPose]): A pose for each window.
        report (EventReport): What was met among the events.
        skipped_windows (int): Windows of pauses that have no pose.
    """

    poses: list[EventPose]
    report: EventReport
    skipped_windows: int


def load_event_model(config: str | Path, checkpoint: str | Path, device: str = 'cpu') -> BaseModel:
    """Load a model that predicts poses from events.

    Args:
        config (str | Path): Config of an ``EventHPE``.
        checkpoint (str | Path): Its checkpoint.
        device (str): Where the model runs. Defaults to ``'cpu'``.

    Returns:
        BaseModel: The model; its ``cfg`` is the config.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the checkpoint is not one of the config's model, or that has no body.
    """
    model = load_model(config, checkpoint, device)
    body_of_model(model)
    return model


def infer_events(
    model: BaseModel,
    recording: str | Path,
    size: Sequence[int],
    *,
    start: Mapping[str, Tensor] | InstanceData | None = None,
    sensor: Sequence[int] | None = None,
    reading: Mapping[str, Any] | None = None,
    **options: Any,
) -> EventInference:
    """Predict the pose after each window of a recording; a second of it is in memory at a time.

    Args:
        model (BaseModel): An ``EventHPE``.
        recording (str | Path): Its file, see :func:`~mmpose_ext.events.open_events`.
        size (Sequence[int]): Width and height of the network's event frames in px. Where they are
            square and the sensor is not, it is padded to a square.
        start (Mapping | InstanceData | None): Pose before the first window, see
            :class:`EventPoseStream`.
        sensor (Sequence[int] | None): Width and height of the sensor. Defaults to None: what the
            file says.
        reading (Mapping | None): Options of ``open_events``: ``format``, ``time_unit``, ...
        **options (Any): Options of :class:`EventPoseStream`: ``fps``, ``skip``, ``reduce``, ...

    Returns:
        EventInference: The poses.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or an option is out of range.
        ImportError: If a library is missing that its format needs.
    """
    with open_events(recording, size=sensor, **(reading or {})) as file:
        is_square = size[0] == size[1]
        options = dict(pad=square_pad(file.size) if is_square else 0) | options
        stream = EventPoseStream(model, file.size, size, start=start, **options)
        poses: list[EventPose] = []
        for events in file.windows(_CHUNK):
            poses += stream.feed(*events.arrays)
        poses += stream.flush()
        # The file's events were checked when they were read; only windows are the stream's.
        seen = stream.report
        report = replace(file.report, empty=seen.empty, bursts=seen.bursts)
    return EventInference(poses, report, stream.skipped_windows)


def steps_of_poses(model: BaseModel, poses: Sequence[EventPose], K: np.ndarray) -> list[EventStep]:
    """Make steps for pictures of poses.

    Args:
        model (BaseModel): The ``EventHPE`` that gave them.
        poses (Sequence[EventPose]): Poses.
        K (np.ndarray): Intrinsics (3, 3) in px of the event frames.

    Returns:
        list[EventStep]: A step of each, with the flow that the model saw.
    """
    body = body_of_model(model)
    steps = []
    for pose in poses:
        flow = flow_seen(model, dict(events=torch.from_numpy(pose.frames)[None]))
        steps.append(
            EventStep(
                pose.frames,
                K,
                body.faces,
                flow=None if flow is None else flow[0],
                vertices=pose.vertices(body),
            )
        )
    return steps


def write_event_poses(
    out_dir: str | Path,
    name: str,
    model: BaseModel,
    found: EventInference,
    K: np.ndarray,
    *,
    films: Sequence[str] = (),
    as_json: bool = False,
    steps: int = 6,
) -> list[Path]:
    """Write what a model sees in a recording.

    ``NAME_poses.npz``: ``start_us`` and ``end_us`` (N,) of the windows, ``num_events`` (N,),
    ``theta`` (N, 72) axis-angle, ``betas`` (N, S), ``transl`` (N, 3) and ``joints`` (N, 24, 3) in
    metres, camera space, ``K`` (3, 3); ``NAME_sheet.png``, pictures of some steps; as asked
    ``NAME.json``, the same as text, ``NAME.gif`` and ``NAME.mp4``.

    Args:
        out_dir (str | Path): Folder; made if it is missing.
        name (str): What the names of the files begin with.
        model (BaseModel): The ``EventHPE``.
        found (EventInference): What it predicted.
        K (np.ndarray): Intrinsics (3, 3) in px of the event frames.
        films (Sequence[str]): Some of ``'gif'`` and ``'mp4'``. Defaults to none.
        as_json (bool): Whether to write the JSON file. Defaults to False.
        steps (int): Steps of the sheet, spread evenly. Defaults to 6.

    Returns:
        list[Path]: The files.

    Raises:
        ValueError: If there is no pose, or a film is of an unknown kind.
        OSError: If a file cannot be written.
    """
    if not found.poses:
        raise ValueError(f'{name} has no events, there is nothing to write')
    folder = Path(out_dir)
    arrays = _arrays(found.poses) | dict(K=np.asarray(K, np.float64))
    files = [folder / f'{name}_poses.npz', folder / f'{name}_sheet.png']
    with atomic_path(files[0]) as temporary:
        np.savez_compressed(temporary, **arrays)
    chosen = [found.poses[index] for index in spread(len(found.poses), steps)]
    sheet = draw_steps(steps_of_poses(model, chosen, K))
    sheet = np.concatenate([sheet, body_note(body_of_model(model), sheet.shape[1])])
    with atomic_path(files[1]) as temporary:
        if not cv2.imwrite(str(temporary), sheet):
            raise OSError(f'OpenCV could not write {files[1]}')
    if as_json:
        files.append(folder / f'{name}.json')
        write_text(files[-1], json.dumps(_describe(arrays, found), indent=1))
    if films:
        drawn = steps_of_poses(model, found.poses, K)
        windows = np.diff([pose.end_us for pose in found.poses[:2]])
        fps = 1e6 / float(windows[0]) if len(windows) and 20_000 <= windows[0] <= 1e6 else 7.5
        for kind in films:
            files.append(folder / f'{name}.{kind}')
            clip_video(files[-1], drawn, fps)
    return files


def _arrays(poses: Sequence[EventPose]) -> dict[str, np.ndarray]:
    """Stack what poses hold."""
    rotmats = torch.from_numpy(np.stack([pose.rotmats for pose in poses]))
    stacked = dict(
        start_us=np.array([pose.start_us for pose in poses], np.int64),
        end_us=np.array([pose.end_us for pose in poses], np.int64),
        num_events=np.array([pose.num_events for pose in poses], np.int64),
        theta=matrix_to_axis_angle(rotmats).flatten(1).numpy(),
    )
    of_pose = dict(betas='betas', transl='transl', joints='joints_cam')
    fields = {name: [getattr(p, field) for p in poses] for name, field in of_pose.items()}
    return stacked | {name: np.stack(values) for name, values in fields.items()}


def _describe(arrays: dict[str, np.ndarray], found: EventInference) -> dict:
    """Say everything in plain values."""
    return dict(
        units='metres, camera space (x right, y down, z ahead); times: microseconds; theta: '
        'axis-angle in radians',
        events=str(found.report),
        skipped_windows=found.skipped_windows,
        **{name: array.tolist() for name, array in arrays.items()},
    )
