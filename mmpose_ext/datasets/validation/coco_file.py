"""Checks of a COCO keypoint file, entry by entry; pictures are looked at elsewhere."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import check_visibilities, numbers_of
from mmpose_ext.datasets.validation.findings import Report

# Of a box's own size; a hand may well reach out of a box drawn around the trunk.
_FAR = 0.5
_SMALLEST_PICTURE = 8


@dataclass(frozen=True)
class Keypoints:
    """The keypoints that a dataset should have.

    Attributes:
        number (int): How many, K.
        names (tuple[str, ...], optional): Their names in order; None: not known.
    """

    number: int
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ImageEntry:
    """An entry of ``images`` that can be used.

    Attributes:
        id (int): Its id.
        name (str): ``file_name``.
        size (tuple[int, int]): Width and height in pixels.
    """

    id: int
    name: str
    size: tuple[int, int]


def check_coco(content: Any, keypoints: Keypoints | None, report: Report) -> list[ImageEntry]:
    """Check the content of a COCO keypoint file.

    Args:
        content (Any): What the JSON file holds.
        keypoints (Keypoints, optional): The keypoints of the dataset. None: those of the file's
            first category that has any, or of its first annotation.
        report (Report): Where findings are noted.

    Returns:
        list[ImageEntry]: The images, for a look at their files.
    """
    if not isinstance(content, dict):
        report.add('file', report.source, f'it holds {content!r:.60}, not a JSON object')
        return []
    for name in ('images', 'annotations'):
        if not isinstance(content.get(name), list):
            report.add('file', report.source, f'its {name} are {content.get(name)!r:.60}, no list')
            return []
    entries = _check_images(content['images'], report)
    images = {entry.id: entry for entry in entries}
    categories = _check_categories(content.get('categories', []), keypoints, report)
    annotations = _check_ids(content['annotations'], images, categories, report)
    keypoints = keypoints or _keypoints_of(categories, annotations)
    labelled = 0
    for annotation in annotations:
        image = images[annotation['image_id']]
        labelled += check_person(annotation, image, keypoints, report)
    _check_repetitions(annotations, images, report)
    with_people = {annotation['image_id'] for annotation in annotations}
    for entry in entries:
        if entry.id not in with_people:
            report.add('image-without-people', _image(entry), 'nobody is annotated')
    if not labelled:
        report.add('no-people', report.source, f'{len(content["annotations"])} annotations')
    report.counts.update(images=len(content['images']), annotations=len(content['annotations']))
    report.counts['people with keypoints'] = labelled
    if keypoints:
        report.counts['keypoints each'] = keypoints.number
    return entries


def check_person(
    annotation: Mapping[str, Any], image: ImageEntry, keypoints: Keypoints | None, report: Report
) -> bool:
    """Check box, area and keypoints of one annotation.

    Args:
        annotation (Mapping[str, Any]): An entry of ``annotations``.
        image (ImageEntry): Its image.
        keypoints (Keypoints, optional): The keypoints of the dataset; None: not known.
        report (Report): Where findings are noted.

    Returns:
        bool: Whether it is a person with a labelled keypoint that can be used.
    """
    where = f'annotation {annotation["id"]} of {_image(image)}'
    points = _points(annotation, keypoints, where, report)
    box = _numbers('box', 'bbox', annotation.get('bbox'), 4, where, report)
    if box is not None and (box[2:] < 0).any():
        report.add('box', where, f'bbox has a negative size: {annotation["bbox"]}')
        box = None
    if points is None:
        return False
    shown = points[points[:, 2] > 0, :2]
    _check_num_keypoints(annotation, len(shown), where, report)
    if not len(shown) or annotation.get('iscrowd'):
        return False
    if _is_normalised(box, shown, image):
        report.add('normalised', where, f'bbox {annotation.get("bbox")}, no number above 1')
        return True
    if box is not None:
        _check_box(box, points[points[:, 2] == 2, :2], image, where, report)
    _check_outside(points, image, where, report)
    area = annotation.get('area')
    if area is None:
        report.add('area', where, 'there is no area')
    else:
        area = _numbers('area', 'area', [area], 1, where, report)
        if area is not None and area[0] <= 0:
            report.add('area', where, f'area is {annotation["area"]}')
    return True


def _check_images(images: Sequence[Any], report: Report) -> list[ImageEntry]:
    entries: dict[int, ImageEntry] = {}
    names: Counter[str] = Counter()
    for index, image in enumerate(images):
        where = f'images[{index}]'
        if not isinstance(image, dict):
            report.add('image-entry', where, f'it is {image!r:.60}')
            continue
        number, name = image.get('id'), image.get('file_name')
        if not _is_integer(number) or not isinstance(name, str) or not name:
            report.add('image-entry', where, f'id {number!r:.40}, file_name {name!r:.80}')
            continue
        where = f'image {number} ({name})'
        width, height = image.get('width'), image.get('height')
        if not _is_length(width) or not _is_length(height):
            report.add('image-entry', where, f'width {width!r:.40}, height {height!r:.40}')
        elif number in entries:
            report.add('image-id-twice', where, f'also {entries[number].name}')
        else:
            entries[number] = ImageEntry(number, name, (width, height))
            names[name] += 1
    for name, times in names.items():
        if times > 1:
            report.add('image-twice', name, f'{times} times')
    return list(entries.values())


def _check_categories(
    categories: Any, keypoints: Keypoints | None, report: Report
) -> dict[int, Mapping[str, Any]]:
    """Categories by id, those that are usable."""
    if not isinstance(categories, list):
        report.add('file', report.source, f'its categories are {categories!r:.60}, no list')
        return {}
    usable: dict[int, Mapping[str, Any]] = {}
    for index, category in enumerate(categories):
        where = f'categories[{index}]'
        if not isinstance(category, dict) or not _is_integer(category.get('id')):
            report.add('file', where, f'it has no integer id: {category!r:.80}')
            continue
        usable[category['id']] = category
        names = category.get('keypoints')
        if not names:
            continue
        where = f'category {category["id"]} ({category.get("name")})'
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            report.add('category-keypoints', where, f'no list of names: {names!r:.80}')
            continue
        if keypoints is not None:
            _compare_names(names, keypoints, where, report)
        _check_skeleton(category.get('skeleton') or [], len(names), where, report)
    return usable


def _compare_names(names: list[str], keypoints: Keypoints, where: str, report: Report) -> None:
    if len(names) != keypoints.number:
        message = f'{len(names)} in the file, {keypoints.number} in the dataset'
        report.add('category-keypoints', where, message)
    elif keypoints.names is not None and tuple(names) != keypoints.names:
        pairs = enumerate(zip(names, keypoints.names, strict=True))
        others = [f'{i}: {a!r} for {b!r}' for i, (a, b) in pairs if a != b]
        report.add('category-keypoints', where, '; '.join(others[:4]))


def _check_skeleton(skeleton: Any, number: int, where: str, report: Report) -> None:
    known = range(1, number + 1)
    for link in skeleton if isinstance(skeleton, list) else [skeleton]:
        pair = isinstance(link, list) and len(link) == 2 and all(map(_is_integer, link))
        if not pair or any(end not in known for end in link):
            report.add('category-skeleton', where, f'{link!r:.60} of {number} keypoints')


def _check_ids(
    annotations: Sequence[Any],
    images: Mapping[int, ImageEntry],
    categories: Mapping[int, Any],
    report: Report,
) -> list[dict[str, Any]]:
    """The annotations that are of an image of the file."""
    usable, seen = [], set()
    for index, annotation in enumerate(annotations):
        if not isinstance(annotation, dict) or not _is_integer(annotation.get('id')):
            report.add('annotation-entry', f'annotations[{index}]', f'{annotation!r:.80}')
            continue
        number, image_id = annotation['id'], annotation.get('image_id')
        where = f'annotation {number}'
        if number in seen:
            report.add('annotation-id-twice', where, f'annotations[{index}]')
        if number == 0:
            report.add('annotation-id-zero', where, f'annotations[{index}]')
        seen.add(number)
        category = annotation.get('category_id')
        if not _is_integer(category) or category not in categories:
            known = list(categories)[:10]
            report.add('category', where, f'category_id {category!r:.40}, there are {known}')
        if _is_integer(image_id) and image_id in images:
            usable.append(annotation)
        else:
            report.add('annotation-without-image', where, f'image_id {image_id!r:.60}')
    return usable


def _keypoints_of(
    categories: Mapping[int, Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> Keypoints | None:
    for category in categories.values():
        if isinstance(category.get('keypoints'), list) and category['keypoints']:
            return Keypoints(len(category['keypoints']))
    for annotation in annotations:
        if isinstance(annotation.get('keypoints'), list) and annotation['keypoints']:
            return Keypoints(len(annotation['keypoints']) // 3)
    return None


def _points(
    annotation: Mapping[str, Any], keypoints: Keypoints | None, where: str, report: Report
) -> np.ndarray | None:
    """Keypoints (K, 3) of an annotation, if they are as they should be."""
    values = annotation.get('keypoints')
    if not isinstance(values, list) or keypoints is None:
        report.add('keypoints', where, f'keypoints are {values!r:.60}')
        return None
    if len(values) != 3 * keypoints.number:
        message = f'{len(values)} numbers, {3 * keypoints.number} for {keypoints.number} keypoints'
        report.add('keypoint-count', where, message)
        return None
    numbers = _numbers('keypoints', 'keypoints', values, len(values), where, report)
    if numbers is None:
        return None
    try:
        check_visibilities('visibility', numbers[2::3], (0, 1, 2))
    except ValueError as error:
        report.add('visibility', where, str(error))
        return None
    return numbers.reshape(-1, 3)


def _check_num_keypoints(
    annotation: Mapping[str, Any], labelled: int, where: str, report: Report
) -> None:
    number = annotation.get('num_keypoints')
    if number == labelled and _is_integer(number):
        return
    kind = 'num-keypoints-zero' if number == 0 else 'num-keypoints'
    report.add(kind, where, f'num_keypoints {number!r:.40}, {labelled} are labelled')


def _is_normalised(box: np.ndarray | None, shown: np.ndarray, image: ImageEntry) -> bool:
    largest = max(shown.max(), 0 if box is None else box.max())
    return bool(largest <= 1 and min(image.size) >= _SMALLEST_PICTURE)


def _check_box(
    box: np.ndarray, visible: np.ndarray, image: ImageEntry, where: str, report: Report
) -> None:
    corners, size = np.array([box[:2], box[:2] + box[2:]]), np.array(image.size)
    # As MMPose cuts it; what has no area then is left out.
    inside = corners.clip(0, size - 1)
    if (inside[1] <= inside[0]).any():
        report.add('box-zero', where, f'bbox {_rounded(box)}, the picture is {_size(image)}')
        return
    if (corners[0] < -1).any() or (corners[1] > size + 1).any():
        report.add('box-outside', where, f'bbox {_rounded(box)}, the picture is {_size(image)}')
    margin = _FAR * box[2:]
    far = ((visible < corners[0] - margin) | (visible > corners[1] + margin)).any(1)
    if far.any():
        report.add('keypoint-far', where, f'{_rounded(visible[far][0])}, bbox {_rounded(box)}')


def _check_outside(points: np.ndarray, image: ImageEntry, where: str, report: Report) -> None:
    place = points[:, :2]
    outside = ((place < -1) | (place > image.size)).any(1) & (points[:, 2] > 0)
    if outside.any():
        index = int(outside.argmax())
        message = f'keypoint {index} at {_rounded(place[index])}, the picture is {_size(image)}'
        more = int(outside.sum()) - 1
        report.add('keypoint-outside', where, message + (f' and {more} more' if more else ''))


def _check_repetitions(
    annotations: Sequence[Mapping[str, Any]], images: Mapping[int, ImageEntry], report: Report
) -> None:
    first: dict[str, int] = {}
    for annotation in annotations:
        points = annotation.get('keypoints')
        if not isinstance(points, list) or not any(points[2::3]):
            continue
        key = repr((annotation['image_id'], annotation.get('category_id'), points))
        if key in first:
            where = f'annotation {annotation["id"]} of {_image(images[annotation["image_id"]])}'
            report.add('annotation-twice', where, f'same keypoints as annotation {first[key]}')
        first.setdefault(key, annotation['id'])


def _numbers(
    kind: str, name: str, values: Any, count: int, where: str, report: Report
) -> np.ndarray | None:
    try:
        return numbers_of(name, values, count)
    except (ValueError, OverflowError) as error:
        report.add(kind, where, f'{error}')
        return None


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_length(value: Any) -> TypeGuard[int]:
    return _is_integer(value) and value > 0


def _image(entry: ImageEntry) -> str:
    return f'image {entry.id} ({Path(entry.name).name})'


def _size(entry: ImageEntry) -> str:
    return '{}x{}'.format(*entry.size)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 1) for value in values]
