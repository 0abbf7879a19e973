"""COCO keypoints, with every annotation checked at the door."""

from collections.abc import Mapping
from typing import Any

from mmpose.datasets.datasets import CocoDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.annotation_checks import (
    COCO_FILE,
    check_exists,
    check_ids,
    check_picture,
    check_visibilities,
    numbers_of,
)
from mmpose_ext.refusals import refusing


def check_annotation(annotation: Mapping[str, Any], num_keypoints: int) -> None:
    """Check one COCO keypoint annotation.

    Args:
        annotation (Mapping[str, Any]): An entry of ``annotations``.
        num_keypoints (int): Keypoints K of the dataset.

    Raises:
        ValueError: If box or keypoints are missing, of a wrong length, or hold anything but
            finite numbers, if the box has a negative size, or none around labelled keypoints
            of a single person, a visibility is not 0, 1 or 2, or another field that MMPose
            reads is of another type.
    """
    if 'keypoints' not in annotation:
        raise ValueError(
            'it has no keypoints; give the file of person keypoints, not that of instances'
        )
    if 'bbox' not in annotation:
        raise ValueError('it has no bbox')
    width, height = numbers_of('bbox', annotation['bbox'], 4)[2:]
    if width < 0 or height < 0:
        raise ValueError(f'bbox should be [x, y, width, height], got {annotation["bbox"]}')
    check_ids(annotation, 'id', 'image_id', 'category_id')
    # Some exporters write null for what they do not know.
    for name in ('num_keypoints', 'area'):
        if annotation.get(name) is not None:
            numbers_of(name, [annotation[name]], 1)
    if annotation.get('iscrowd') not in (None, 0, 1):
        raise ValueError(f'iscrowd should be 0 or 1, got {annotation["iscrowd"]!r:.80}')
    segmentation = annotation.get('segmentation')
    if segmentation is not None and not isinstance(segmentation, list | dict):
        raise ValueError(f'segmentation should be polygons or an RLE, got {segmentation!r:.80}')
    keypoints = numbers_of('keypoints', annotation['keypoints'], 3 * num_keypoints)
    visibilities = keypoints[2::3]
    check_visibilities('visibilities', visibilities, (0, 1, 2))
    if visibilities.any() and not annotation.get('iscrowd') and not width * height:
        raise ValueError(
            f'bbox of a person with labelled keypoints has no area: {annotation["bbox"]}'
        )


@DATASETS.register_module()
class StrictCocoDataset(CocoDataset):
    """:class:`mmpose.datasets.CocoDataset` that refuses what it would silently skip or misread.

    MMPose leaves out annotations without keypoints, so that a wrong file gives an empty
    dataset, and carries NaN into the loss. Here both are errors that name file and
    annotation. People whose keypoints are all unlabelled are legal and treated as by MMPose.
    Takes the arguments of ``CocoDataset``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no COCO JSON, an annotation is broken (see
            :func:`check_annotation`), or no person is left.
    """

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        check_exists(self.ann_file)
        with refusing(self.ann_file, *COCO_FILE):
            instances, images = super()._load_annotations()
        if not instances:
            raise ValueError(f'{self.ann_file} has {len(images)} images but no annotated person')
        return instances, images

    def _load_detection_results(self) -> list[dict]:
        # MMPose would also read a pickle, which may run code.
        if not str(self.bbox_file).endswith('.json'):
            raise ValueError(f'bbox_file should be a .json file, got {self.bbox_file}')
        check_exists(self.ann_file)
        check_exists(self.bbox_file)
        with refusing(self.bbox_file, f'file of detections in images of {self.ann_file}'):
            people: list[dict] = super()._load_detection_results()
        return people

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Check an annotation, then parse it as ``CocoDataset`` does.

        Args:
            raw_data_info (dict): ``raw_ann_info`` and ``raw_img_info`` of the file.

        Returns:
            dict | None: The parsed annotation.

        Raises:
            ValueError: If the annotation is broken; names file and annotation.
        """
        annotation = raw_data_info['raw_ann_info']
        try:
            check_annotation(annotation, self._metainfo['num_keypoints'])
            check_picture(raw_data_info['raw_img_info'])
        except ValueError as error:
            raise ValueError(
                f'{self.ann_file}: annotation {annotation.get("id")} of image '
                f'{annotation.get("image_id")} cannot be used: {error}'
            ) from error
        known = {name: value for name, value in annotation.items() if value is not None}
        parsed: dict | None = super().parse_data_info({**raw_data_info, 'raw_ann_info': known})
        if parsed is not None and parsed['segmentation'] is None:
            # MMPose strings the lists of an image's people together and dies of a None.
            parsed['segmentation'] = []
        return parsed
