"""Finding people with MMDetection's detectors, for top-down pose estimation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import DATASETS, MODELS
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.model import BaseModel
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import DefaultScope

from mmpose_ext.apis.checkpoint_conversion import load_content, select_state_dict
from mmpose_ext.engine.checkpoint_fit import as_model_reads, check_fit

# A picture is made at least this part as wide as high, and the reverse: what MMDetection's
# transforms would shrink to nothing has a pixel left then.
_THINNEST = 1 / 64
_GREY = 114  # what MMDetection's own configs pad with
# What MMDetection's networks make current torch say about MMDetection: nothing for its users.
_UPSTREAM_WARNINGS = r'`?torch\.(cuda\.amp\.autocast|meshgrid)'


@dataclass(frozen=True, eq=False)
class Boxes:
    """People of a picture as boxes; N may be 0.

    Attributes:
        boxes (np.ndarray): x1, y1, x2, y2 (N, 4) in pixels, float64.
        scores (np.ndarray): Scores (N,) from 0 to 1, float64.
    """

    boxes: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, boxes: Any, scores: Any = None) -> Boxes:
        """Check boxes.

        Args:
            boxes (array-like | Boxes): (N, 4) as x1, y1, x2, y2 in pixels, or (N, 5) with a
                score; N may be 0.
            scores (array-like, optional): Scores (N,). Defaults to the fifth column, or to 1.

        Returns:
            Boxes: The boxes.

        Raises:
            ValueError: If they have another shape, hold anything but finite numbers, are empty
                or turned around, or a score is not from 0 to 1.
        """
        if isinstance(boxes, Boxes):
            return boxes
        try:
            array = np.asarray(boxes, dtype=np.float64)
            array = array.reshape(0, 4) if array.size == 0 else array
            found = array[:, 4] if scores is None and array.shape[1:] == (5,) else scores
            given = np.ones(len(array)) if found is None else np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise ValueError(f'boxes must be numbers (N, 4), got {boxes!r:.80}: {error}') from None
        if array.ndim != 2 or array.shape[1] not in (4, 5):
            raise ValueError(f'boxes must be (N, 4) as x1, y1, x2, y2, got {array.shape}')
        if given.shape != (len(array),):
            raise ValueError(f'scores must be ({len(array)},), one for each box, got {given.shape}')
        array = array[:, :4]
        right = np.isfinite(array).all(axis=1) & (array[:, :2] < array[:, 2:]).all(axis=1)
        if not right.all():
            wrong = array[~right][0].tolist()
            raise ValueError(f'a box is x1, y1, x2, y2 with x1 < x2 and y1 < y2, got {wrong}')
        if not ((given >= 0) & (given <= 1)).all():
            raise ValueError(f'scores are from 0 to 1, got {given.tolist()}')
        return cls(array, given)

    def within(self, size: tuple[int, int]) -> Boxes:
        """Check that each box shows a part of the picture.

        Args:
            size (tuple[int, int]): Width and height in pixels.

        Returns:
            Boxes: These boxes.

        Raises:
            ValueError: If a box lies outside.
        """
        outside = ((self.boxes[:, :2] >= size) | (self.boxes[:, 2:] <= 0)).any(axis=1)
        if outside.any():
            wrong = self.boxes[outside][0].tolist()
            raise ValueError(f'the box {wrong} lies outside the picture of {size[0]} x {size[1]}')
        return self

    def grown(self, factor: float) -> Boxes:
        """Let the boxes grow about their middles.

        Args:
            factor (float): Factor of width and height.

        Returns:
            Boxes: New boxes with the same scores.
        """
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        half = factor * (self.boxes[:, 2:] - middle)
        return Boxes(np.concatenate((middle - half, middle + half), axis=1), self.scores)

    def __len__(self) -> int:
        """Return the number of boxes N."""
        return len(self.boxes)


class PersonDetector(Protocol):
    """What finds people: given BGR pictures (H, W, 3) uint8, boxes for each, in their order."""

    def __call__(self, images: Sequence[np.ndarray]) -> list[Boxes]:
        """Find the people of each picture."""


class MMDetPersonDetector:
    """A detector of MMDetection that looks for one category; see :func:`load_detector`.

    Args:
        model (BaseModel): Detector in evaluation mode, with its config as ``cfg``.
        label (int): Which of its categories is wanted.
        score_thr (float): Boxes with a lower score are left out. Defaults to 0.3.
        max_people (int, optional): At most so many boxes for each picture, those with the
            highest scores. Defaults to None: all.
        batch_size (int): Pictures in one forward pass. Defaults to 8.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        model: BaseModel,
        label: int,
        *,
        score_thr: float = 0.3,
        max_people: int | None = None,
        batch_size: int = 8,
    ) -> None:
        if not 0 <= score_thr <= 1:
            raise ValueError(f'score_thr is from 0 to 1, got {score_thr}')
        for name, value in (('max_people', max_people), ('batch_size', batch_size)):
            if value is not None and value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}')
        self.model = model
        self.label = label
        self.score_thr = score_thr
        self.max_people = max_people
        self.batch_size = batch_size
        self._pipeline = _pipeline(model.cfg)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Boxes]:
        """Find the people of each picture.

        Detectors whose test pipeline does not pad to a fixed size see the smaller pictures of a
        batch padded to the largest, as in MMDetection's own tests with a batch size above 1.

        Args:
            images (Sequence[np.ndarray]): BGR pictures (H, W, 3) uint8, of any sizes.

        Returns:
            list[Boxes]: For each picture its people, the highest score first.

        Raises:
            ValueError: If one is no such picture.
        """
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
                raise ValueError(
                    f'a picture is BGR (H, W, 3) uint8, got {image.shape} {image.dtype}'
                )
        found: list[Boxes] = []
        for start in range(0, len(images), self.batch_size):
            found += self._detect(images[start : start + self.batch_size])
        return found

    @torch.no_grad()
    def _detect(self, images: Sequence[np.ndarray]) -> list[Boxes]:
        """Find the people of one batch."""
        with _scope_of(self.model.cfg), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message=_UPSTREAM_WARNINGS)
            ready = [
                self._pipeline(dict(img=_thick_enough(image), img_id=number))
                for number, image in enumerate(images)
            ]
            batch = {key: [sample[key] for sample in ready] for key in ('inputs', 'data_samples')}
            samples = self.model.test_step(batch)
        pairs = zip(samples, images, strict=True)
        return [self._people(sample.pred_instances, image.shape[:2]) for sample, image in pairs]

    def _people(self, instances: Any, shape: tuple[int, ...]) -> Boxes:
        """Select the people among what the detector found, within the picture's borders."""
        H, W = shape
        boxes = instances.bboxes.cpu().numpy().astype(np.float64)
        scores = instances.scores.cpu().numpy().astype(np.float64)
        boxes = np.clip(boxes, 0, (W, H, W, H))
        kept = (instances.labels.cpu().numpy() == self.label) & (scores >= self.score_thr)
        kept &= (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        order = np.argsort(-scores[kept], kind='stable')[: self.max_people]
        return Boxes(boxes[kept][order], scores[kept][order])


def load_detector(
    config: str | Path,
    checkpoint: str | Path,
    *,
    device: str = 'cpu',
    score_thr: float = 0.3,
    category: str | int = 'person',
    max_people: int | None = None,
    batch_size: int = 8,
) -> MMDetPersonDetector:
    """Load any detector of MMDetection.

    Nothing is fetched: weights of backbones that the config names are left alone, since the
    checkpoint holds all weights of the detector.

    Args:
        config (str | Path): Config of a detector that gives boxes.
        checkpoint (str | Path): Its checkpoint.
        device (str): Where it runs. Defaults to ``'cpu'``.
        score_thr (float): Boxes with a lower score are left out. Defaults to 0.3, as in MMPose's
            demo.
        category (str | int): Name or number of the category that is wanted. Defaults to
            ``'person'``.
        max_people (int, optional): At most so many boxes for each picture. Defaults to None: all.
        batch_size (int): Pictures in one forward pass. Defaults to 8.

    Returns:
        MMDetPersonDetector: The detector.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checkpoint cannot be read or is not one of the config's model, the
            config is no detector's, the detector does not know the category, or an argument is
            out of range.
    """
    cfg = Config.fromfile(config)
    if 'model' not in cfg or 'test_dataloader' not in cfg:
        raise ValueError(f"{config} is no detector's config: it lacks model or test_dataloader")
    _forget_pretrained(cfg.model)
    content = load_content(checkpoint)
    with _scope_of(cfg):
        model = revert_sync_batchnorm(MODELS.build(cfg.model))
        if not isinstance(model, BaseDetector):
            raise ValueError(f'{config} builds {type(model).__name__}, no detector of MMDetection')
        weights = select_state_dict(content, checkpoint)
        cure = f'{config} is another network: take the config that it was trained with.'
        check_fit(as_model_reads(weights, model), model, cure, source=str(checkpoint))
        model.load_state_dict(weights)
        classes = _classes(cfg, content)
    model.cfg = cfg
    return MMDetPersonDetector(
        model.to(device).eval(),
        _label(category, classes, config),
        score_thr=score_thr,
        max_people=max_people,
        batch_size=batch_size,
    )


def _scope_of(cfg: Config) -> Any:
    """Look types up where the config does, for a while: MMPose's registries stay the default."""
    return DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet'))


def _pipeline(cfg: Config) -> Compose:
    """Build the test pipeline of a detector, for pictures that are read already."""
    steps = get_test_pipeline_cfg(cfg.copy())
    steps[0] = dict(type='mmdet.LoadImageFromNDArray')
    with _scope_of(cfg):
        return Compose(steps)


def _thick_enough(image: np.ndarray) -> np.ndarray:
    """Add grey at the right or below to what is thinner than a thread."""
    H, W = image.shape[:2]
    least = int(np.ceil(max(H, W) * _THINNEST))
    below, right = max(least - H, 0), max(least - W, 0)
    if not (below or right):
        return image
    return np.pad(image, ((0, below), (0, right), (0, 0)), constant_values=_GREY)


def _forget_pretrained(part: Any) -> None:
    """Remove what would fetch weights of a part of a model."""
    if isinstance(part, dict):
        init_cfg = part.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
            part['init_cfg'] = None
        part.pop('pretrained', None)
    for child in _children(part):
        _forget_pretrained(child)


def _children(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part


def _classes(cfg: Config, content: Any) -> tuple[str, ...]:
    """Names of a detector's categories: from the checkpoint, or its config's test set."""
    meta = content.get('meta', {}) if isinstance(content, dict) else {}
    saved = {key.lower(): value for key, value in (meta.get('dataset_meta') or meta).items()}
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    metainfo = dataset.get('metainfo') or {}
    known = DATASETS.get(dataset.type)
    classes = (
        saved.get('classes') or metainfo.get('classes') or (known and known.METAINFO['classes'])
    )
    return (classes,) if isinstance(classes, str) else tuple(classes or ())


def _label(category: str | int, classes: tuple[str, ...], config: str | Path) -> int:
    """Number of the wanted category."""
    if isinstance(category, int):
        if category < 0 or (classes and category >= len(classes)):
            raise ValueError(
                f'{config} has no category {category}: they are 0 to {len(classes) - 1}'
            )
        return category
    if category not in classes:
        raise ValueError(
            f'{config} detects {", ".join(classes[:8]) or "nobody knows what"}'
            f'{", ..." if len(classes) > 8 else ""}; {category!r} is not among them. Name one of '
            'these, or give its number.'
        )
    return classes.index(category)
