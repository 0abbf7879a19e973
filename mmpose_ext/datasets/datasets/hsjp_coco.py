"""Boxes of people without anything else, for jigsaw puzzles."""

import colorsys
import os.path as osp
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import mmengine.fileio
import numpy as np
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS
from xtcocotools.coco import COCO

from mmpose_ext.codecs.functional.jigsaw import check_grid
from mmpose_ext.datasets.datasets.annotation_checks import (
    COCO_FILE,
    check_exists,
    check_ids,
    check_picture,
    numbers_of,
)
from mmpose_ext.refusals import read_json, refusing

_DETECTIONS = 'a JSON list of objects with image_id, category_id, bbox and score'


def hsjp_metainfo(grid: Sequence[int]) -> dict[str, Any]:
    """Describe the patches of a grid as keypoints, as MMPose's configs describe a skeleton.

    Args:
        grid (Sequence[int]): (rows, columns).

    Returns:
        dict[str, Any]: ``dataset_info`` for ``parse_pose_metainfo``: keypoints
        ``patch_r{row}c{column}`` row by row, without links and without left and right.

    Raises:
        ValueError: If the grid is not two positive whole numbers.
    """
    rows, columns = check_grid(grid)
    keypoints = {}
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        # Rows differ in hue, columns in brightness.
        rgb = colorsys.hsv_to_rgb(row / rows, 1, 1 - 0.6 * column / columns)
        keypoints[number] = dict(
            name=f'patch_r{row}c{column}',
            id=number,
            color=[round(255 * value) for value in rgb],
            type='',
            swap='',
        )
    return dict(
        dataset_name=f'hsjp_{rows}x{columns}',
        keypoint_info=keypoints,
        skeleton_info={},
        joint_weights=[1.0] * (rows * columns),
        # Asked for by MMPose; nothing measures similarity of patches by it.
        sigmas=[0.05] * (rows * columns),
    )


def person_categories(content: Mapping[str, Any], category: str) -> set[Any]:
    """Find the category of people in a COCO file.

    Args:
        content (Mapping[str, Any]): The file.
        category (str): Name of the category.

    Returns:
        set: Ids of the categories of that name, or of the only category, whatever its name.

    Raises:
        ValueError: If there are several, none of that name.
    """
    named = [(one.get('id'), one.get('name')) for one in content.get('categories', [])]
    if not named:
        named = [(one.get('category_id'), None) for one in content.get('annotations', [])]
    if len({identity for identity, _ in named}) <= 1:
        return {identity for identity, _ in named}
    wanted = {identity for identity, name in named if name == category}
    if not wanted:
        names = sorted({str(identity if name is None else name) for identity, name in named})
        raise ValueError(
            f'none of its {len(names)} categories is named {category!r}. Give one of them as '
            f'category: {", ".join(names[:20])}.'
        )
    return wanted


