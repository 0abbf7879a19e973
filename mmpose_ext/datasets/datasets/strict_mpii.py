"""MPII, with every annotation checked at the door."""

from collections.abc import Mapping
from typing import Any

from mmpose.datasets.datasets import MpiiDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.annotation_checks import check_visibilities, numbers_of
from mmpose_ext.refusals import read_json


def check_mpii_annotation(annotation: Any, num_keypoints: int) -> None:
    """Check one annotation of MMPose's MPII files.

    Args:
        annotation (Any): An entry of the file's list.
        num_keypoints (int): Keypoints K of the dataset.

    Raises:
        ValueError: If image, centre, scale or joints are missing, of a wrong shape, or hold
            anything but finite numbers, if the scale is not positive, the image's name does
            not begin with its number, or a visibility is not 0 or 1.
    """
    if not isinstance(annotation, Mapping):
        raise ValueError(f'it should be a JSON object, got {annotation!r:.80}')
    for name in ('image', 'center', 'scale', 'joints', 'joints_vis'):
        if name not in annotation:
            raise ValueError(f'it has no {name}')
    image = annotation['image']
    if not isinstance(image, str) or not image.split('.')[0].isdecimal():
        raise ValueError(f'image should be named by its number, as "01.jpg" is, got {image!r:.80}')
    numbers_of('center', annotation['center'], 2)
    scale = numbers_of('scale', [annotation['scale']], 1)[0]
    if scale <= 0:
        raise ValueError(f'scale should be positive, got {scale:g}')
    joints, visible = annotation['joints'], annotation['joints_vis']
    if not isinstance(joints, list) or len(joints) != num_keypoints:
        found = len(joints) if isinstance(joints, list) else repr(joints)[:80]
        raise ValueError(f'joints should be a list of {num_keypoints} points, got {found}')
    for index, joint in enumerate(joints):
        numbers_of(f'joints[{index}]', joint, 2)
    check_visibilities('joints_vis', numbers_of('joints_vis', visible, num_keypoints), (0, 1))


@DATASETS.register_module()
class StrictMpiiDataset(MpiiDataset):
    """:class:`mmpose.datasets.MpiiDataset` that refuses what it would carry into the loss.

    Takes the arguments of ``MpiiDataset``.

    Raises:
        FileNotFoundError: If there is no such annotation file.
        ValueError: If the file is no MPII file or holds no person, or an annotation is broken
            (see :func:`check_mpii_annotation`): names the file and the index in its list.
    """

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        annotations = read_json(self.ann_file, "MMPose's MPII annotation file")
        if not isinstance(annotations, list) or not annotations:
            raise ValueError(
                f'{self.ann_file} should hold a JSON list of people, got {annotations!r:.80}'
            )
        for index, annotation in enumerate(annotations):
            try:
                check_mpii_annotation(annotation, self._metainfo['num_keypoints'])
            except ValueError as error:
                raise ValueError(
                    f'{self.ann_file}: annotation {index} cannot be used: {error}'
                ) from error
        return super()._load_annotations()

    def load_data_list(self) -> list[dict]:
        """Give the samples.

        Raises:
            ValueError: If nobody is left whom MMPose takes.
        """
        samples: list[dict] = super().load_data_list()
        if not samples:
            raise ValueError(
                f'{self.ann_file} has nobody with a labelled keypoint and a box in the image'
            )
        return samples
