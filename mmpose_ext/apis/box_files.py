"""Boxes of people from files: COCO annotations, COCO detection results, or a plain list."""

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmpose_ext.apis.detection import Boxes
from mmpose_ext.refusals import read_json, refusing

_PERSON = 1  # COCO's number of the category, where a file has no table of categories
_FORMS = (
    'COCO annotations {"images": [...], "annotations": [...]}, COCO detection results '
    '[{"image_id", "category_id", "bbox", "score"}, ...], or {"name": [[x1, y1, x2, y2], ...]}'
)

_TABLE = 'a COCO annotation file, whose images name the pictures of detection results'


class BoxFile:
    """The people of pictures as a file gives them.

    Three kinds of JSON are read. COCO annotations: boxes of category ``person`` that are no
    crowd regions, with their ``score`` if they have one, else 1. COCO detection results, such as
    the ``COCO_val2017_detections_AP_H_56_person.json`` of MMPose's configs: a list of boxes by
    ``image_id``, together with an annotation file for the names of the pictures; without one,
    ``image_id`` is the name of the picture without its suffix, or the number that it is, as in
    COCO's ``000000000139.jpg``. And ``{"name": [[x1, y1, x2, y2], ...]}``, in pixels, or with a
    score as fifth number.

    A picture is found by its whole name, or by the last parts of its path: ``a.jpg`` or
    ``images/a.jpg`` in the file stand for ``/data/images/a.jpg``. A frame of a video is
    ``video.mp4#12``, counted from 0; what is given for ``video.mp4`` holds for all other frames.

    Args:
        path (str | Path): The file.
        images (str | Path, optional): COCO annotation file that names the pictures of detection
            results.
        score_thr (float): Boxes with a lower score are left out. Defaults to 0.

    Raises:
        FileNotFoundError: If there is no such file; names the one of the two that is missing.
        ValueError: If one of them is no such file. A wrong box is refused when its picture is
            looked up: the others can be used.
    """

    def __init__(
        self,
        path: str | Path,
        images: str | Path | None = None,
        *,
        score_thr: float = 0.0,
    ) -> None:
        if not 0 <= score_thr <= 1:
            raise ValueError(f'score_thr is from 0 to 1, got {score_thr}')
        self.path = Path(path)
        self.score_thr = score_thr
        self._sizes: dict[str, tuple[int, int]] = {}
        self._by_number = False
        content = _read_json(self.path, _FORMS)
        if images is not None and not isinstance(content, list):
            raise ValueError(f'{path} holds no detection results, {images} is not needed with it')
        self._entries = self._group(content, images)
        self._by_file_name: dict[str, list[str]] = {}
        for name in self._entries:
            self._by_file_name.setdefault(_parts(name)[-1], []).append(name)

    def __len__(self) -> int:
        """Return the number of pictures in the file."""
        return len(self._entries)

    def find(self, name: str, index: int | None, size: tuple[int, int]) -> Boxes:
        """Find the boxes of a picture.

        Args:
            name (str): Name of the picture, its path as a rule.
            index (int, optional): Number of the frame, for a video.
            size (tuple[int, int]): Width and height of the picture in pixels.

        Returns:
            Boxes: Its people, the highest score first; there may be none.

        Raises:
            KeyError: If the picture is not in the file; ``args[0]`` says what to do.
            ValueError: If several entries could be meant, the file knows the picture in another
                size, or a box lies outside.
        """
        key = None if index is None else self._key(f'{name}#{index}')
        key = self._key(name) if key is None else key
        if key is None:
            what = name if index is None else f'{name}#{index} or {name}'
            raise KeyError(
                f'{self.path} has no boxes for {what}. Add it, with an empty list if nobody is in '
                f'it. The file has {len(self)} pictures, such as '
                f'{", ".join(list(self._entries)[:3]) or "none"}.'
            )
        known = self._sizes.get(key, tuple(size))
        if known != tuple(size):
            raise ValueError(
                f'{self.path} has boxes of {key} in {known[0]} x {known[1]} pixels, but the '
                f'picture has {size[0]} x {size[1]}: give boxes in its own pixels'
            )
        try:
            found = _boxes_of(self._entries[key]).within(size)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f'{self.path}, {key}: {error}') from None
        order = np.argsort(-found.scores, kind='stable')
        order = order[found.scores[order] >= self.score_thr]
        return Boxes(found.boxes[order], found.scores[order])

    def _key(self, name: str) -> str | None:
        """Find what a picture is called in the file."""
        if name in self._entries:
            return name
        parts = _parts(name)
        others = self._by_file_name.get(parts[-1], ())
        found = [other for other in others if _ends_alike(parts, _parts(other))]
        if len(found) > 1:
            raise ValueError(
                f'{self.path} has several pictures that could be {name}: {", ".join(found[:4])}. '
                'Name the picture as the file does.'
            )
        if found or not self._by_number:
            return found[0] if found else None
        stem = PurePosixPath(parts[-1]).stem
        number = str(int(stem)) if stem.isdecimal() else stem
        return next((key for key in (stem, number) if key in self._entries), None)

    def _group(self, content: Any, images: str | Path | None) -> dict[str, list]:
        """Give the entries of each picture."""
        of_boxes = (self.path, 'file of boxes', f'it should be {_FORMS}')
        if images is not None:
            table = _read_json(Path(images), _TABLE)
            if not isinstance(table, dict) or 'images' not in table:
                raise ValueError(f'{images} is no COCO annotation file: it has no images')
            with refusing(images, f'COCO annotation file of the images of {self.path}'):
                names, people = self._read_table(table)
            with refusing(*of_boxes):
                return self._of_images(names, people, content)
        with refusing(*of_boxes):
            if isinstance(content, list):
                self._by_number = True
                return _of_numbers(content)
            if isinstance(content.get('images'), list) and 'annotations' in content:
                return self._of_images(*self._read_table(content), content['annotations'])
            return dict(content)

    def _read_table(self, table: dict[str, Any]) -> tuple[dict[Any, str], set]:
        """Give the names of the images by id, and the categories of people; note the sizes."""
        names = {image['id']: str(image['file_name']) for image in table['images']}
        for image in table['images']:
            if 'width' in image and 'height' in image:
                self._sizes[names[image['id']]] = (image['width'], image['height'])
        return names, _numbers_of_people(table)

    def _of_images(
        self, names: dict[Any, str], people: set, entries: list[dict]
    ) -> dict[str, list]:
        """Give the people of each picture of a table of images."""
        grouped: dict[str, list] = {name: [] for name in names.values()}
        for entry in entries:
            if entry['image_id'] not in names:
                raise ValueError(
                    f'{self.path} has a box of the image {entry["image_id"]!r}, which is not among '
                    'the images'
                )
            if entry['category_id'] in people and not entry.get('iscrowd'):
                grouped[names[entry['image_id']]].append(entry)
        return grouped


