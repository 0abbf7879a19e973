"""Clips of an event camera that sees one person: MMHPSD's layout, mannequins', anybody's."""

import os.path
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.annotation_checks import check_indices
from mmpose_ext.datasets.datasets.event_recordings import (
    Poses,
    Recording,
    read_event_source,
    read_poses,
    read_recordings,
)
from mmpose_ext.skeletons import smpl24
from mmpose_ext.synthetic.skeleton import JOINT_NAMES, PARENTS

MODES = ('flow', 'shape')
INIT_SOURCES = ('gt', 'hmr', 'vibe', 'mean', 'none')
# The authors draw the end of an interval among the first four blocks of `skip` frames.
MAX_BLOCKS = 4
# Standing upright and facing a camera whose y points down.
FACING_CAMERA = (np.pi, 0.0, 0.0)

METAINFO = dict(
    dataset_name='mmhpsd',
    paper_info=dict(
        author='Zou, Shihao and Guo, Chuan and Zuo, Xinxin and Wang, Sen and Wang, Pengyu and '
        'Hu, Xiaoqin and Chen, Shoushun and Gong, Minglun and Cheng, Li',
        title='EventHPE: Event-based 3D Human Pose and Shape Estimation',
        container='International Conference on Computer Vision',
        year='2021',
        homepage='https://github.com/JimmyZou/EventHPE',
    ),
    keypoint_info={
        i: dict(
            name=name,
            id=i,
            color=[51, 153, 255],
            type='',
            swap='' if other == i else JOINT_NAMES[other],
        )
        for i, (name, other) in enumerate(zip(JOINT_NAMES, smpl24.FLIP_INDICES, strict=True))
    },
    skeleton_info={
        i - 1: dict(link=(JOINT_NAMES[PARENTS[i]], JOINT_NAMES[i]), id=i - 1, color=[0, 200, 60])
        for i in range(1, smpl24.NUM_JOINTS)
    },
    joint_weights=[1.0] * smpl24.NUM_JOINTS,
    sigmas=[],
)


