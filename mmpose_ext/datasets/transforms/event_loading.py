"""Loading what a sample of an event camera is made of: events, gray pictures, flow, poses."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import mmengine.fileio
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from scipy.spatial.transform import Rotation

from mmpose_ext.datasets.transforms.loading import is_truncated
from mmpose_ext.events.frames import regroup_channels
from mmpose_ext.flow_file import read_flow

# Frames that a field of flow on disk spans, the authors'.
FLOW_STRIDE = 2
_NUM_JOINTS = 24


def read_picture(path: str | Path, flag: int, cure: str) -> np.ndarray:
    """Read a picture that must be whole.

    Args:
        path (str | Path): The file.
        flag (int): OpenCV's flag of how to read it.
        cure (str): What makes the file, for the error.

    Returns:
        np.ndarray: The picture, (H, W) or (H, W, C).

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is truncated or no picture.
    """
    try:
        data = mmengine.fileio.get(str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(f'there is no file {path}: {cure}') from error
    if is_truncated(data):
        raise OSError(f'{path} is truncated: its end is missing. Copy it again, or {cure}')
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error as error:
        raise OSError(f'{path} cannot be decoded ({error}): {cure}') from error
    if picture is None:
        raise OSError(f'{path} ({len(data)} bytes) is no picture that can be decoded: {cure}')
    return picture


def read_event_frame(path: str | Path, bins: int, shape: tuple[int, int]) -> np.ndarray:
    """Read the events of an interval.

    Args:
        path (str | Path): The picture, a PNG of 0 and 1.
        bins (int): Its channels.
        shape (tuple[int, int]): Its height and width in px.

    Returns:
        np.ndarray: Which pixels saw an event in which bin, uint8 0 or 1, (bins, H, W), the
        channels in OpenCV's order.

    Raises:
        OSError: If it is missing (a FileNotFoundError), truncated or no picture.
        ValueError: If it has another shape or other values.
    """
    picture = read_picture(path, cv2.IMREAD_UNCHANGED, 'convert the recording again')
    picture = picture[..., None] if picture.ndim == 2 else picture
    if picture.shape != (*shape, bins) or picture.dtype != np.uint8:
        raise ValueError(
            f'{path} should be uint8 (H, W, bins) {(*shape, bins)} as dataset.json says, got '
            f'{picture.dtype} {picture.shape}'
        )
    if picture.max() > 1:
        raise ValueError(f'{path} should hold 0 and 1 only, got {picture.max()}')
    return picture.transpose(2, 0, 1)


@TRANSFORMS.register_module()
class LoadEventFrames(BaseTransform):
    """Load the events between the frames of a sample.

    Required keys: ``event_source``, ``recording``, ``frame_ids``, ``img_shape``, ``mode``. Added
    key: ``events``, uint8 0 or 1: (C, H, W) in flow mode, of the whole window; (T, C, H, W) in
    shape mode, one of each step. The intervals' bins are regrouped to C channels in order of
    time, as the authors do: in flow mode bins that do not fill a group are dropped, in shape mode
    the last group takes them.

    Args:
        channels (int, optional): Channels C. Defaults to 8, the authors'. None: all the bins, if
            all steps have as many.

    Raises:
        ValueError: If a step has fewer bins than channels are wanted.
        OSError: If a picture is missing or damaged.
    """

    def __init__(self, channels: int | None = 8) -> None:
        if channels is not None and (not isinstance(channels, int) or channels < 1):
            raise ValueError(f'channels should be None or a positive number, got {channels!r}')
        self.channels = channels

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the events of a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        frame_ids = results['frame_ids'].tolist()
        remainder = 'drop' if results['mode'] == 'flow' else 'last'
        steps = [self._step(results, start, end, remainder) for start, end in pairwise(frame_ids)]
        if len({step.shape for step in steps}) > 1:
            raise ValueError(
                f'the steps of {results["recording"]} have {[len(step) for step in steps]} '
                'channels: give LoadEventFrames(channels=...)'
            )
        results['events'] = steps[0] if results['mode'] == 'flow' else np.stack(steps)
        return results

    def _step(self, results: dict[str, Any], start: int, end: int, remainder: str) -> np.ndarray:
        source, shape = results['event_source'], tuple(results['img_shape'])
        frames = [
            read_event_frame(source.events(results['recording'], k), source.bins, shape)
            for k in range(start, end)
        ]
        events = np.concatenate(frames)
        if self.channels is None or len(events) == self.channels:
            return events
        if len(events) < self.channels:
            raise ValueError(
                f'{end - start} intervals of {source.bins} bins are fewer than '
                f'channels={self.channels}: take a larger skip or fewer channels'
            )
        regrouped: np.ndarray = regroup_channels(events, self.channels, remainder=remainder)
        return regrouped

    def __repr__(self) -> str:
        return f'{type(self).__name__}(channels={self.channels})'


@TRANSFORMS.register_module()
class LoadGrayFrames(BaseTransform):
    """Load the gray pictures at the start and the end of a window of events.

    Required keys: ``event_source``, ``recording``, ``frame_ids``, ``img_shape``. Added key:
    ``gray``, uint8 (2, H, W), of the first and the last frame.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the two pictures.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.

        Raises:
            OSError: If one is missing or damaged.
            ValueError: If one is of another size.
        """
        source, ends = results['event_source'], results['frame_ids'][[0, -1]].tolist()
        paths = [source.gray(results['recording'], frame) for frame in ends]
        cure = 'convert the recording again'
        # OpenCV's own gray of a coloured JPEG; the authors' files are gray already.
        gray = [read_picture(path, cv2.IMREAD_GRAYSCALE, cure) for path in paths]
        for path, picture in zip(paths, gray, strict=True):
            if picture.shape != tuple(results['img_shape']):
                raise ValueError(
                    f'{path} should be of (H, W) {tuple(results["img_shape"])} px, got '
                    f'{picture.shape}'
                )
        results['gray'] = np.stack(gray)
        return results


@TRANSFORMS.register_module()
class LoadEventFlow(BaseTransform):
    """Load the flow between the frames of a sample: the sum of the fields within each step.

    Summed pixel by pixel without following them, as the authors do: exact for steps of 2 frames.

    Required keys: ``event_source``, ``recording``, ``frame_ids``, ``img_shape``, ``mode``. Added
    keys: ``flow``, px, float32 (2, H, W) in flow mode, (T, 2, H, W) in shape mode; in flow mode
    also ``body``, bool (1, H, W), if the file of the first frame has it.

    Args:
        source (str): ``'pred'``, what stage 1 predicts, or ``'true'``, which only mannequins have.
            Defaults to ``'pred'``.

    Raises:
        FileNotFoundError: If a field is missing.
        ValueError: If there is no such source, a step is not a multiple of 2 frames, or a field
            has another size.
    """

    def __init__(self, source: str = 'pred') -> None:
        if source not in ('pred', 'true'):
            raise ValueError(f"source should be 'pred' or 'true', got {source!r}")
        self.source = source

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the flow of a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        frame_ids = results['frame_ids']
        if (np.diff(frame_ids) % FLOW_STRIDE).any():
            raise ValueError(
                f'the files of flow span {FLOW_STRIDE} frames each, got steps of '
                f'{np.diff(frame_ids).tolist()}: take an even skip'
            )
        first, last = frame_ids[[0, -1]].tolist()
        fields = [self._read(results, k) for k in range(first, last, FLOW_STRIDE)]
        firsts = (frame_ids[:-1] - first) // FLOW_STRIDE
        flow = np.add.reduceat(np.stack([field['flow'] for field in fields]), firsts)
        if results['mode'] == 'flow':
            flow = flow[0]
            if 'body' in fields[0]:
                results['body'] = fields[0]['body'][None]
        results['flow'] = flow
        return results

    def _read(self, results: dict[str, Any], frame: int) -> dict[str, np.ndarray]:
        path = results['event_source'].flow(results['recording'], frame, self.source)
        try:
            field = read_flow(path)
        except FileNotFoundError as error:
            cure = (
                'write it with tools/dump_event_flow.py'
                if self.source == 'pred'
                else 'only mannequins have true flow'
            )
            raise FileNotFoundError(f'there is no file of flow {path}: {cure}') from error
        if field['flow'].shape[1:] != tuple(results['img_shape']):
            raise ValueError(
                f'{path} should be of (H, W) {tuple(results["img_shape"])} px, got '
                f'{field["flow"].shape[1:]}'
            )
        return field

    def __repr__(self) -> str:
        return f'{type(self).__name__}(source={self.source!r})'


@TRANSFORMS.register_module()
class LoadClipPoses(BaseTransform):
    """Take the poses at the ends of a clip's steps, and the one it starts from.

    Required keys: ``poses``, ``init``, ``labelled``, ``frame``, ``frame_ids`` (T + 1,). Added keys,
    float32:

    - ``rotmats`` (T, 24, 3, 3), ``transl`` (T, 3) m, ``betas`` (T, 10), ``joints_cam`` (T, 24, 3)
      m with the translation, ``keypoints`` (T, 24, 2) px, ``has_smpl`` (T,), ``has_joints`` (T,);
      where a recording counts as not labelled the flags are 0 and the values those of no pose
    - ``start``: ``rotmats`` (1, 24, 3, 3), ``transl`` (1, 3), ``betas`` (1, 10) and what features
      there are, (1, 2048); None without
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Take the poses of a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        rows = results['frame_ids'][1:] - results['frame']
        poses = {name: values[rows] for name, values in results.pop('poses').items()}
        poses.update(rotmats=rotmats(poses.pop('theta')), joints_cam=poses.pop('joints'))
        labelled = results.pop('labelled')
        if not labelled:  # no label can leak from where it is not counted
            poses = {name: np.zeros_like(values) for name, values in poses.items()}
            poses['rotmats'][:] = np.eye(3)
        flags = np.full(len(rows), labelled, dtype=np.float32)
        results.update(poses, has_smpl=flags, has_joints=flags.copy())
        init = results.pop('init')
        results['start'] = None if init is None else start_of(init)
        return results


def start_of(init: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Make the start of a clip of a pose.

    Args:
        init (dict[str, np.ndarray]): ``theta`` (72,), and other arrays of one pose.

    Returns:
        dict[str, np.ndarray]: ``rotmats`` (1, 24, 3, 3) and the others with a first axis of 1.
    """
    start = {name: values[None] for name, values in init.items() if name != 'theta'}
    return {'rotmats': rotmats(init['theta'][None]), **start}


def rotmats(theta: np.ndarray) -> np.ndarray:
    """Turn the poses of SMPL into rotation matrices.

    Args:
        theta (np.ndarray): Axis-angle vectors (N, 72) in radians.

    Returns:
        np.ndarray: Matrices (N, 24, 3, 3), float32.
    """
    matrices = Rotation.from_rotvec(np.asarray(theta, np.float64).reshape(-1, 3)).as_matrix()
    return matrices.reshape(-1, _NUM_JOINTS, 3, 3).astype(np.float32)