def _read_json(path: Path, what: str) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; it should be {what}')
    content = read_json(path, what)
    if not isinstance(content, dict | list):
        raise ValueError(f'{path} should be {what}, got {type(content).__name__}')
    return content


def _of_numbers(entries: list[dict]) -> dict[str, list]:
    """Group detections by the ids of their images."""
    grouped: dict[str, list] = {}
    for entry in entries:
        group = grouped.setdefault(str(entry['image_id']), [])
        if entry['category_id'] == _PERSON:
            group.append(entry)
    return grouped


def _boxes_of(entries: Any) -> Boxes:
    """Read the boxes of one picture: COCO's entries, or corners and perhaps scores."""
    if not (isinstance(entries, list) and entries and isinstance(entries[0], dict)):
        return Boxes.of(entries)
    if not all(isinstance(entry, dict) and 'bbox' in entry for entry in entries):
        raise ValueError('each person needs a bbox [x, y, width, height] in pixels')
    boxes = np.array([entry['bbox'] for entry in entries], dtype=np.float64)
    if boxes.shape != (len(entries), 4):
        raise ValueError(f'bbox should be [x, y, width, height], got {entries[0]["bbox"]!r:.80}')
    corners = np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))
    return Boxes.of(corners, [entry.get('score', 1.0) for entry in entries])


def _numbers_of_people(table: dict[str, Any]) -> set:
    """Numbers of the category of people."""
    if 'categories' not in table:
        return {_PERSON}
    people = {category['id'] for category in table['categories'] if category['name'] == 'person'}
    if not people:
        names = ', '.join(str(category['name']) for category in table['categories'][:8])
        raise ValueError(f'there is no category named person among the categories: {names}')
    return people


def _parts(name: str) -> tuple[str, ...]:
    """Parts of the path of a picture."""
    return PurePosixPath(name.replace('\\', '/')).parts or (name,)


def _ends_alike(parts: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether the shorter of two paths is the end of the longer one."""
    shared = min(len(parts), len(others))
    return parts[-shared:] == others[-shared:]