@DATASETS.register_module()
class MMHPSDataset(BaseDataset):
    """Clips of recordings in the layout of :mod:`.event_recordings`.

    In ``'flow'`` mode a sample is a frame and the intervals after it, of which
    ``SampleEventInterval`` takes some; poses are not needed. In ``'shape'`` mode it is a clip of
    ``num_steps`` steps of ``skip`` intervals, with poses of all its frames. While training, the
    steps' ends are ``SampleClipSteps``' choice among the next ``max_steps`` steps.

    A sample as the pipeline gets it:

    - ``id``, ``sample_idx``; ``recording``, ``subject``, ``action`` (str); ``frame``: the first
      frame; ``fps``; ``img_shape`` (H, W), ``focal`` (2,), ``principal_pt`` (2,) in px;
      ``event_source``: where files lie; ``mode``, ``skip``, ``test_mode``
    - flow mode: ``event_counts`` (n,): set pixels of the next n intervals, n at most 4 ``skip``
    - shape mode: ``num_steps``, ``max_steps``; ``poses``: ``theta`` (S + 1, 72), ``betas``
      (S + 1, 10), ``transl`` (S + 1, 3) m, ``joints`` (S + 1, 24, 3) m, ``keypoints``
      (S + 1, 24, 2) px of frame ``frame`` and the S after it; ``labelled`` (bool);
      ``init``: ``theta`` (72,), ``betas`` (10,), ``transl`` (3,) m, with HMR ``features`` (2048,),
      or None

    Args:
        mode (str): ``'flow'`` or ``'shape'``. Defaults to ``'shape'``.
        ann_file (str): Recordings of the split. Defaults to ``'train.json'``.
        num_steps (int): Steps T of a clip. Defaults to 8.
        max_steps (int, optional): Among how many the ends of steps are drawn in training; in test
            mode ``num_steps``. Defaults to None: ``num_steps``, regular steps. The authors' class
            has 16, their training script 8.
        skip (int): Intervals of a step. Defaults to 2.
        clip_stride (int): A clip starts at every so many frames of a recording; ``num_steps *
            skip`` gives clips that do not overlap. Defaults to 1, the authors'.
        init_source (str): The pose that a clip starts from: ``'gt'``, the label of its first frame;
            ``'hmr'`` or ``'vibe'``, what those networks see in its gray picture (clips without are
            left out, and the log says how many); ``'mean'``, standing upright and facing the
            camera; ``'none'``. Defaults to ``'gt'``.
        mean_transl (Sequence[float]): Place of the mean pose in m. Defaults to (0, 0, 3), ours.
        labelled (float): Share of the recordings whose labels are given; the others keep the pose
            they start from. At least one if more than 0. Defaults to 1.
        labelled_seed (int): Chooses them; a smaller share is a part of a larger one. Defaults to 0.
        keep_unlabelled (bool): False leaves the others out, to train on labels alone. Defaults to
            True.
        data_root (str): The folder of ``dataset.json``.
        **kwargs: Other arguments of MMEngine's ``BaseDataset``: ``pipeline``, ``indices``,
            ``test_mode``, ...

    Raises:
        FileNotFoundError: If a file of annotations is missing.
        ValueError: If an argument is out of range, a file is not as the layout says (names file
            and field), or no clip is left.

    Example:
        >>> dataset = MMHPSDataset(data_root='data/event_mannequins', mode='flow')
    """

    METAINFO: dict = METAINFO
    ann_file: str

    def __init__(
        self,
        mode: str = 'shape',
        ann_file: str = 'train.json',
        num_steps: int = 8,
        max_steps: int | None = None,
        skip: int = 2,
        clip_stride: int = 1,
        init_source: str = 'gt',
        mean_transl: Sequence[float] = (0.0, 0.0, 3.0),
        labelled: float = 1.0,
        labelled_seed: int = 0,
        keep_unlabelled: bool = True,
        **kwargs: Any,
    ) -> None:
        max_steps = num_steps if max_steps is None else max_steps
        _check_choice('mode', mode, MODES)
        _check_choice('init_source', init_source, INIT_SOURCES)
        for name, value in (('num_steps', num_steps), ('skip', skip), ('clip_stride', clip_stride)):
            _check_count(name, value, 1)
        _check_count('max_steps', max_steps, num_steps)
        if not 0 <= labelled <= 1:
            raise ValueError(f'labelled should be a share from 0 to 1, got {labelled!r}')
        if np.shape(mean_transl) != (3,) or not np.isfinite(mean_transl).all():
            raise ValueError(f'mean_transl should be three numbers in m, got {mean_transl!r}')
        self.mode, self.init_source = mode, init_source
        self.num_steps, self.max_steps, self.skip = num_steps, max_steps, skip
        self.clip_stride = clip_stride
        self.mean_transl = np.asarray(mean_transl, dtype=np.float32)
        self.labelled, self.labelled_seed = labelled, labelled_seed
        self.keep_unlabelled = keep_unlabelled
        super().__init__(ann_file=ann_file, **kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Parse the joints as MMPose's datasets do, for metrics and visualizers."""
        return parse_pose_metainfo(deepcopy(cls.METAINFO if metainfo is None else metainfo))

    def load_data_list(self) -> list[dict]:
        """Read the recordings and find their clips; poses stay in arrays.

        Returns:
            list[dict]: ``id``, ``number`` of the recording and first ``frame`` of each clip.
        """
        self.source = read_event_source(self.data_root)
        self.recordings = read_recordings(self.source, self.ann_file)
        self._labels: list[Poses] = []
        self._inits: list[Poses] = []
        if self.mode == 'shape':
            self._labels = [self._labels_of(recording) for recording in self.recordings]
            self._inits = self._labels
        if self.mode == 'shape' and self.init_source in ('hmr', 'vibe'):
            self._inits = [self._read_init(recording) for recording in self.recordings]
        self._labelled = self._choose_labelled()
        starts = [self._starts(number) for number in range(len(self.recordings))]
        clips = [
            {'number': number, 'frame': int(frame)}
            for number, frames in enumerate(starts)
            if self.keep_unlabelled or self._labelled[number]
            for frame in frames
        ]
        if not clips:
            raise ValueError(
                f'{self.ann_file}: no recording has {self._span + 1} frames in a row with events'
                f'{" and poses" if self.mode == "shape" else ""}. Take fewer steps, or make '
                'longer recordings.'
            )
        check_indices(self._indices, len(clips), self.ann_file)
        return [{'id': index, **clip} for index, clip in enumerate(clips)]

    def get_data_info(self, idx: int) -> dict:
        """Give a sample; see the class.

        Args:
            idx (int): Number of the sample.

        Returns:
            dict: The sample.
        """
        info = super().get_data_info(idx)
        number, frame = info.pop('number'), info['frame']
        recording = self.recordings[number]
        info.update(
            recording=recording.name,
            subject=recording.subject,
            action=recording.action,
            event_source=self.source,
            img_shape=self.source.size[::-1],
            focal=np.array(self.source.focal, dtype=np.float32),
            principal_pt=np.array(self.source.principal_pt, dtype=np.float32),
            fps=self.source.fps,
            mode=self.mode,
            skip=self.skip,
            test_mode=self.test_mode,
            dataset_name=self._metainfo['dataset_name'],
        )
        if self.mode == 'flow':
            info['event_counts'] = _counts_from(recording, frame, MAX_BLOCKS * self.skip)
            return info
        info.update(
            num_steps=self.num_steps,
            max_steps=self._span // self.skip,
            poses=self._poses(number, frame),
            labelled=bool(self._labelled[number]),
            init=self._init(number, frame),
        )
        return info

    def recording_numbers(self) -> np.ndarray:
        """Tell which recording each sample is of, for samplers.

        Returns:
            np.ndarray: Numbers (N,), int64.
        """
        info = super().get_data_info
        return np.array([info(index)['number'] for index in range(len(self))], dtype=np.int64)

    @property
    def _span(self) -> int:
        """Intervals from the first frame of a clip to the last that may be needed."""
        if self.mode == 'flow':
            return self.skip
        return self.skip * (self.num_steps if self.test_mode else self.max_steps)

    def _join_prefix(self) -> None:
        """Place the split in the root, unless its path is absolute."""
        self.ann_file = os.path.join(self.data_root or '', self.ann_file)

    def _starts(self, number: int) -> np.ndarray:
        """Give the frames of a recording at which a clip can start."""
        recording, offsets = self.recordings[number], np.arange(self._span)
        frames = recording.event_frames
        starts = frames[_holds(frames, frames[:, None] + offsets).all(1)]
        if self.mode == 'shape':
            clip = starts[:, None] + np.arange(self._span + 1)
            starts = starts[(self._labels[number].rows(clip) >= 0).all(1)]
        starts = starts[(starts - frames[:1]) % self.clip_stride == 0]
        if self.mode == 'flow':
            return starts
        known = self._inits[number].rows(starts) >= 0
        if not known.all():
            print_log(
                f'{recording.name}: {(~known).sum()} of {len(known)} clips are left out, '
                f'{self.init_source} has not seen their first frame',
                logger='current',
            )
        return starts[known]

    def _choose_labelled(self) -> np.ndarray:
        count = len(self.recordings)
        chosen = np.zeros(count, dtype=bool)
        number = max(round(self.labelled * count), 1) if self.labelled else 0
        chosen[np.random.default_rng(self.labelled_seed).permutation(count)[:number]] = True
        return chosen

    def _labels_of(self, recording: Recording) -> Poses:
        if recording.poses is None:
            raise ValueError(
                f'{self.source.annotation(recording.name)} has no poses: they are needed in '
                "mode='shape'"
            )
        return recording.poses

    def _read_init(self, recording: Recording) -> Poses:
        path = self.source.poses(recording.name, self.init_source)
        return read_poses(path, feature=self.init_source == 'hmr')

    def _poses(self, number: int, frame: int) -> dict[str, np.ndarray]:
        labels = self._labels[number]
        row = int(labels.rows(np.array(frame)))
        rows = slice(row, row + self._span + 1)
        return {name: values[rows].copy() for name, values in labels.arrays.items()}

    def _init(self, number: int, frame: int) -> dict[str, np.ndarray] | None:
        if self.init_source == 'none':
            return None
        if self.init_source == 'mean':
            return mean_pose(self.mean_transl)
        poses = self._inits[number]
        row = int(poses.rows(np.array(frame)))
        names = ('theta', 'betas', 'transl', 'features')
        return {name: poses.arrays[name][row].copy() for name in names if name in poses.arrays}


def mean_pose(transl: np.ndarray) -> dict[str, np.ndarray]:
    """Give the mean body upright, all joints at rest, facing a camera whose y points down.

    Args:
        transl (np.ndarray): Its place (3,) in m.

    Returns:
        dict[str, np.ndarray]: ``theta`` (72,), ``betas`` (10,), ``transl`` (3,), float32.
    """
    theta = np.zeros(72, dtype=np.float32)
    theta[:3] = FACING_CAMERA
    betas = np.zeros(10, dtype=np.float32)
    return {'theta': theta, 'betas': betas, 'transl': np.asarray(transl, dtype=np.float32).copy()}


def _holds(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Tell which wanted numbers are among rising ones."""
    if not len(values):
        return np.zeros(wanted.shape, dtype=bool)
    rows = np.searchsorted(values, wanted).clip(max=len(values) - 1)
    held: np.ndarray = values[rows] == wanted
    return held


def _counts_from(recording: Recording, frame: int, limit: int) -> np.ndarray:
    """Give the counts of events of the intervals from a frame on, while there are any."""
    row = int(np.searchsorted(recording.event_frames, frame))
    frames = recording.event_frames[row : row + limit]
    in_a_row = frames == frame + np.arange(len(frames))
    counts: np.ndarray = recording.event_counts[row : row + limit][in_a_row]
    return counts


def _check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'{name} should be one of {choices}, got {value!r}')


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f'{name} should be a whole number, {least} or more, got {value!r}')