@DATASETS.register_module()
class HSJPCocoDataset(BaseCocoStyleDataset):
    """Boxes of people in any file of COCO's format; keypoints are not needed and not read.

    Files of instances and of detections will do as well as those of keypoints. Crowds, boxes that
    are too small or lie outside the picture, and things of other categories are left out and
    counted in the log; broken annotations are refused. Samples hold ``img_id``, ``img_path``,
    ``bbox`` (1, 4) xyxy px, ``bbox_score`` (1,), ``id`` and ``category_id``, and no label.

    Args:
        grid (Sequence[int]): (rows, columns) of :class:`HSJPShuffle`: the patches are the
            keypoints of this dataset.
        min_bbox_size (float): Smallest length of a box's shorter side inside the picture, in px.
            Our choice: 32.
        category (str): Name of the category of people. A file of only one category is taken
            whatever its name.
        labelled_only (bool): Keep only people with labelled keypoints, as a keypoint dataset
            does: an ablation. Defaults to False.
        bbox_file (str, optional): A JSON list of detections as COCO has them, to be used instead
            of the boxes of ``ann_file``, which then names only pictures and categories. Unlike
            in MMPose, one can also train on them; ``filter_cfg=dict(bbox_score_thr=...)`` leaves
            out doubtful ones.
        lazy_init (bool): Do not read the file yet. Defaults to False.
        **kwargs: See ``BaseCocoStyleDataset``; ``metainfo`` comes from the grid.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an argument is invalid, the file is no COCO JSON, has several categories
            and none of the name, an annotation is broken, or no box is left.
    """

    METAINFO: dict = hsjp_metainfo((4, 3))

    def __init__(
        self,
        grid: Sequence[int] = (4, 3),
        min_bbox_size: float = 32,
        category: str = 'person',
        labelled_only: bool = False,
        bbox_file: str | None = None,
        lazy_init: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop('metainfo', None):
            raise ValueError('HSJPCocoDataset takes no metainfo: it follows from the grid.')
        if kwargs.get('data_mode', 'topdown') != 'topdown':
            raise ValueError(f'data_mode must be topdown, got {kwargs["data_mode"]!r}.')
        if not min_bbox_size >= 0:
            raise ValueError(f'min_bbox_size must be 0 px or more, got {min_bbox_size!r}.')
        if labelled_only and bbox_file:
            raise ValueError('labelled_only needs the annotations, but bbox_file replaces them.')
        self.min_bbox_size = min_bbox_size
        self.category = category
        self.labelled_only = labelled_only
        self._categories: set[Any] | None = None
        self._left_out: Counter[str] = Counter()
        # Boxes are read when bbox_file is there; MMPose would refuse it in training.
        super().__init__(metainfo=hsjp_metainfo(grid), lazy_init=True, **kwargs)
        self.bbox_file = bbox_file
        if not lazy_init:
            self.full_init()

    def load_data_list(self) -> list[dict]:
        """Load the boxes.

        Returns:
            list[dict]: A sample for each person, see the class.

        Raises:
            ValueError: See the class.
        """
        people: list[dict] = super().load_data_list()
        left_out = ', '.join(f'{count} {why}' for why, count in sorted(self._left_out.items()))
        summary = f'{len(people)} boxes of people; left out: {left_out or "none"}'
        source = self.bbox_file or self.ann_file
        if not people:
            raise ValueError(f'{source} has {summary}. At least one is needed.')
        print_log(f'{source}: {summary}.', logger='current')
        return people

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        check_exists(self.ann_file)
        with refusing(self.ann_file, *COCO_FILE):
            return super()._load_annotations()

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Make a sample of an annotation.

        Args:
            raw_data_info (dict): ``raw_ann_info`` and ``raw_img_info`` of the file.

        Returns:
            dict | None: The sample; None if the annotation is left out.

        Raises:
            ValueError: If it is broken; names file and annotation.
        """
        annotation, picture = raw_data_info['raw_ann_info'], raw_data_info['raw_img_info']
        if self._categories is None:
            try:
                self._categories = person_categories(self.coco.dataset, self.category)
            except ValueError as error:
                raise ValueError(f'{self.ann_file}: {error}') from error
        try:
            why_not, box = self._look_at(annotation, picture)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'{self.bbox_file or self.ann_file}: annotation {annotation.get("id")} of image '
                f'{annotation.get("image_id")} cannot be used: {error}'
            ) from error
        if why_not:
            self._left_out[why_not] += 1
            return None
        return dict(
            img_id=annotation['image_id'],
            img_path=picture['img_path'],
            bbox=box[None].astype(np.float32),
            bbox_score=np.array([annotation.get('score', 1)], dtype=np.float32),
            id=annotation['id'],
            category_id=np.array(annotation['category_id']),
        )

    def _look_at(self, annotation: dict, picture: dict) -> tuple[str, np.ndarray]:
        """Why an annotation is left out, '' if it is not, and its box (4,), xyxy px, clipped."""
        nothing = np.zeros(4)
        if 'category_id' not in annotation:
            raise ValueError('it has no category_id')
        if annotation['category_id'] not in (self._categories or ()):
            return 'of other categories', nothing
        if annotation.get('iscrowd'):
            return 'crowds', nothing
        if self.labelled_only and not _is_labelled(annotation):
            return 'without labelled keypoints', nothing
        if 'bbox' not in annotation:
            raise ValueError('it has no bbox')
        x, y, width, height = numbers_of('bbox', annotation['bbox'], 4)
        if width < 0 or height < 0:
            raise ValueError(f'bbox should be [x, y, width, height], got {annotation["bbox"]}')
        check_ids(annotation, 'id', 'image_id', 'category_id')
        numbers_of('score', [annotation.get('score', 1)], 1)
        check_picture(picture)
        limits = np.array([picture['width'], picture['height']])
        # As MMPose clips them.
        corners = np.clip([[x, y], [x + width, y + height]], 0, limits - 1)
        shorter = (corners[1] - corners[0]).min()
        if shorter <= 0:
            return 'empty or outside the picture', nothing
        if shorter < self.min_bbox_size:
            return f'smaller than {self.min_bbox_size:g} px', nothing
        return '', corners.ravel()

    def _load_detection_results(self) -> list[dict]:
        """Samples of a list of detections, whose ids are their places in it."""
        path = str(self.bbox_file)
        check_exists(self.ann_file)
        with refusing(path, 'file of detections', f'it should be {_DETECTIONS}'):
            detections = read_json(path, _DETECTIONS)
            if not isinstance(detections, list) or not detections:
                raise TypeError(f'it holds a {type(detections).__name__}')
            identities = {one['image_id'] for one in detections}
        with refusing(self.ann_file, *COCO_FILE):
            with mmengine.fileio.get_local_path(self.ann_file) as local_path:
                self.coco = COCO(local_path)
            pictures = {
                number: {**one, 'img_path': osp.join(self.data_prefix['img'], one['file_name'])}
                for number, one in self.coco.imgs.items()
            }
        unknown = sorted((number for number in identities if number not in pictures), key=str)
        if unknown:
            raise ValueError(
                f'{path} has detections in images {unknown[:5]}, which {self.ann_file} lacks. '
                'Give the file that names the pictures of these detections.'
            )
        samples = (
            self.parse_data_info(
                dict(raw_ann_info={**one, 'id': number}, raw_img_info=pictures[one['image_id']])
            )
            for number, one in enumerate(detections)
        )
        return [sample for sample in samples if sample is not None]


def _is_labelled(annotation: dict) -> bool:
    if 'num_keypoints' in annotation:
        return bool(annotation['num_keypoints'])
    return any(annotation.get('keypoints', [])[2::3])
