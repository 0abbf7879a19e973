"""Results in COCO's formats: to be scored against annotations, or as a dataset of their own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmpose_ext.apis.pose_result import PoseResult
from mmpose_ext.apis.result_json import keypoint_names, skeleton_pairs

_PERSON = 1
_SEEN = 2
# Of MMPose's CocoMetric: keypoints with a lower score do not count in a person's score.
_KEYPOINT_THR = 0.2
SCORE_MODES = ('bbox_keypoint', 'bbox')


def coco_results(
    results: Sequence[PoseResult],
    image_ids: Mapping[str, int],
    score_mode: str = 'bbox_keypoint',
) -> list[dict]:
    """Give results as ``COCO.loadRes`` reads them, to be scored against an annotation file.

    Args:
        results (Sequence[PoseResult]): The results.
        image_ids (Mapping[str, int]): The annotation file's id of each picture, by its name as it
            was given or by its file name.
        score_mode (str): See :func:`person_scores`. Defaults to ``'bbox_keypoint'``.

    Returns:
        list[dict]: For each person ``image_id``, ``category_id`` 1, ``keypoints`` (3 K numbers: x,
        y, score), ``score``, ``bbox`` (x, y, width, height).

    Raises:
        KeyError: If a picture has no id.
        ValueError: If two pictures have the same id, or ``score_mode`` is unknown.
    """
    ids = [_image_id(result, image_ids) for result in results]
    twice = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if twice:
        names = [result.name for result in results if _image_id(result, image_ids) == twice[0]]
        raise ValueError(
            f'{names} have the same image id {twice[0]}, which names one picture; score each alone'
        )
    return [
        dict(
            image_id=image_id,
            category_id=_PERSON,
            keypoints=np.c_[points, marks].ravel().tolist(),
            score=score,
            bbox=box,
        )
        for result, image_id in zip(results, ids, strict=True)
        for points, marks, score, box in _people(result, score_mode)
    ]


def coco_dataset(
    results: Sequence[PoseResult], dataset_meta: dict, score_mode: str = 'bbox_keypoint'
) -> dict:
    """Give results as a COCO dataset, as viewers and annotation tools read it.

    Args:
        results (Sequence[PoseResult]): The results; images are numbered from 1 in their order.
        dataset_meta (dict): Of the model: names of the keypoints and skeleton.
        score_mode (str): See :func:`person_scores`. Defaults to ``'bbox_keypoint'``.

    Returns:
        dict: ``images`` (``id``, ``file_name``, ``width``, ``height``, of videos
        ``frame_index``), ``categories`` (one, with the names of the keypoints and the skeleton
        counted from 1) and ``annotations``, whose ``keypoints`` are all marked as visible (2);
        ``keypoint_scores`` and ``score`` tell how sure the model is. They are also results for
        ``COCO.loadRes``.

    Raises:
        ValueError: If ``score_mode`` is unknown.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    for image_id, result in enumerate(results, start=1):
        image = dict(
            id=image_id,
            file_name=result.name,
            width=int(result.size[0]),
            height=int(result.size[1]),
        )
        images.append(image if result.index is None else image | dict(frame_index=result.index))
        for points, marks, score, box in _people(result, score_mode):
            seen = np.full(len(points), _SEEN)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=_PERSON,
                    keypoints=np.c_[points, seen].ravel().tolist(),
                    num_keypoints=len(points),
                    keypoint_scores=marks.tolist(),
                    score=score,
                    bbox=box,
                    area=box[2] * box[3],
                    iscrowd=0,
                )
            )
    category = dict(
        id=_PERSON,
        name='person',
        supercategory='person',
        keypoints=keypoint_names(dataset_meta),
        skeleton=[[a + 1, b + 1] for a, b in skeleton_pairs(dataset_meta)],
    )
    return dict(images=images, categories=[category], annotations=annotations)


def person_scores(
    keypoint_scores: np.ndarray, box_scores: np.ndarray, score_mode: str = 'bbox_keypoint'
) -> np.ndarray:
    """Score people as MMPose's ``CocoMetric`` does.

    Args:
        keypoint_scores (np.ndarray): Scores (N, K) of the keypoints.
        box_scores (np.ndarray): Scores (N,) of the boxes, or of the people of bottom-up models.
        score_mode (str): ``'bbox_keypoint'``: the box's score times the mean of the keypoint scores
            above 0.2, as MMPose's top-down configs have it; ``'bbox'``: the box's score, as its
            bottom-up configs have it.

    Returns:
        np.ndarray: Scores (N,).

    Raises:
        ValueError: If ``score_mode`` is unknown.
    """
    if score_mode not in SCORE_MODES:
        raise ValueError(f'score_mode is one of {SCORE_MODES}, got {score_mode!r}')
    if score_mode == 'bbox':
        return np.asarray(box_scores, dtype=np.float64)
    scores = np.asarray(keypoint_scores, dtype=np.float64)
    counted = scores > _KEYPOINT_THR
    means = (scores * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    return np.asarray(box_scores, dtype=np.float64) * means


def _people(
    result: PoseResult, score_mode: str
) -> list[tuple[np.ndarray, np.ndarray, float, list[float]]]:
    """Give keypoints (K, 2), their scores (K,), score and box (x, y, w, h) of each person."""
    boxes = np.asarray(result.boxes, dtype=np.float64)
    sizes = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)
    scores = person_scores(result.keypoint_scores, result.box_scores, score_mode)
    keypoints = np.asarray(result.keypoints, dtype=np.float64)
    marks = np.asarray(result.keypoint_scores, dtype=np.float64)
    return list(zip(keypoints, marks, scores.tolist(), sizes.tolist(), strict=True))


def _image_id(result: PoseResult, image_ids: Mapping[str, int]) -> int:
    for name in (result.name, Path(result.name).name):
        if name in image_ids:
            return int(image_ids[name])
    raise KeyError(
        f'{result.name} has no image id; ids go by names as they were given or by file names, such '
        f'as {sorted(image_ids)[:3]}'
    )
