"""DHP19: event frames of four cameras and 13 joints of a motion capture, without a mesh."""

import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.annotation_checks import check_indices
from mmpose_ext.datasets.datasets.dhp19_camera import read_camera
from mmpose_ext.datasets.datasets.mmhpsd import mean_pose
from mmpose_ext.datasets.transforms.event_loading import start_of
from mmpose_ext.events.hdf5_file import check_dataset
from mmpose_ext.refusals import refusing
from mmpose_ext.skeletons import dhp19, smpl24

# Which matrix belongs to which of the four channels of DVS, in the authors' code.
CAMERA_FILES = ('P4.npy', 'P1.npy', 'P3.npy', 'P2.npy')
# The authors' split.
TRAIN_SUBJECTS = tuple(f'S{k}' for k in range(1, 13))
TEST_SUBJECTS = tuple(f'S{k}' for k in range(13, 18))
_NAME = re.compile(r'(S\d+)_(session\d+_mov\d+)')
_CURE = (
    "DHP19's files are made of its recordings by the authors' generator: NAME.h5 with DVS "
    '(N, H, W, 4), NAME_label.h5 with XYZ (N, 3, 13) in mm'
)


@DATASETS.register_module()
class DHP19Dataset(BaseDataset):
    """Clips of DHP19 seen by one camera: constant-count frames, 3D joints only.

    A folder of the authors' ``*.h5`` files: ``DVS`` (N, H, W, 4), event frames of 0 to 255 of four
    cameras, beside each a ``*_label.h5`` with ``XYZ`` (N, 3, 13), Vicon's joints in mm; and the
    projection matrices ``P1.npy`` to ``P4.npy``. Frames hold as many events each, so that they
    have no fixed rate. There is no SMPL and no gray picture: clips start from the mean pose.

    A sample is what ``MMHPSDataset`` and the loading transforms give in shape mode, with ``events``
    uint8 (T, C, H, W), ``joints_cam`` (T, 13, 3) m, ``keypoints`` (T, 13, 2) px, ``has_smpl`` 0 and
    ``has_joints`` 0 where a joint of the frame is missing (NaN); so the pipeline is
    ``PackEventInputs``, before it ``EventFlip`` and ``InitialPoseNoise`` if wanted.

    Args:
        subjects (Sequence[str]): Whose files are read. Defaults to S1 to S12, the authors' training
            set; :data:`TEST_SUBJECTS` are S13 to S17.
        camera (int): Which of the four, 0 to 3. Defaults to 3.
        camera_file (str, optional): Its matrix. Defaults to None: the authors'
            P4, P1, P3 and P2 for the cameras 0 to 3.
        flip_v (bool): Whether the matrix' v points up, as the authors' do. Defaults to True.
        num_steps (int): Steps T of a clip. Defaults to 8.
        channels (int): Frames that are the channels C of a step. Defaults to 1.
        clip_stride (int, optional): A clip starts at every so many frames. Defaults to None: clips
            do not overlap.
        mean_transl (Sequence[float]): Place of the mean pose in m, in camera space. Defaults to
            (0, 0, 3), ours.
        data_root (str): The folder of the files and matrices.
        **kwargs: Other arguments of MMEngine's ``BaseDataset``.

    Raises:
        FileNotFoundError: If there are no files, or labels or the matrix are missing.
        ValueError: If a file is not as the authors' are, or the joints are behind the camera.
    """

    METAINFO: dict = dhp19.METAINFO

    def __init__(
        self,
        subjects: Sequence[str] = TRAIN_SUBJECTS,
        camera: int = 3,
        camera_file: str | None = None,
        flip_v: bool = True,
        num_steps: int = 8,
        channels: int = 1,
        clip_stride: int | None = None,
        mean_transl: Sequence[float] = (0.0, 0.0, 3.0),
        **kwargs: Any,
    ) -> None:
        if camera not in range(len(CAMERA_FILES)):
            raise ValueError(f'camera should be 0 to 3, got {camera!r}')
        self.span = num_steps * channels
        clip_stride = self.span if clip_stride is None else clip_stride
        for name, value in (
            *(('num_steps', num_steps), ('channels', channels), ('clip_stride', clip_stride)),
        ):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} should be a whole number, 1 or more, got {value!r}')
        self.subjects, self.camera = tuple(subjects), camera
        self.camera_file = camera_file or CAMERA_FILES[camera]
        self.flip_v, self.num_steps, self.channels = flip_v, num_steps, channels
        self.clip_stride = clip_stride
        self.mean_transl = np.asarray(mean_transl, dtype=np.float32)
        super().__init__(**kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Parse the joints as MMPose's datasets do, for metrics and visualizers."""
        return parse_pose_metainfo(deepcopy(cls.METAINFO if metainfo is None else metainfo))

    def load_data_list(self) -> list[dict]:
        """Find the files, read the labels and take them into camera space.

        Returns:
            list[dict]: ``id``, ``number`` of the file and first ``frame`` of each clip.
        """
        root = Path(self.data_root)
        self.files = self._find_files(root)
        labels = [_read_labels(path) for path in self.files]
        self.img_shape = _frame_shape(self.files[0], len(labels[0]))
        for path, xyz in zip(self.files[1:], labels[1:], strict=True):
            if _frame_shape(path, len(xyz)) != self.img_shape:
                raise ValueError(f'{path}: DVS is not of the size {self.img_shape} of the others')
        height = float(self.img_shape[0]) if self.flip_v else None
        self.projection = read_camera(root / self.camera_file, height)
        self._joints = [
            self._to_camera(path, xyz) for path, xyz in zip(self.files, labels, strict=True)
        ]
        clips = [
            {'number': number, 'frame': frame}
            for number, joints in enumerate(self._joints)
            for frame in range(0, len(joints) - self.span + 1, self.clip_stride)
        ]
        if not clips:
            raise ValueError(f'no file of {root} has {self.span} frames: take fewer steps')
        check_indices(self._indices, len(clips), str(root))
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
        path, ends = self.files[number], frame + self.channels * np.arange(self.num_steps + 1)
        subject, action = _who_and_what(path)
        joints = self._joints[number][ends[1:] - 1]  # of the last frame of each step
        seen = np.isfinite(joints).all((1, 2))
        joints = np.where(seen[:, None, None], joints, 0)
        keypoints = np.zeros((*joints.shape[:2], 2))
        keypoints[seen] = self.projection.project(joints[seen])
        intrinsics, zeros = self.projection.intrinsics, np.zeros
        arrays = {
            'rotmats': np.tile(np.eye(3), (self.num_steps, smpl24.NUM_JOINTS, 1, 1)),
            'transl': zeros((self.num_steps, 3)),
            'betas': zeros((self.num_steps, 10)),
            'joints_cam': joints,
            'keypoints': keypoints,
            'has_smpl': zeros(self.num_steps),
            'has_joints': seen,
            'focal': np.diag(intrinsics)[:2],
            'principal_pt': intrinsics[:2, 2],
        }
        info.update({name: values.astype(np.float32) for name, values in arrays.items()})
        info.update(
            recording=path.stem,
            subject=subject,
            action=action,
            frame_ids=ends,
            fps=None,
            img_shape=self.img_shape,
            mode='shape',
            test_mode=self.test_mode,
            dataset_name=self._metainfo['dataset_name'],
            start=start_of(mean_pose(self.mean_transl)),
            events=self._events(path, frame),
        )
        return info

    def recording_numbers(self) -> np.ndarray:
        """Tell which recording each sample is of, for samplers.

        Returns:
            np.ndarray: Numbers (N,), int64.
        """
        info = super().get_data_info
        return np.array([info(index)['number'] for index in range(len(self))], dtype=np.int64)

    def _join_prefix(self) -> None:
        """There is no file of annotations."""

    def _find_files(self, root: Path) -> list[Path]:
        paths = sorted(path for path in root.glob('*.h5') if not path.stem.endswith('_label'))
        paths = [path for path in paths if _who_and_what(path)[0] in self.subjects]
        if not paths:
            raise FileNotFoundError(
                f'{root} has no files S*_session*_mov*.h5 of {", ".join(self.subjects)}. {_CURE}.'
            )
        return paths

    def _to_camera(self, path: Path, labels: np.ndarray) -> np.ndarray:
        joints = self.projection.to_camera(labels)
        if (joints[..., 2] <= 0).any():
            raise ValueError(
                f'{_labels_of(path)}: joints are behind the camera of {self.camera_file}. Give '
                f'flip_v={not self.flip_v} if the v of its matrix points '
                f'{"down" if self.flip_v else "up"}, or another camera_file.'
            )
        missing = int((~np.isfinite(joints).all((1, 2))).sum())
        if missing:
            print_log(
                f'{path.name}: {missing} of {len(joints)} frames lack joints and are not '
                'used as labels',
                logger='current',
            )
        return joints

    def _events(self, path: Path, frame: int) -> np.ndarray:
        with refusing(path, 'HDF5 file or damaged', _CURE), h5py.File(path, 'r') as file:
            frames = file['DVS'][frame : frame + self.span, :, :, self.camera]
        events: np.ndarray = frames.reshape(self.num_steps, self.channels, *self.img_shape)
        return events


def _who_and_what(path: Path) -> tuple[str, str]:
    match = _NAME.match(path.stem)
    return (match.group(1), match.group(2)) if match else ('', '')


def _labels_of(path: Path) -> Path:
    return path.with_name(f'{path.stem}_label.h5')


def _read_labels(path: Path) -> np.ndarray:
    """Read the joints (N, 13, 3) in mm of a file of frames."""
    path = _labels_of(path)
    labels = _read(path, 'XYZ', lambda data: data[()])
    if labels.ndim != 3 or labels.shape[1:] != (3, dhp19.NUM_JOINTS) or labels.dtype.kind != 'f':
        raise ValueError(
            f'{path}: XYZ should be floats (N, 3, 13), got {labels.dtype} {labels.shape}'
        )
    return labels.transpose(0, 2, 1).astype(np.float64)


def _frame_shape(path: Path, count: int) -> tuple[int, int]:
    """Tell height and width of the frames of a file that has labels of so many."""
    shape, dtype = _read(path, 'DVS', lambda data: (data.shape, data.dtype))
    if len(shape) != 4 or shape[0] != count or shape[3] != len(CAMERA_FILES) or dtype != np.uint8:
        raise ValueError(
            f'{path}: DVS should be uint8 (N, H, W, 4) of the {count} frames that '
            f'{_labels_of(path).name} labels, got {dtype} {shape}'
        )
    return shape[1], shape[2]


def _read(path: Path, name: str, take: Any) -> Any:
    if not path.exists():
        raise FileNotFoundError(f'there is no file {path}. {_CURE}.')
    with refusing(path, 'HDF5 file or damaged', _CURE), h5py.File(path, 'r') as file:
        if name not in file:
            raise ValueError(f'{path} has no {name}. {_CURE}.')
        check_dataset(file, file[name])
        return take(file[name])
