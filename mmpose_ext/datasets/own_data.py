"""From what a labelling tool exports to what a config needs: two splits and MMPose's metainfo."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# COCO's, standard deviations of what several people label, by the keypoint without its side.
# https://cocodataset.org/#keypoints-eval
_SIGMAS = {
    'nose': 0.026,
    'eye': 0.025,
    'ear': 0.035,
    'shoulder': 0.079,
    'elbow': 0.072,
    'wrist': 0.062,
    'hip': 0.107,
    'knee': 0.087,
    'ankle': 0.089,
}
_OTHER_SIGMA = 0.05  # our choice, between an ear and a wrist
_COLORS = {'left': [0, 255, 0], 'right': [255, 128, 0], '': [51, 153, 255]}
# left_hand, LeftHand, hand-left, hand_L, RHand; what has no partner is none.
_SIDE = re.compile(r'[Ll]eft|[Rr]ight|LEFT|RIGHT|(?<![A-Za-z])[LlRr](?![a-z])')
_OTHER_SIDE = {'left': 'right', 'right': 'left', 'l': 'r', 'r': 'l'}


def split_coco(
    content: Mapping[str, Any], val_fraction: float, seed: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a COCO file by images, at random.

    Args:
        content (Mapping[str, Any]): The file's content.
        val_fraction (float): Share of the images that go into validation, above 0, below 1.
        seed (int): Seed of the choice. Defaults to 0.

    Returns:
        tuple[dict[str, Any], dict[str, Any]]: Training and validation: the same with the images
        and annotations of each.

    Raises:
        ValueError: If ``val_fraction`` is out of range, there are fewer than two images, or images
            and annotations lack ids, or annotations their images.
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f'val_fraction should be above 0 and below 1, got {val_fraction}')
    try:
        ids = sorted({image['id'] for image in content['images']})
        of_images = {annotation['image_id'] for annotation in content['annotations']}
    except (KeyError, TypeError) as error:
        raise ValueError(
            'images should have an id and annotations an image_id '
            f'({type(error).__name__}: {error}). See what tools/validate_dataset.py says of them.'
        ) from error
    if len(ids) < 2:
        raise ValueError(f'two splits need two images or more, there are {len(ids)}')
    if lost := of_images.difference(ids):
        raise ValueError(f'annotations are of images that are not in the file: {list(lost)[:5]}')
    number = min(max(round(val_fraction * len(ids)), 1), len(ids) - 1)
    chosen = np.random.default_rng(seed).choice(len(ids), number, replace=False)
    val = {ids[index] for index in chosen}
    return _part(content, set(ids) - val), _part(content, val)


def metainfo_of(category: Mapping[str, Any]) -> dict[str, Any]:
    """MMPose's ``dataset_info`` for a COCO category.

    Keypoints that differ in left and right only (``left_hand``, ``RHand``) are swapped when an
    image is flipped. Sigmas are COCO's for its keypoints and 0.05 for others, our choice:
    they only enter OKS and AP.

    Args:
        category (Mapping[str, Any]): An entry of ``categories`` with ``keypoints``, names in
            order, and if there is one the ``skeleton``, pairs of numbers counted from 1.

    Returns:
        dict[str, Any]: The metainfo.

    Raises:
        ValueError: If there are no names, one occurs twice or has other characters than letters,
            digits, blanks and ``_-.``, or the skeleton does not fit.
    """
    names = category.get('keypoints')
    if not isinstance(names, list) or not names:
        raise ValueError(f'category {category.get("name")!r:.40} names no keypoints: {names!r:.80}')
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r'[\w .\-]+', name):
            raise ValueError(f'keypoints should be named by letters and digits, got {name!r:.80}')
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f'names of keypoints occur twice: {twice}')
    partners = swapped_names(names)
    keypoints = {
        index: dict(name=name, id=index, color=_COLORS[_side(name)], type='', swap=partners[index])
        for index, name in enumerate(names)
    }
    links = _links(category.get('skeleton') or [], names)
    return dict(
        dataset_name=re.sub(r'\W+', '_', str(category.get('name') or 'custom')),
        paper_info=dict(),
        keypoint_info=keypoints,
        skeleton_info={
            index: dict(link=link, id=index, color=_COLORS[_side(link[1])])
            for index, link in enumerate(links)
        },
        joint_weights=[1.0] * len(names),
        sigmas=[_sigma(name) for name in names],
    )


def swapped_names(names: Sequence[str]) -> list[str]:
    """The keypoint that each is swapped with when an image is flipped.

    Args:
        names (Sequence[str]): Names of the keypoints.

    Returns:
        list[str]: For each its partner, empty for one that has none.
    """
    mirrored = [_SIDE.sub(_mirror, name, count=1) for name in names]
    return [m if m != name and m in names else '' for name, m in zip(names, mirrored, strict=True)]


def as_python(metainfo: Mapping[str, Any]) -> str:
    """Write metainfo as the file that ``metainfo=dict(from_file=...)`` reads.

    Args:
        metainfo (Mapping[str, Any]): The metainfo.

    Returns:
        str: Text of the file.
    """
    lines = ['dataset_info = dict(']
    for key, value in metainfo.items():
        if isinstance(value, Mapping) and value:
            entries = (f'        {name!r}: {entry!r},' for name, entry in value.items())
            lines += [f'    {key}={{', *entries, '    },']
        else:
            lines.append(f'    {key}={value!r},')
    return '\n'.join([*lines, ')', ''])


def _part(content: Mapping[str, Any], ids: set) -> dict[str, Any]:
    return {
        **content,
        'images': [image for image in content['images'] if image['id'] in ids],
        'annotations': [a for a in content['annotations'] if a['image_id'] in ids],
    }


def _mirror(side: re.Match) -> str:
    found = side[0]
    other = _OTHER_SIDE[found.lower()]
    return other.upper() if found.isupper() else other.title() if found.istitle() else other


def _side(name: str) -> str:
    found = _SIDE.search(name)
    return {'l': 'left', 'r': 'right'}[found[0][0].lower()] if found else ''


def _links(skeleton: Any, names: Sequence[str]) -> list[tuple[str, str]]:
    try:
        pairs = [(int(a), int(b)) for a, b in skeleton]
    except (TypeError, ValueError) as error:
        raise ValueError(f'skeleton should be pairs of numbers, got {skeleton!r:.80}') from error
    for pair in pairs:
        if not all(1 <= end <= len(names) for end in pair):
            raise ValueError(f'skeleton has {pair}, keypoints are counted from 1 to {len(names)}')
    return [(names[a - 1], names[b - 1]) for a, b in pairs]


def _sigma(name: str) -> float:
    return _SIGMAS.get(_SIDE.sub('', name).strip(' _-.').lower(), _OTHER_SIGMA)
