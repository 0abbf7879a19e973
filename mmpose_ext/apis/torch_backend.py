"""Poses of many pictures at once by a model in PyTorch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmpose.datasets.transforms import GetBBoxCenterScale
from mmpose.models.pose_estimators import BottomupPoseEstimator, TopdownPoseEstimator
from mmpose.structures import PoseDataSample

from mmpose_ext.apis.detection import Boxes
from mmpose_ext.apis.mesh import MeshPrediction, read_mesh
from mmpose_ext.apis.people import People
from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.datasets.transforms import HSJPShuffle
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.mesh_person import default_camera
from mmpose_ext.visualization.person3d import as_array, predicted_person

Prepared = dict[str, Any]  # a picture, or a part of one, as the network takes it: packed inputs


class _Person(NamedTuple):
    """What is read of one sample of a top-down model; fields of :class:`People`."""

    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    joints_3d: np.ndarray | None = None
    part_polarity: np.ndarray | None = None
    mesh: MeshPrediction | None = None


class TorchBackend:
    """Runs a pose estimator over the people of many pictures, or over many pictures.

    What ``mmpose.apis.inference_topdown`` and ``inference_bottomup`` do for one picture, with the
    test pipeline of the model's config. Top-down, the people of all pictures go through the
    network in batches; bottom-up, pictures whose network inputs have one size do, so that nothing
    is padded and the results are those of one picture at a time.

    Args:
        model (BaseModel): Top-down or bottom-up pose estimator with ``cfg`` and ``dataset_meta``,
            as :func:`~mmpose_ext.apis.loading.load_model` gives it. The ``test_cfg`` of models
            with HEMlets gets ``output_heatmaps``: the polarity of parts is read from these.
        batch_size (int): People, or pictures of a bottom-up model, of a batch. Defaults to 16.
        name (str): Name of the model. Defaults to the type of its head.

    Attributes:
        bottom_up (bool): Whether the model finds people itself.
        dataset_meta (dict): Keypoint names, skeleton, colours, sigmas.
        box_padding (float): Factor by which the model's own pipeline pads boxes.

    Raises:
        ValueError: If the model takes no pictures or gives no poses, its test pipeline needs
            annotations, or ``batch_size`` is below 1.
    """

    def __init__(self, model: BaseModel, *, batch_size: int = 16, name: str = '') -> None:
        if not isinstance(model, TopdownPoseEstimator | BottomupPoseEstimator):
            raise ValueError(
                'a top-down or bottom-up pose estimator of pictures is needed, got '
                f'{type(model).__name__}'
            )
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got {batch_size}')
        self.model = model
        self.batch_size = batch_size
        self.name = name or type(model.head).__name__
        self.bottom_up = isinstance(model, BottomupPoseEstimator)
        self.dataset_meta: dict[str, Any] = model.dataset_meta
        codec = getattr(model.head, 'decoder', None)
        self._codec = codec if isinstance(codec, HEMletsLabel) else None
        body = getattr(model.head, 'body_model', None)
        self._body = body if isinstance(body, SMPLBody) else None
        if self._codec is not None:
            model.test_cfg = {**model.test_cfg, 'output_heatmaps': True}
        self._pipeline = _test_pipeline(model)
        self.box_padding = _box_padding(self._pipeline)
        self._try_pipeline()

    def predict(
        self, images: Sequence[np.ndarray], boxes: Sequence[Boxes] | None = None
    ) -> list[People]:
        """Predict the people of each picture.

        Args:
            images (Sequence[np.ndarray]): BGR pictures (H, W, 3) uint8, of any sizes.
            boxes (Sequence[Boxes] | None): Top-down: boxes for each picture, perhaps none of
                some; bottom-up: None.

        Returns:
            list[People]: One for each picture.

        Raises:
            ValueError: If there are boxes for a bottom-up model, or not as many as pictures for
                a top-down one, or a prediction is not finite.
        """
        if self.bottom_up:
            if boxes is not None:
                raise ValueError(f'{self.name} is bottom-up and finds people itself: no boxes')
            return self._whole_pictures(images)
        if boxes is None or len(boxes) != len(images):
            number = 'none' if boxes is None else f'those of {len(boxes)}'
            raise ValueError(
                f'{self.name} is top-down and needs boxes for each of {len(images)} pictures, got '
                f'{number}'
            )
        return self._boxed_people(images, boxes)

    def _boxed_people(self, images: Sequence[np.ndarray], boxes: Sequence[Boxes]) -> list[People]:
        """All people of all pictures, in batches."""
        crops = [
            (image, box) for image, found in zip(images, boxes, strict=True) for box in found.boxes
        ]
        people: list[_Person] = []
        for start in range(0, len(crops), self.batch_size):
            batch = crops[start : start + self.batch_size]
            samples = self._forward([self._prepare(*crop) for crop in batch])
            people += [
                self._read(sample, *crop) for sample, crop in zip(samples, batch, strict=True)
            ]
        limits = pairwise(accumulate(map(len, boxes), initial=0))
        return [
            self._gather(people[start:end], found)
            for (start, end), found in zip(limits, boxes, strict=True)
        ]

    def _whole_pictures(self, images: Sequence[np.ndarray]) -> list[People]:
        """Pictures, in batches of those of one size."""
        ready = [self._prepare(image) for image in images]
        groups: dict[tuple, list[int]] = defaultdict(list)
        for number, sample in enumerate(ready):
            groups[_input_shape(sample['inputs'])].append(number)
        found: dict[int, People] = {}
        for numbers in groups.values():
            for start in range(0, len(numbers), self.batch_size):
                batch = numbers[start : start + self.batch_size]
                samples = self._forward([ready[number] for number in batch])
                found |= zip(batch, map(_crowd, samples), strict=True)
        return [found[number] for number in range(len(images))]

    def _prepare(self, image: np.ndarray, box: np.ndarray | None = None) -> Prepared:
        """Run the pipeline on a picture, or on the part of it in a box (4,)."""
        sample: dict[str, Any] = dict(img=image)
        if box is not None:
            sample['bbox'] = box[None].astype(np.float32)
            sample['bbox_score'] = np.ones(1, dtype=np.float32)
        ready: Prepared = self._pipeline({**sample, **self.dataset_meta})
        return ready

    @torch.no_grad()
    def _forward(self, ready: list[Prepared]) -> list[PoseDataSample]:
        samples: list[PoseDataSample] = self.model.test_step(pseudo_collate(ready))
        return samples

    def _read(self, sample: PoseDataSample, image: np.ndarray, box: np.ndarray) -> _Person:
        """Read the sample of the person in a box (4,)."""
        if self._codec is None:
            points = as_array(sample.pred_instances.keypoints)[0, :, :2]
            return _Person(points, as_array(sample.pred_instances.keypoint_scores)[0])
        person, mesh = predicted_person(sample, self._codec), None
        if self._body is not None:
            K = default_camera((image.shape[1], image.shape[0]))
            mesh = read_mesh(sample, self.model, self._body, K, box)
        return _Person(person.points, person.scores, person.joints, person.polarity, mesh)

    def _gather(self, people: list[_Person], boxes: Boxes) -> People:
        """Put the people of one picture together."""
        if not people:
            return self._nobody()
        return People(
            keypoints=np.stack([person.keypoints for person in people]),
            keypoint_scores=np.stack([person.keypoint_scores for person in people]),
            boxes=boxes.boxes,
            box_scores=boxes.scores,
            joints_3d=_stack([person.joints_3d for person in people]),
            part_polarity=_stack([person.part_polarity for person in people]),
            meshes=tuple(person.mesh for person in people if person.mesh is not None) or None,
        )

    def _nobody(self) -> People:
        """Give the people of a picture without any, with the arrays that others have."""
        selected = self.model.test_cfg.get('output_keypoint_indices')
        number = len(self.dataset_meta['keypoint_id2name'] if selected is None else selected)
        if self._codec is None:
            return People.nobody(number)
        polarity = np.zeros((0, len(self._codec.parts)), int)
        meshes = None if self._body is None else ()
        nobody = People.nobody(number, self._codec.num_joints)
        return replace(nobody, part_polarity=polarity, meshes=meshes)

    def _try_pipeline(self) -> None:
        """Refuse a test pipeline that needs more than a picture and a box."""
        if any(isinstance(step, HSJPShuffle) for step in self._pipeline.transforms):
            raise ValueError(
                f'{self.name} solves puzzles and gives no poses: fine-tune a pose estimator from '
                'it, or look at its puzzles with tools/draw_predictions.py'
            )
        trial = np.zeros((64, 64, 3), np.uint8)
        try:
            self._prepare(trial, None if self.bottom_up else np.array([0.0, 0, 64, 64]))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f'the test pipeline of {self.name} does not run on a picture without annotations, '
                'take what needs these out of test_dataloader.dataset.pipeline: '
                f'{type(error).__name__}: {error}'
            ) from error


def _test_pipeline(model: BaseModel) -> Compose:
    if model.cfg.get('test_dataloader') is None:
        raise ValueError('the config has no test_dataloader, whose pipeline prepares pictures')
    dataset = model.cfg.test_dataloader.dataset
    with DefaultScope.overwrite_default_scope(model.cfg.get('default_scope', 'mmpose')):
        return Compose(dataset.pipeline)


def _box_padding(pipeline: Compose) -> float:
    """Factor by which boxes are padded, 1 where nothing does."""
    factors = [step.padding for step in pipeline.transforms if isinstance(step, GetBBoxCenterScale)]
    return float(np.prod(factors))


def _input_shape(inputs: torch.Tensor | Sequence[torch.Tensor]) -> tuple:
    """Shape of an image, or shapes of those of a pyramid."""
    if isinstance(inputs, torch.Tensor):
        return tuple(inputs.shape)
    return tuple(tuple(image.shape) for image in inputs)


def _stack(values: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Stack what all people have; None where the model does not give it."""
    known = [value for value in values if value is not None]
    return np.stack(known) if known else None


def _crowd(sample: PoseDataSample) -> People:
    """Read the people that a bottom-up model found.

    Where it gives no boxes, those around the keypoints that have a score are taken; where it
    gives people no scores, the mean of their keypoints' are.
    """
    instances = sample.pred_instances
    points = as_array(instances.keypoints)[..., :2]
    scores = as_array(instances.keypoint_scores)
    if 'bboxes' in instances:
        boxes = as_array(instances.bboxes)
    else:
        seen = (scores > 0) | (scores <= 0).all(axis=1, keepdims=True)
        low, high = (np.where(seen[..., None], points, end) for end in (np.inf, -np.inf))
        boxes = np.concatenate((low.min(axis=1), high.max(axis=1)), axis=1)
    found = as_array(instances.bbox_scores) if 'bbox_scores' in instances else scores.mean(axis=1)
    return People(keypoints=points, keypoint_scores=scores, boxes=boxes, box_scores=found)
