"""Metrics of optical flow: against true flow, and against the gray frames alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from mmpose_ext.evaluation.functional.flow_errors import (
    angular_errors,
    endpoint_errors,
    flow_cosines,
)
from mmpose_ext.models.functional.flow import photometric_error

# What ends the name of a region's metrics, and the mask of its pixels.
REGIONS = {'all': ('', None), 'body': ('-body', 'body'), 'events': ('-events', 'event_mask')}
_CURES = {
    'pred_fields': 'Evaluate a model that predicts flow, such as EventFlowEstimator.',
    'gt_fields': 'The dataset must have it and the test pipeline load it and end with '
    "dict(type='PackEventInputs').",
}
# Shorter true flows have no direction to speak of; px.
_MOVING = 1.0


@METRICS.register_module()
class FlowEPE(BaseMetric):
    """Errors of predicted optical flow where the true flow is known.

    Reports for each region ``EPE``, the mean distance of the flows' ends in px; ``EPE-zero``, the
    same for a flow of 0 everywhere, which a prediction has to beat; ``outliers``, the share of
    pixels whose distance is above ``threshold``; ``AAE``, the mean angle in degrees between (u, v,
    1) and the truth; ``cos``, the mean cosine between the flows where the true one is longer than
    1 px (NaN if it nowhere is). Names of regions but the whole image end in ``-body`` and
    ``-events``. Means are over all pixels of all samples.

    A data sample holds ``pred_fields.flow`` and ``gt_fields.flow`` (2, H, W) in px, and with the
    regions ``gt_fields.body`` and ``gt_fields.event_mask`` (1, H, W).

    Args:
        regions (Sequence[str]): ``'all'`` pixels, the ``'body'``, pixels with ``'events'``.
        threshold (float): Distance in px above which a pixel is an outlier.
        collect_device (str): Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix (str, optional): Prefix of the names of the metrics. None: ``'flow'``.

    Raises:
        ValueError: If an option or, later, a data sample is invalid, or a region has no pixel in
            any sample.

    Example:
        >>> val_evaluator = dict(type='FlowEPE', regions=['all', 'body'])
    """

    default_prefix: ClassVar[str] = 'flow'

    def __init__(
        self,
        regions: Sequence[str] = ('all', 'body', 'events'),
        threshold: float = 1.0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        regions = (regions,) if isinstance(regions, str) else tuple(regions)
        if not regions or not set(regions) <= set(REGIONS):
            raise ValueError(f'regions must be some of {list(REGIONS)}, got {regions}')
        if not threshold >= 0:
            raise ValueError(f'threshold must be a distance in px, got {threshold}')
        self.regions = regions
        self.threshold = threshold

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch and keep the sums of its errors, not its flows.

        Args:
            data_batch (Any): The batch from the dataloader; not looked at.
            data_samples (Sequence[dict]): What the model made of it.

        Raises:
            ValueError: If a data sample is invalid; the message names sample and field.
        """
        for sample in data_samples:
            pred = _flow(sample, 'pred_fields')
            gt = _flow(sample, 'gt_fields', pred.shape)
            moving = np.hypot(*gt) > _MOVING
            epe = endpoint_errors(pred, gt)
            errors = {
                'EPE': epe,
                'EPE-zero': endpoint_errors(np.zeros_like(gt), gt),
                'outliers': epe > self.threshold,
                'AAE': angular_errors(pred, gt),
            }
            cosines = flow_cosines(pred, gt)
            sums = {}
            for region in self.regions:
                suffix, mask = _region(sample, region, epe.shape)
                for name, values in errors.items():
                    sums[name + suffix] = (float(values[mask].sum()), int(mask.sum()))
                mask = mask & moving
                sums[f'cos{suffix}'] = (float(cosines[mask].sum()), int(mask.sum()))
            self.results.append(sums)

    def compute_metrics(self, results: list[dict[str, tuple[float, int]]]) -> dict[str, float]:
        """Average the errors over all pixels of all samples.

        Args:
            results (list[dict]): What :meth:`process` kept.

        Returns:
            dict[str, float]: Metrics by name.

        Raises:
            ValueError: If a region has no pixel in any sample.
        """
        metrics = {}
        for name in results[0]:
            total, count = np.sum([result[name] for result in results], axis=0)
            if not count and not name.startswith('cos'):
                raise ValueError(
                    f'none of the {len(results)} samples has a pixel for {name}: leave its region '
                    f'out of regions={list(self.regions)}'
                )
            metrics[name] = float(total / count) if count else float('nan')
        return metrics


