"""COCO's average precision, and the same for people of each size."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS
from xtcocotools.cocoeval import COCOeval


@METRICS.register_module()
class SizedCocoMetric(CocoMetric):
    """MMPose's ``CocoMetric`` with an AP for each range of person size.

    COCO's medium (32 to 96 px) and large (from 96 px) say little where all people are small, or
    where the sizes are what one wants to know about. Here the ranges are yours. The size is
    COCO's, the square root of the annotated ``area``: the side of a square as large as the
    visible person (0.53 of the box's area with ``use_area=False``, as in xtcocotools). All is
    evaluated as COCO evaluates medium and large: people of other sizes, predictions that match
    them and unmatched predictions whose own box, that of their keypoints if they bring none, has
    another size count neither for nor against. Both ends of a range belong to it.

    Args:
        size_ranges (Mapping[str, Sequence[float]]): Name of each range and its lowest and highest
            size in pixels of the image, ``inf`` for no limit. Range ``small`` is reported as
            ``AP small``; it is NaN where no person has such a size, so that no mean takes it for
            a number. Defaults to none.
        **kwargs: See ``CocoMetric``.

    Raises:
        ValueError: If a range has no name that is an identifier, or is not two numbers with
            0 <= low < high.
    """

    def __init__(
        self, *, size_ranges: Mapping[str, Sequence[float]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size_ranges = {
            name: _check_range(name, ends) for name, ends in (size_ranges or {}).items()
        }

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        figures = list(super()._do_python_keypoint_eval(outfile_prefix))
        if not self.size_ranges:
            return figures
        predictions = self.coco.loadRes(f'{outfile_prefix}.keypoints.json')
        evaluation = COCOeval(
            self.coco, predictions, self.iou_type, self.dataset_meta['sigmas'], self.use_area
        )
        evaluation.params.areaRng = [[low**2, high**2] for low, high in self.size_ranges.values()]
        evaluation.params.areaRngLbl = list(self.size_ranges)
        evaluation.evaluate()
        evaluation.accumulate()
        # Thresholds, recalls, categories, ranges, maximal numbers of predictions; -1: nobody.
        precision = evaluation.eval['precision']
        for index, name in enumerate(self.size_ranges):
            known = precision[:, :, :, index, -1]
            known = known[known > -1]
            figures.append((f'AP {name}', float(known.mean()) if known.size else math.nan))
        return figures


def _check_range(name: str, ends: Sequence[float]) -> tuple[float, float]:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f'a range of sizes needs a name such as small, got {name!r}')
    if (
        np.shape(ends) != (2,)
        or not all(isinstance(end, Real) for end in ends)
        or not 0 <= ends[0] < ends[1]
    ):
        raise ValueError(
            f'size range {name} must be (lowest, highest) in pixels with 0 <= lowest < highest, '
            f'got {ends!r}'
        )
    return float(ends[0]), float(ends[1])
