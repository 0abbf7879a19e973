"""Datasets of 2D keypoints that may have part polarities beside them: weak labels of depth."""

import os.path
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.lsp import LspDataset
from mmpose_ext.datasets.datasets.part_polarity import check_parts, load_part_polarity
from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset
from mmpose_ext.datasets.datasets.strict_mpii import StrictMpiiDataset
from mmpose_ext.skeletons import human36m18


class PartPolarityMixin(BaseCocoStyleDataset):
    """Adds ``part_polarity`` (1, P) int64 in -2..1 to the samples of a dataset of people.

    Beside it ``polarity_parts`` and ``polarity_closer_is`` say what it means.

    People whom the file leaves out have -2, unknown, for all parts. Without a file samples are
    as the dataset has them.

    Args:
        *args: Arguments of the dataset.
        polarity_file (str, optional): File of part polarities, below ``data_root``; see
            :mod:`mmpose_ext.datasets.datasets.part_polarity`.
        parts (Sequence[tuple[int, int]]): (parent, child) of each part, the codec's.
        closer_is (int): Polarity of a child closer than its parent, the codec's.
        **kwargs: Arguments of the dataset.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, does not fit the annotations or the parts; or if boxes
            come from a detector, so that there are no annotated people.
    """

    def __init__(
        self,
        *args: Any,
        polarity_file: str | None = None,
        parts: Sequence[tuple[int, int]] = human36m18.PARTS,
        closer_is: int = 1,
        **kwargs: Any,
    ) -> None:
        if closer_is not in (1, -1):
            raise ValueError(f'closer_is should be 1 or -1, got {closer_is!r}')
        if polarity_file is not None and kwargs.get('bbox_file'):
            raise ValueError(
                'polarity_file labels annotated people, bbox_file replaces them by detected '
                'ones; give one of the two'
            )
        self.polarity_file = polarity_file
        self.parts = check_parts(parts)
        self.closer_is = closer_is
        super().__init__(*args, **kwargs)

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        instances, images = super()._load_annotations()
        if self.polarity_file is not None:
            path = os.path.join(self.data_root or '', self.polarity_file)
            table = load_part_polarity(path, self.parts, self.closer_is)
            polarity = table.align(
                [instance['id'] for instance in instances],
                [instance['img_path'] for instance in instances],
            )
            for instance, codes in zip(instances, polarity, strict=True):
                instance['part_polarity'] = np.array(codes[None])
                instance['polarity_parts'] = self.parts
                instance['polarity_closer_is'] = self.closer_is
        return instances, images


@DATASETS.register_module()
class MpiiPolarityDataset(PartPolarityMixin, StrictMpiiDataset):
    """MPII with part polarities; ``id`` in their file is the position in the annotation file.

    Takes the arguments of ``StrictMpiiDataset`` and of :class:`PartPolarityMixin`. Keypoints are
    MPII's 16; ``Human36m18Converter`` makes 18 of them.
    """


@DATASETS.register_module()
class CocoPolarityDataset(PartPolarityMixin, StrictCocoDataset):
    """COCO with part polarities; ``id`` in their file is the annotation's id.

    Takes the arguments of ``StrictCocoDataset`` and of :class:`PartPolarityMixin`. Keypoints are
    COCO's 17; ``Human36m18Converter`` makes 18 of them.
    """


@DATASETS.register_module()
class LspPolarityDataset(PartPolarityMixin, LspDataset):
    """LSP or LSP-extended with part polarities; ``id`` is the position in the annotation file.

    Takes the arguments of ``LspDataset`` and of :class:`PartPolarityMixin`. Keypoints are LSP's
    14; ``Human36m18Converter`` makes 18 of them.
    """