@METRICS.register_module()
class FlowPhotometricMetric(BaseMetric):
    """How well predicted flow carries the second gray frame onto the first; needs no true flow.

    Reports ``photometric``, the mean Charbonnier penalty of the difference of gray values 0 to
    255 (:func:`~mmpose_ext.models.functional.flow.photometric_error`, exact warp);
    ``photometric-zero``, the same for a flow of 0; ``gain``, by which share the former is lower.

    A data sample holds ``pred_fields.flow`` (2, H, W) in px and ``gt_fields.gray`` (2, H, W).

    Args:
        collect_device (str): Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix (str, optional): Prefix of the names of the metrics. None: ``'flow'``.
    """

    default_prefix: ClassVar[str] = 'flow'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch.

        Args:
            data_batch (Any): The batch from the dataloader; not looked at.
            data_samples (Sequence[dict]): What the model made of it.

        Raises:
            ValueError: If a data sample is invalid; the message names sample and field.
        """
        for sample in data_samples:
            pred = _flow(sample, 'pred_fields')
            gray = _field(sample, 'gt_fields', 'gray', pred.shape).astype(np.float32)
            first, second, flow = (
                torch.from_numpy(array)[None] for array in (gray[:1], gray[1:], pred)
            )
            error = photometric_error(first, second, flow)
            still = photometric_error(first, second, torch.zeros_like(flow))
            self.results.append((error.item(), still.item()))

    def compute_metrics(self, results: list[tuple[float, float]]) -> dict[str, float]:
        """Average over the samples.

        Args:
            results (list[tuple]): What :meth:`process` kept.

        Returns:
            dict[str, float]: Metrics by name.
        """
        error, still = (float(value) for value in np.mean(results, axis=0))
        return {'photometric': error, 'photometric-zero': still, 'gain': 1 - error / still}


def _flow(sample: dict, group: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Read a flow, float32 (2, H, W)."""
    flow = _field(sample, group, 'flow', shape)
    if flow.ndim != 3 or len(flow) != 2 or not np.isfinite(flow).all():
        raise ValueError(
            f'{group}.flow of {_name(sample)} must be finite and (2, H, W), got {flow.shape}'
        )
    return flow.astype(np.float32)


def _region(sample: dict, region: str, shape: tuple[int, ...]) -> tuple[str, np.ndarray]:
    """Give what ends the names of a region, and its pixels (H, W)."""
    suffix, field = REGIONS[region]
    if field is None:
        return suffix, np.ones(shape, dtype=bool)
    return suffix, _field(sample, 'gt_fields', field, (1, *shape))[0] > 0


def _field(
    sample: dict, group: str, field: str, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    """Read a field of pixels."""
    if field not in sample.get(group, ()):
        raise ValueError(f'{_name(sample)} lacks {group}.{field}. {_CURES[group]}')
    value = sample[group][field]
    value = value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if shape is not None and value.shape != shape:
        raise ValueError(
            f'{group}.{field} of {_name(sample)} is {value.shape}; with the predicted flow it '
            f'must be {shape}'
        )
    return value


def _name(sample: dict) -> str:
    """Name a data sample in an error."""
    return f'sample {sample.get("id")} ({sample.get("recording")}, {sample.get("frame_ids")})'
