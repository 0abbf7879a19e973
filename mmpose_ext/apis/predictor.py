"""From pictures of any kind to poses, in one line."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import torch
from mmengine.config import Config
from rich.console import Console
from rich.progress import track

from mmpose_ext.apis.box_source import BoxesGiven, BoxSource
from mmpose_ext.apis.detection import Boxes, PersonDetector
from mmpose_ext.apis.inputs import (
    Frame,
    InputError,
    Source,
    camera_number,
    count_inputs,
    is_single,
    read_inputs,
)
from mmpose_ext.apis.loading import load_model
from mmpose_ext.apis.people import People
from mmpose_ext.apis.pose_result import PoseResult
from mmpose_ext.apis.results import PoseResults
from mmpose_ext.apis.torch_backend import TorchBackend

# Ours: by how much the tight boxes of a detector grow where a model takes a box as its crop. Those
# of HEMlets and PoSh are 2 m wide; a person who stands is some 1.7 m high.
LOOSENING = 1.2
# Ours: pictures that are in memory at once have at most about as many pixels, but for one.
_PIXELS_AT_ONCE = 64_000_000
_EVENT_MODELS = ('EventHPE', 'EventFlowEstimator')

Numbered: TypeAlias = tuple[int, Frame | InputError]
Answer: TypeAlias = PoseResult | InputError


class PoseBackend(Protocol):
    """What runs a pose estimator: PyTorch, or an exported file in another engine.

    Attributes:
        bottom_up (bool): Whether the model finds people itself.
        dataset_meta (dict): Keypoint names, skeleton, colours, sigmas.
        name (str): Name of the model.
        box_padding (float): Factor by which the backend pads boxes itself; 1: a box is the crop.
    """

    bottom_up: bool
    dataset_meta: dict
    name: str
    box_padding: float

    def predict(
        self, images: Sequence[np.ndarray], boxes: Sequence[Boxes] | None = None
    ) -> list[People]:
        """Predict the people of each BGR picture (H, W, 3); boxes for each, bottom-up None."""


class PosePredictor:
    """Gives the poses of people in pictures, folders, videos and arrays.

    Pictures are read and predicted some at a time, so that a folder or a video may be of any
    length. What is wrong with one of several inputs is an error of that input, and the others
    give their results.

    Args:
        backend (PoseBackend): What runs the model.
        detector (PersonDetector | None): What finds people, for top-down models. Defaults to
            None: a picture for which no boxes are given is taken to show one person.
        batch_size (int): Pictures that are read and predicted at once. Defaults to 16.
        box_padding (float | None): Factor by which boxes of people grow, besides what the model's
            own pipeline does. Defaults to None: 1.2 for boxes of the detector where the model
            takes a box as its crop, as HEMlets and PoSh do; else 1.

    Raises:
        ValueError: If a detector is given to a bottom-up model, or a number is out of range.

    Example:
        >>> predictor = load('config.py', 'model.pth')
        >>> results = predictor('photos/')
        >>> results.save('poses')
    """

    def __init__(
        self,
        backend: PoseBackend,
        detector: PersonDetector | None = None,
        *,
        batch_size: int = 16,
        box_padding: float | None = None,
    ) -> None:
        if backend.bottom_up and detector is not None:
            raise ValueError(f'{backend.name} is bottom-up and finds people itself: no detector')
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got {batch_size}')
        if box_padding is not None and not 0.5 <= box_padding <= 4:
            raise ValueError(f'box_padding is a factor from 0.5 to 4, got {box_padding}')
        self.backend = backend
        self.detector = detector
        self.batch_size = batch_size
        self.box_padding = box_padding

    def __call__(
        self, source: Source, boxes: BoxesGiven = None, *, progress: bool | None = None
    ) -> PoseResults:
        """Predict all pictures of a source.

        Args:
            source (Source): A picture's path, a folder, a video file, ``'webcam'``, a BGR array
                (H, W, 3), or a list of these.
            boxes (BoxesGiven): For top-down models: boxes (N, 4) as x1, y1, x2, y2 in pixels of a
                single picture; for several pictures a list of these, a mapping of names, or a
                file, see :class:`~mmpose_ext.apis.box_source.BoxSource`. Defaults to None: the
                detector finds them.
            progress (bool | None): Whether to show a bar on stderr. Defaults to None: if that is
                a terminal and there is more than a batch.

        Returns:
            PoseResults: Results and errors. After Ctrl-C those that there were by then, and
            ``interrupted`` is True. Pictures of arrays and webcams are kept, others are not.

        Raises:
            FileNotFoundError: If there is no such input.
            ValueError: If a single picture gives no result, or the boxes cannot be of the source.
        """
        results, errors, interrupted = [], [], False
        found = self.stream(source, boxes, progress=progress)
        try:
            for one in found:
                if isinstance(one, InputError):
                    errors.append(one)
                else:
                    results.append(one.without_image())
        except KeyboardInterrupt:
            interrupted = True
        if errors and is_single(source):
            raise ValueError(f'{errors[0].name}: {errors[0].message}')
        return PoseResults(
            results,
            errors,
            model=self.backend.name,
            dataset_meta=self.backend.dataset_meta,
            interrupted=interrupted,
        )

    def stream(
        self, source: Source, boxes: BoxesGiven = None, *, progress: bool | None = False
    ) -> Iterator[Answer]:
        """Predict the pictures of a source as they are asked for.

        Args:
            source (Source): See :meth:`__call__`.
            boxes (BoxesGiven): See :meth:`__call__`.
            progress (bool | None): See :meth:`__call__`. Defaults to False.

        Returns:
            Iterator[PoseResult | InputError]: For each picture, in their order, its result, which
            holds the picture, or what is wrong with it. Frames of a webcam come one by one.

        Raises:
            FileNotFoundError: If there is no such input.
            ValueError: If the boxes cannot be of the source.
        """
        given = BoxSource(boxes, source)
        if self.backend.bottom_up and not given.is_empty:
            raise ValueError(f'{self.backend.name} is bottom-up and finds people itself: no boxes')
        return self._watched(self._run(read_inputs(source), given), source, progress)

    def _run(self, inputs: Iterable[Frame | InputError], given: BoxSource) -> Iterator[Answer]:
        for chunk in _chunks(inputs, self.batch_size):
            frames = [(number, one) for number, one in chunk if isinstance(one, Frame)]
            answers = iter(self._attempt(frames, given))
            for _, one in chunk:
                yield next(answers) if isinstance(one, Frame) else one

    def _attempt(self, frames: list[tuple[int, Frame]], given: BoxSource) -> list[Answer]:
        """Predict frames together; if that fails by halves, until what is at fault is alone."""
        if not frames:
            return []
        try:
            return [*self._predict(frames, given)]
        # Anything: ONNX Runtime's exceptions have no common type, a detector may be the user's.
        except Exception as error:
            if len(frames) == 1:
                ((_, frame),) = frames
                return [InputError(frame.name, _describe(error), frame.index)]
        middle = len(frames) // 2
        return self._attempt(frames[:middle], given) + self._attempt(frames[middle:], given)

    def _predict(self, frames: list[tuple[int, Frame]], given: BoxSource) -> list[PoseResult]:
        images = [frame.image for _, frame in frames]
        if self.backend.bottom_up:
            people = self.backend.predict(images)
        else:
            boxes, padding = self._boxes(frames, given)
            crops = [found.grown(padding) for found in boxes]
            people = [
                replace(seen, boxes=found.boxes)
                for seen, found in zip(self.backend.predict(images, crops), boxes, strict=True)
            ]
        return [
            PoseResult.of(frame, seen, self.backend.dataset_meta)
            for (_, frame), seen in zip(frames, people, strict=True)
        ]

    def _boxes(
        self, frames: list[tuple[int, Frame]], given: BoxSource
    ) -> tuple[list[Boxes], float]:
        """Boxes of frames, and the factor by which they are to grow."""
        images = [frame.image for _, frame in frames]
        padding = 1.0 if self.box_padding is None else self.box_padding
        if not given.is_empty:
            return [given.find(frame, number) for number, frame in frames], padding
        if self.detector is None:
            return [Boxes.of([(0, 0, image.shape[1], image.shape[0])]) for image in images], 1.0
        if self.box_padding is None and self.backend.box_padding == 1:
            padding = LOOSENING
        return self.detector(images), padding

    def _watched(
        self, found: Iterator[Answer], source: Source, progress: bool | None
    ) -> Iterator[Answer]:
        """The same, with a progress bar where one is wanted."""
        if progress is False or (progress is None and not sys.stderr.isatty()):
            return found
        number = count_inputs(source)
        if progress is None and number is not None and number <= self.batch_size:
            return found
        console = Console(stderr=True)
        return iter(track(found, self.backend.name, total=number, console=console))


def load(
    config: str | Path,
    checkpoint: str | Path | None = None,
    *,
    device: str = 'cpu',
    detector: PersonDetector | None = None,
    batch_size: int = 16,
    flip_test: bool | None = None,
    box_padding: float | None = None,
) -> PosePredictor:
    """Load a pose estimator.

    Args:
        config (str | Path): Config of a top-down or bottom-up model, ours or MMPose's; or an
            ``.onnx`` file of ``tools/export.py``.
        checkpoint (str | Path | None): Its checkpoint; None with an ``.onnx`` file.
        device (str): Where the model runs. Defaults to ``'cpu'``.
        detector (PersonDetector | None): What finds people, for top-down models; see
            :func:`~mmpose_ext.apis.detection.load_detector`. Defaults to None: boxes are given
            with the pictures, or a picture shows one person.
        batch_size (int): People, or pictures of bottom-up models, of a batch. Defaults to 16.
        flip_test (bool | None): Whether to average with the mirrored image, which is a little
            better and takes twice the time. Defaults to None: as the config says; exported
            models do not.
        box_padding (float | None): See :class:`PosePredictor`. Defaults to None.

    Returns:
        PosePredictor: A callable for pictures, folders, videos and arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checkpoint is not one of the config's model, that takes no pictures or
            gives no poses, or an argument does not fit the others.
        ImportError: If ONNX Runtime is needed and missing.

    Example:
        >>> predictor = load('config.py', 'model.pth')
        >>> (result,) = predictor('photo.jpg')
        >>> result.keypoints
    """
    if Path(config).suffix.lower() == '.onnx':
        if checkpoint is not None or flip_test:
            raise ValueError(f'{config} holds its weights and has no flip test: give neither')
        # Only here: ONNX Runtime is optional.
        from mmpose_ext.apis.export.onnx_backend import OnnxBackend

        backend: PoseBackend = OnnxBackend(config, device=device, batch_size=batch_size)
    else:
        backend = _torch_backend(config, checkpoint, device, batch_size, flip_test)
    return PosePredictor(backend, detector, batch_size=batch_size, box_padding=box_padding)


def _torch_backend(
    config: str | Path,
    checkpoint: str | Path | None,
    device: str,
    batch_size: int,
    flip_test: bool | None,
) -> TorchBackend:
    kind = _read_config(config).get('model', {}).get('type')
    if kind is None:
        raise ValueError(f'{config} is no config of a pose estimator: it has no model')
    if kind in _EVENT_MODELS:
        raise ValueError(
            f'{config} is of {kind}, which sees events instead of pictures: use '
            'mmpose_ext.apis.EventPoseStream or tools/infer_events.py'
        )
    if checkpoint is None:
        raise ValueError(f'{config} needs a checkpoint: without one its weights are random')
    _check_device(device)
    try:
        model = load_model(config, checkpoint, device)
    except KeyError as error:  # of a registry
        raise ValueError(f'{config} cannot be built: {error.args[0]}') from error
    if flip_test is not None:
        model.test_cfg = {**model.test_cfg, 'flip_test': flip_test}
    return TorchBackend(model, batch_size=batch_size, name=Path(config).stem)


def _read_config(config: str | Path) -> Config:
    try:
        return Config.fromfile(config)
    except SyntaxError as error:
        raise ValueError(f'{config} is no config: {error}') from error


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # PyTorch without CUDA asserts
        raise ValueError(f'device {device!r} cannot be used: {error}') from error


def _chunks(inputs: Iterable[Frame | InputError], number: int) -> Iterator[list[Numbered]]:
    """Give so many inputs at a time, numbered; fewer large ones, and frames of a webcam singly."""
    chunk: list[Numbered] = []
    pixels = 0
    for numbered in enumerate(inputs):
        chunk.append(numbered)
        one = numbered[1]
        pixels += one.image[..., 0].size if isinstance(one, Frame) else 0
        is_live = camera_number(one.name) is not None
        if len(chunk) >= number or pixels >= _PIXELS_AT_ONCE or is_live:
            yield chunk
            chunk, pixels = [], 0
    if chunk:
        yield chunk


def _describe(error: Exception) -> str:
    """Say what has failed; names of types where it is no matter of values."""
    name, said = type(error).__name__, str(error).strip()
    if not said:
        return name
    return said if isinstance(error, ValueError | RuntimeError | OSError) else f'{name}: {said}'
