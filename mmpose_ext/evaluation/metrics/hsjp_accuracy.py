"""How well jigsaw puzzles are solved."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.registry import METRICS

from mmpose_ext.codecs.functional.jigsaw import (
    check_grid,
    input_from_image,
    slot_centers,
    slots_at,
)

# Predictions come back from the image in float32: a point on a border stays on it.
_DECIMALS = 2


@METRICS.register_module()
class HSJPAccuracy(BaseMetric):
    """Share of the patches, and of the whole puzzles, put where they belong.

    ``patch_acc`` is the share of visible patches whose predicted place lies in the slot that
    shows them; by chance it is 1 / K. ``puzzle_acc`` is the share of crops with all their visible
    patches right; crops without any are left out. Definitions are ours. Samples are those of
    :class:`HSJPShuffle`, with ``input_center``, ``input_scale`` and ``input_size`` among their
    meta information.

    Args:
        grid (Sequence[int]): (rows, columns) of the shuffle.
        use_udp (bool): As in the shuffle.
        collect_device (str): See ``BaseMetric``.
        prefix (str, optional): See ``BaseMetric``. Defaults to ``'hsjp'``.

    Raises:
        ValueError: If the grid is invalid or, later, not that of a sample.
    """

    default_prefix: ClassVar[str] = 'hsjp'

    def __init__(
        self,
        grid: Sequence[int] = (4, 3),
        use_udp: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.grid = check_grid(grid)
        self.use_udp = use_udp

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Look at the predictions of a batch.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): Samples with ``pred_instances`` and ``gt_instances``
                of K keypoints in px of the image.

        Raises:
            ValueError: If the truth of a sample is not made by this grid.
        """
        self.results.extend(self._judge(sample) for sample in data_samples)

    def _judge(self, sample: dict[str, Any]) -> tuple[int, int]:
        """How many patches of a sample are right, and how many are visible."""
        size = sample['input_size']
        number = self.grid[0] * self.grid[1]
        truth = np.asarray(sample['gt_instances']['keypoints'])
        predicted = np.asarray(sample['pred_instances']['keypoints'])
        for name, points in (('truth', truth), ('prediction', predicted)):
            if points.shape != (1, number, 2):
                raise ValueError(
                    f'grid {self.grid} has {number} patches, but the {name} of sample '
                    f'{sample.get("id")} has keypoints of shape {points.shape}. Give the grid of '
                    'HSJPShuffle, and the head as many channels.'
                )
        crop = sample['input_center'], sample['input_scale'], size, self.use_udp
        truth, predicted = (input_from_image(points[0], *crop) for points in (truth, predicted))
        truth = truth.round(_DECIMALS)
        slots = slots_at(truth, self.grid, size, self.use_udp)
        centers = slot_centers(self.grid, size, self.use_udp)
        # The other grids of as many patches, and the other counting of pixels, are farther off.
        if slots.min() < 0 or np.abs(truth - centers[slots]).max() > 0.25:
            raise ValueError(
                f'the patches of sample {sample.get("id")} do not lie in the slots of grid '
                f'{self.grid} with use_udp={self.use_udp}. Give the metric the grid and use_udp '
                'of HSJPShuffle.'
            )
        found = slots_at(predicted.round(_DECIMALS), self.grid, size, self.use_udp)
        visible = np.asarray(sample['gt_instances']['keypoints_visible']).reshape(number) > 0
        return int((visible & (found == slots)).sum()), int(visible.sum())

    def compute_metrics(self, results: list[tuple[int, int]]) -> dict[str, float]:
        """Compute the shares.

        Args:
            results (list[tuple[int, int]]): Right and visible patches of each sample.

        Returns:
            dict[str, float]: ``patch_acc`` and ``puzzle_acc``, 0 to 1; NaN, with a warning, if
            no patch of any sample is visible.
        """
        right, visible = np.array(results, dtype=np.int64).reshape(-1, 2).T
        if not visible.sum():
            print_log(
                f'HSJPAccuracy: none of the patches of {len(results)} samples is visible, so that '
                'there is no accuracy. See min_contrast of HSJPShuffle, and the boxes.',
                logger='current',
                level=30,
            )
            return dict(patch_acc=math.nan, puzzle_acc=math.nan)
        return dict(
            patch_acc=float(right.sum() / visible.sum()),
            puzzle_acc=float((right == visible)[visible > 0].mean()),
        )
