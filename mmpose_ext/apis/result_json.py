"""Results as JSON: plain lists and numbers, named, whole or not at all."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmpose_ext.apis.inputs import InputError
from mmpose_ext.apis.mesh import MeshPrediction
from mmpose_ext.apis.people import People
from mmpose_ext.fileio import write_text

# Decimals that are written: of pixels and millimetres, of scores, of radians and metres.
_LENGTH, _SCORE, _BODY = 2, 4, 5

UNITS = (
    'box: x1, y1, x2, y2 px; keypoints: x px, y px, score; joints_3d: mm relative to the root, '
    'camera axes (x right, y down, z ahead); part_polarity: 1, 0, -1; smpl: axis-angle rad, m, K px'
)


def keypoint_names(dataset_meta: dict) -> list[str]:
    """Give the names of the keypoints in their order.

    Args:
        dataset_meta (dict): Of a model: ``keypoint_id2name``, whose keys JSON makes strings.

    Returns:
        list[str]: Names.
    """
    names = {int(index): name for index, name in dataset_meta.get('keypoint_id2name', {}).items()}
    return [names[index] for index in sorted(names)]


def skeleton_pairs(dataset_meta: dict) -> list[list[int]]:
    """Give the two keypoints of each bone.

    Args:
        dataset_meta (dict): Of a model: ``skeleton_links``.

    Returns:
        list[list[int]]: Pairs of indices from 0.
    """
    return [[int(a), int(b)] for a, b in dataset_meta.get('skeleton_links', ())]


def describe_people(people: People) -> list[dict]:
    """Say in plain values what is known of each person.

    Args:
        people (People): The people.

    Returns:
        list[dict]: For each ``box`` (4,), ``box_score``, ``keypoints`` (K, 3) as x, y, score;
        where there are any ``joints_3d`` (J, 3), ``part_polarity`` (P,) and ``smpl``, parameters
        and camera. Pixels and mm have 2 decimals, scores 4, parameters of bodies 5.
    """
    boxes, box_scores = _plain(people.boxes, _LENGTH), _plain(people.box_scores, _SCORE)
    places = _plain(people.keypoints, _LENGTH)
    scores = _plain(people.keypoint_scores, _SCORE)
    described = [
        dict(
            box=box,
            box_score=box_score,
            keypoints=[[*xy, score] for xy, score in zip(points, marks, strict=True)],
        )
        for box, box_score, points, marks in zip(boxes, box_scores, places, scores, strict=True)
    ]
    for person, entry in enumerate(described):
        if people.joints_3d is not None:
            entry['joints_3d'] = _plain(people.joints_3d[person], _LENGTH)
        if people.part_polarity is not None:
            entry['part_polarity'] = people.part_polarity[person].astype(int).tolist()
        if people.meshes is not None:
            entry['smpl'] = _describe_body(people.meshes[person])
    return described


def results_json(
    images: Iterable[dict],
    errors: Sequence[InputError] = (),
    *,
    model: str = '',
    dataset_meta: dict | None = None,
    interrupted: bool = False,
    path: str | Path | None = None,
) -> str:
    """Write results as one JSON document.

    Args:
        images (Iterable[dict]): What ``PoseResult.to_dict()`` gives.
        errors (Sequence[InputError]): Inputs that gave no result.
        model (str): Name of the model.
        dataset_meta (dict | None): Of the model. Defaults to None: no names.
        interrupted (bool): Whether inputs are missing because somebody stopped the run.
        path (str | Path | None): A file to write as well. Defaults to None.

    Returns:
        str: ``{"model", "units", "keypoints", "skeleton", "interrupted", "images", "errors"}``;
        one line for each picture.

    Raises:
        OSError: If the file cannot be written.
    """
    meta = dataset_meta or {}
    head = dict(
        model=model,
        units=UNITS,
        keypoints=keypoint_names(meta),
        skeleton=skeleton_pairs(meta),
        interrupted=interrupted,
    )
    failed = [dict(name=e.name, index=e.index, message=e.message) for e in errors]
    parts = [f'{json.dumps(key)}: {json.dumps(value)}' for key, value in head.items()]
    parts += [f'"images": {_lines(images)}', f'"errors": {_lines(failed)}']
    document = '{\n ' + ',\n '.join(parts) + '\n}\n'
    if path is not None:
        write_text(path, document)
    return document


def _lines(entries: Iterable[dict]) -> str:
    """Write a list with a line for each entry."""
    lines = ',\n  '.join(json.dumps(entry, allow_nan=False) for entry in entries)
    return f'[\n  {lines}\n ]' if lines else '[]'


def _describe_body(mesh: MeshPrediction) -> dict:
    names = ('global_orient', 'body_pose', 'betas', 'transl', 'K')
    return {name: _plain(getattr(mesh, name), _BODY) for name in names}


def _plain(values: np.ndarray, decimals: int) -> list:
    rounded: list = np.round(np.asarray(values, dtype=np.float64), decimals).tolist()
    return rounded
