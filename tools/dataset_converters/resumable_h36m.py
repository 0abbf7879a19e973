"""MMPose's converter of Human3.6M, made resumable; ``preprocess_h36m.py`` is its command line."""

import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmpose_ext.apis.stock_tools import stock_tool_path
from mmpose_ext.archives import extract_archive, staged
from mmpose_ext.fileio import atomic_path
from mmpose_ext.npz import read_npz
from mmpose_ext.refusals import refusing

FRAME_RATE = 50
SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11')
# What MMPose calls an archive, and the official name.
ARCHIVES = {
    'Videos': 'Videos_{}.tgz',
    'D2_Positions': 'Poses_D2_Positions_{}.tgz',
    'D3_Positions_mono': 'Poses_D3_Positions_mono_{}.tgz',
}
# What each split's data are written to.
SPLIT_FILES = {'train': ('h36m_train.npz', 'joint*_stats.pkl'), 'test': ('h36m_test.npz',)}
_JPEG_END = b'\xff\xd9'
_HINT = (
    'Human3.6M is given to registered researchers at vision.imar.ro/human3.6m; '
    'docs/human36m.md lists the files.'
)


def load_stock_class() -> type:
    """Take ``PreprocessH36m`` out of the installed MMPose's tool.

    Returns:
        type: The class.

    Raises:
        SystemExit: If spacepy, which the tool reads poses with, is not installed.
    """
    path = stock_tool_path('dataset_converters/preprocess_h36m')
    spec = importlib.util.spec_from_file_location('mmpose_preprocess_h36m', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        sys.exit(
            f'preprocess_h36m: {error}. MMPose reads the official .cdf files with spacepy: '
            'pip install "spacepy>=0.7"'
        )
    return module.PreprocessH36m


class ResumablePreprocessH36m(load_stock_class()):
    """MMPose's ``PreprocessH36m`` that can be interrupted, and that says what is wrong.

    Everything is made in a folder ``.partial-*`` beside its place and renamed when it is whole.
    A sequence (one action of one subject before one camera) is done when its annotations lie in
    ``annotation_body3d/fps*/sequences``; its images are in place by then.

    Args:
        original_dir (str): Folder of the archives.
        extracted_dir (str): Folder to extract them to.
        processed_dir (str): Folder to write images and annotations to.
        metadata (str): Path of metadata.xml.
        sample_rate (int): Every which frame is taken; a divisor of 50. Defaults to 5.
        subjects (tuple[str]): Which subjects. Defaults to the seven that have poses.
        skip (tuple[str]): Sequences to leave out, such as ``'S11/Directions.54138969'``.

    Attributes:
        annotation_dir (Path): Where the annotations of this frame rate lie.

    Raises:
        FileNotFoundError: If there is no metadata.xml.
        ValueError: If metadata.xml is another one, a subject or a sequence to skip is unknown, or
            the sample rate does not divide 50.
    """

    def __init__(
        self,
        original_dir: str,
        extracted_dir: str,
        processed_dir: str,
        metadata: str,
        sample_rate: int = 5,
        subjects: tuple[str, ...] = SUBJECTS,
        skip: tuple[str, ...] = (),
    ) -> None:
        if sample_rate < 1 or FRAME_RATE % sample_rate:
            raise ValueError(
                f'every {sample_rate}th frame of {FRAME_RATE} a second gives no whole number of '
                'frames a second: take a stride of 1, 2, 5, 10, 25 or 50'
            )
        unknown = sorted(set(subjects) - set(SUBJECTS))
        if unknown or not subjects:
            raise ValueError(f'subjects with poses are {", ".join(SUBJECTS)}; got {unknown}')
        super().__init__(metadata, original_dir, extracted_dir, processed_dir, sample_rate)
        rate = FRAME_RATE // sample_rate
        self.annotation_dir = Path(self.processed_dir, 'annotation_body3d', f'fps{rate}')
        self.subjects_annot = [name for name in self.subjects_annot if name in subjects]
        self.subjects_splits = {
            split: [name for name in names if name in subjects]
            for split, names in self.subjects_splits.items()
        }
        self.skip = frozenset(skip)
        mistyped = sorted(self.skip - {self.sequence_name(key) for key in self._all_sequences()})
        if mistyped:
            raise ValueError(
                f'sequences to skip are named as in S1/Directions.54138969; there is no {mistyped}'
            )

    def remaining(self) -> list[tuple[str, str, str, str]]:
        """The (subject, action, subaction, camera) that are wanted and not done."""
        wanted = (key for key in self._all_sequences() if self.sequence_name(key) not in self.skip)
        return [key for key in wanted if not self._is_done(key)]

    def extract_tgz(self) -> None:
        """Extract the archives whose files are wanted and not yet there.

        Raises:
            FileNotFoundError: If such an archive is missing, or lacks a file.
            ValueError: If an archive is damaged or would write outside of its folder.
            OSError: If the disk has not the room.
        """
        found = {key: find_archive(self.original_dir, *key) for key in self._lacking_files()}
        absent = [
            ARCHIVES[kind].format(subject) for (subject, kind), path in found.items() if not path
        ]
        if absent:
            raise FileNotFoundError(
                f'{len(absent)} archives are not in {self.original_dir}: {", ".join(absent)}. '
                f'Download them there, or leave subjects out with --subjects. {_HINT}'
            )
        for archive in found.values():
            extract_archive(archive, self.extracted_dir, progress=True)
        missing = [name for names in self._lacking_files().values() for name in names]
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} files were in no archive: {", ".join(missing[:4])}'
                f'{", ..." if len(missing) > 4 else ""}. Download the archives again, or leave '
                'sequences out with --skip S11/Directions.54138969 and the like.'
            )

    def generate_cameras_file(self) -> None:
        """Write cameras.pkl: 4 cameras of each of 11 subjects."""
        with self._staged('cameras'), contextlib.redirect_stdout(io.StringIO()):
            super().generate_cameras_file()

    def generate_sequence(self, key: tuple[str, str, str, str]) -> None:
        """Decode the video of a sequence and keep its annotations.

        Args:
            key (tuple[str, str, str, str]): Subject, action, subaction, camera.

        Raises:
            ValueError: If the video ends before the poses do.
            OSError: If a picture cannot be written, such as on a full disk.
        """
        with self._staged(self._mark(key).stem), contextlib.redirect_stdout(io.StringIO()):
            names, centers, scales, part, S = super()._load_annotations(*key)
            if len(names) != len(part) or len(names) != len(S):
                raise ValueError(
                    f'the video has {len(names)} of {len(part)} frames that have poses '
                    f'(every {self.sample_rate}th is taken)'
                )
            for name in names:
                _check_jpeg(Path(self.processed_dir, 'images', name))
        with atomic_path(self._mark(key)) as temporary:
            np.savez(temporary, imgname=names, center=centers, scale=scales, part=part, S=S)

    def generate_annotations(self) -> None:
        """Join the annotations of all sequences into h36m_train.npz, h36m_test.npz, statistics.

        Raises:
            FileNotFoundError: If a sequence is not done.
        """
        splits = self.subjects_splits
        empty = [split for split, subjects in splits.items() if not subjects]
        # The stock method cannot do without a split: it gets a subject, and its result goes.
        stand_in = self.subjects_annot[:1]
        with self._staged('annotations') as stage, contextlib.redirect_stdout(io.StringIO()):
            try:
                self.subjects_splits = {k: v or stand_in for k, v in splits.items()}
                super().generate_annotations()
            finally:
                self.subjects_splits = splits
            for name in (name for split in empty for name in SPLIT_FILES[split]):
                for file in stage.rglob(name):
                    file.unlink()

    def _load_annotations(self, subject: str, action: str, subaction: str, camera: str) -> tuple:
        key = (subject, action, subaction, camera)
        if self.sequence_name(key) in self.skip:
            shapes = ((0,), (0, 2), (0,), (0, 17, 3), (0, 17, 4))
            return np.zeros(0, 'U1'), *(np.zeros(shape) for shape in shapes[1:])
        names = ('imgname', 'center', 'scale', 'part', 'S')
        what = 'annotations of a sequence; remove it, and the same command makes it again'
        arrays = read_npz(str(self._mark(key)), names, what=what)
        return tuple(arrays[name] for name in names)

    def _load_metadata(self) -> None:
        if not Path(self.metadata).is_file():
            raise FileNotFoundError(
                f'There is no {self.metadata}. It is in the official code release; give its path '
                f'with --metadata. {_HINT}'
            )
        with refusing(self.metadata, "metadata.xml of Human3.6M's official code release"):
            super()._load_metadata()
            absent = sorted(set(SUBJECTS) - set(self.sequence_mappings))
            if absent:
                raise ValueError(f'no subjects {", ".join(absent)}')

    def _all_sequences(self) -> list[tuple[str, str, str, str]]:
        return [
            (subject, action, subaction, camera)
            for subject in self.subjects_annot
            for action, subaction in self.sequence_mappings[subject]
            if action != '1'  # '_ALL', which the stock tool leaves out too
            for camera in self.camera_ids
        ]

    def sequence_name(self, key: tuple[str, str, str, str]) -> str:
        """Name a sequence as its files are, such as ``'S11/Directions.54138969'``."""
        return f'{key[0]}/{self._get_base_filename(*key)}'

    def _mark(self, key: tuple[str, str, str, str]) -> Path:
        name = self.sequence_name(key).replace('/', '_').replace(' ', '_')
        return self.annotation_dir / 'sequences' / f'{name}.npz'

    def _is_done(self, key: tuple[str, str, str, str]) -> bool:
        mark = self._mark(key)
        if not mark.is_file():
            return False
        names = self._load_annotations(*key)[0]
        folder = Path(self.processed_dir, 'images', key[0], mark.stem)
        present = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
        return {name.split('/')[-1] for name in names.tolist()} <= present

    def _lacking_files(self) -> dict[tuple[str, str], list[str]]:
        """Files still to be extracted for sequences still to be done, by subject and archive."""
        lacking: dict[tuple[str, str], list[str]] = {}
        for key in self.remaining():
            subject, base = key[0], self._get_base_filename(*key)
            for kind in ARCHIVES:
                folder = 'Videos' if kind == 'Videos' else f'MyPoseFeatures/{kind}'
                suffix = 'mp4' if kind == 'Videos' else 'cdf'
                name = f'{subject}/{folder}/{base}.{suffix}'
                if not Path(self.extracted_dir, name).is_file():
                    lacking.setdefault((subject, kind), []).append(name)
        return lacking

    @contextlib.contextmanager
    def _staged(self, name: str) -> Iterator[Path]:
        """Have the stock methods write to a folder beside; move its files when all went well."""
        final = self.processed_dir
        with staged(final, name) as stage:
            # The stock tool expects this folder to be there.
            (stage / 'annotation_body3d').mkdir()
            self.processed_dir = str(stage)
            try:
                yield stage
            finally:
                self.processed_dir = final


def find_archive(folder: str, subject: str, kind: str) -> Path | None:
    """Find an archive under its official name or MMPose's.

    Args:
        folder (str): Folder of the archives; those of S1 may lie in ``s1`` or ``S1`` below.
        subject (str): Such as ``'S1'``.
        kind (str): A key of ``ARCHIVES``.

    Returns:
        Path | None: The archive, or None if there is none.
    """
    below = [Path(folder, subject.lower()), Path(folder, subject)]
    candidates = [place / ARCHIVES[kind].format(subject) for place in (Path(folder), *below)]
    candidates += [place / f'{kind}.tgz' for place in below]
    return next((path for path in candidates if path.is_file()), None)


def _check_jpeg(path: Path) -> None:
    """Refuse a picture whose end is missing; OpenCV does not tell."""
    with path.open('rb') as file:
        file.seek(max(0, path.stat().st_size - 2))
        if file.read() != _JPEG_END:
            raise OSError(f'{path.name} was only half written: is the disk full?')
