"""Results as files while they come: pictures, one video for each video, one JSON document."""

import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from mmpose_ext.apis.inputs import InputError
from mmpose_ext.apis.pose_result import PoseResult
from mmpose_ext.apis.result_json import results_json
from mmpose_ext.apis.result_pictures import draw_result, write_picture
from mmpose_ext.apis.video_files import frames_per_second
from mmpose_ext.fileio import atomic_path

_CAMERA_FPS = 15.0
# 3D views beside a video: as many people as in its first frame, but no more.
_MAX_VIDEO_PANELS = 2


class ResultWriter:
    """Writes results as they come, and what is done when the run is stopped.

    ``NAME_pose.jpg`` for each picture, ``NAME_pose.mp4`` (MPEG-4 Part 2) for each video or webcam,
    ``results.json`` at the end. Of two inputs of one name the second one's files get ``_2``; so
    they do where a file of that name lies beside the input itself, lest an input is overwritten.

    Args:
        folder (str | Path): Where the files go; made if it is missing.
        model (str): Name of the model, for ``results.json``. Defaults to ``''``.
        dataset_meta (dict | None): Of the model: names of the keypoints, for ``results.json``.
            Defaults to None: of the first result.
        pictures (bool): Whether pictures and videos are written. Defaults to True.
        json (bool): Whether ``results.json`` is written. Defaults to True.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

    Raises:
        OSError: On entering, if the folder is a file or cannot be made.

    Attributes:
        files (list[Path]): What has been written; a video is added when it is finished.
        interrupted (bool): Goes to ``results.json``; set on leaving by an exception.

    Example:
        >>> with ResultWriter('out') as writer:
        ...     for item in predictor.stream('photos'):
        ...         writer.add(item)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        model: str = '',
        dataset_meta: dict | None = None,
        pictures: bool = True,
        json: bool = True,
        kpt_thr: float = 0.3,
    ) -> None:
        self.files: list[Path] = []
        self.interrupted = False
        self._folder = Path(folder)
        self._model, self._meta = model, dataset_meta
        self._pictures, self._json, self._kpt_thr = pictures, json, kpt_thr
        self._images: list[dict] = []
        self._errors: list[InputError] = []
        self._taken: set[str] = set()
        self._video: _Video | None = None

    def __enter__(self) -> 'ResultWriter':
        if self._folder.exists() and not self._folder.is_dir():
            raise NotADirectoryError(f'{self._folder} is a file; a folder for results is needed')
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.interrupted = self.interrupted or kind is not None
        try:
            self._finish_video()
        finally:
            if self._json:
                self._write_json()

    def add(self, item: PoseResult | InputError) -> Path | None:
        """Take a result, or the error of an input that gave none.

        Args:
            item (PoseResult | InputError): Frames of a video must come in their order.

        Returns:
            Path | None: The picture that was written, or the video that will be; None for an error
            or without pictures.

        Raises:
            FileNotFoundError: If the result has no picture and its file is not there any more.
            OSError: If a file cannot be written.
        """
        if isinstance(item, InputError):
            self._errors.append(item)
            return None
        self._images.append(item.to_dict())
        self._meta = item.dataset_meta if self._meta is None else self._meta
        if not self._pictures:
            return None
        return self._add_picture(item) if item.index is None else self._add_frame(item)

    def _add_picture(self, result: PoseResult) -> Path:
        self._finish_video()
        path = self._free_path(result.name, '.jpg')
        self.files.append(write_picture(path, result.plot(self._kpt_thr)))
        return path

    def _add_frame(self, result: PoseResult) -> Path:
        if self._video is not None and not self._video.continues(result):
            self._finish_video()
        if self._video is None:
            self._video = _Video(self._free_path(result.name, '.mp4'), result)
        self._video.add(result, self._kpt_thr)
        return self._video.path

    def _finish_video(self) -> None:
        video, self._video = self._video, None
        if video is not None and video.close():
            self.files.append(video.path)

    def _write_json(self) -> None:
        path = self._folder / 'results.json'
        results_json(
            self._images,
            self._errors,
            model=self._model,
            dataset_meta=self._meta,
            interrupted=self.interrupted,
            path=path,
        )
        self.files.append(path)

    def _free_path(self, name: str, suffix: str) -> Path:
        """Find a file name that no other input has, on file systems that ignore case too."""
        # 'webcam:0' and 'array 3' are no paths.
        source = Path(name)
        stem = re.sub(r'[^\w.-]+', '_', source.stem) or 'picture'
        number = 1
        while True:
            path = self._folder / f'{stem}_pose{"" if number == 1 else f"_{number}"}{suffix}'
            beside = source.is_file() and source.resolve().parent == path.resolve().parent
            if path.name.lower() not in self._taken and not (beside and path.exists()):
                self._taken.add(path.name.lower())
                return path
            number += 1


class _Video:
    """A video that is being written, to a temporary name until it is closed."""

    def __init__(self, path: Path, first: PoseResult) -> None:
        self.path, self._name, self._index = path, first.name, -1
        self._panels = min(max(len(first), 1), _MAX_VIDEO_PANELS)
        self._fps = frames_per_second(first.name) if Path(first.name).is_file() else _CAMERA_FPS
        self._stack = ExitStack()
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def continues(self, result: PoseResult) -> bool:
        return result.name == self._name and (result.index or 0) > self._index

    def add(self, result: PoseResult, kpt_thr: float) -> None:
        image = result.picture()
        drawn = draw_result(image, result, result.dataset_meta, kpt_thr, self._panels)
        # Encoders refuse odd sizes.
        drawn = np.pad(
            drawn, ((0, drawn.shape[0] % 2), (0, drawn.shape[1] % 2), (0, 0)), mode='edge'
        )
        if self._writer is None:
            self._writer = self._open((drawn.shape[1], drawn.shape[0]))
        self._writer.write(_fitted(drawn, self._size))
        self._index = result.index or 0

    def close(self) -> bool:
        """Give the file its name; tell whether there is one, which needs a frame."""
        if self._writer is None:
            return False
        self._writer.release()
        self._stack.close()
        return True

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter:
        code = cv2.VideoWriter.fourcc(*'mp4v')
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            # MPEG-4 has no room for the denominators of finer frame rates.
            writer = cv2.VideoWriter(str(temporary), code, round(self._fps, 2), size)
            if not writer.isOpened():
                raise OSError(
                    f'this OpenCV cannot write {self.path} of {size[0]} x {size[1]} pixels; take '
                    'smaller frames, or write no pictures'
                )
            self._stack, self._size = stack.pop_all(), size
        return writer


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a picture into a size (W, H), with black beside it where its shape differs."""
    H, W = picture.shape[:2]
    if size == (W, H):
        return picture
    scale = min(size[0] / W, size[1] / H)
    small = cv2.resize(
        picture, (max(1, int(W * scale)), max(1, int(H * scale))), interpolation=cv2.INTER_AREA
    )
    rows, columns = size[1] - small.shape[0], size[0] - small.shape[1]
    return np.pad(small, ((0, rows), (0, columns), (0, 0)))
