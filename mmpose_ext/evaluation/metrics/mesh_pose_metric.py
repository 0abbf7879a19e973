"""Errors of poses and meshes over the steps of event clips."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS, MODELS

from mmpose_ext.evaluation.functional.camera_pose_errors import (
    camera_mesh_errors,
    camera_pose_errors,
)
from mmpose_ext.skeletons import dhp19, smpl24

GROUPS = ('action', 'recording', None)
BETAS = ('labels', 'start')
_STILL = 'still-'
_PARAMETERS = ('rotmats', 'betas', 'transl')
_MM = 1000.0
_PER_CENT = 100.0
Sums = dict[str, tuple[float, int]]


@METRICS.register_module()
class MeshPoseMetric(BaseMetric):
    """Errors of EventHPE's evaluation: in mm, and PCK in per cent.

    Reports ``MPJPE``, ``PEL-MPJPE``, ``PA-MPJPE``, ``PCK@100``, ``PCKh@0.5`` and ``PCK-torso``,
    see :func:`.camera_pose_errors.camera_pose_errors`, and with a ``body_model`` ``PVE``,
    ``PEL-PVE`` and ``PA-PVE``, see :func:`.camera_pose_errors.camera_mesh_errors`. Means are over
    all labelled steps and all joints or vertices. Where labels are the 13 joints of DHP19, these
    are taken of the predicted 24, and there is no PCKh, PCK-torso or vertex error.

    A data sample is a clip of T steps: ``pred_instances.joints_cam`` (T, 24, 3) and with a body
    ``rotmats`` (T, 24, 3, 3), ``transl`` (T, 3) and ``betas`` (T, S); the same in
    ``gt_instances``, with ``has_joints`` and ``has_smpl`` (T,), steps without which do not count.

    Args:
        body_model (dict, optional): Config of the body whose vertices are compared, made anew
            from the parameters. None: no vertices.
        pck_threshold (float): Threshold of PCK in mm, which is part of its name.
        per (str, optional): ``'action'`` or ``'recording'``: also report each as
            ``MPJPE_<name>``, by that meta information. None: overall only.
        baseline (bool): Whether to report what keeping the start's pose would give:
            ``still-MPJPE`` and so on. It needs ``body_model`` and samples with a ``start``.
        truth_betas (str): Whose shape true vertices have: ``'labels'``, or ``'start'`` as in the
            authors' code.
        batch_size (int): Bodies that are made at a time.
        collect_device (str): Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix (str, optional): Prefix of the names. None: ``'events'``.

    Raises:
        ValueError: If an option or, later, a data sample is invalid, or nothing is labelled.
    """

    default_prefix: ClassVar[str] = 'events'

    def __init__(
        self,
        body_model: dict | None = None,
        pck_threshold: float = 100.0,
        per: str | None = None,
        baseline: bool = False,
        truth_betas: str = 'labels',
        batch_size: int = 64,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if per not in GROUPS or truth_betas not in BETAS:
            raise ValueError(
                f'per must be one of {GROUPS} and truth_betas one of {BETAS}, got {per!r} and '
                f'{truth_betas!r}.'
            )
        if not pck_threshold > 0 or batch_size < 1:
            raise ValueError(
                'pck_threshold and batch_size must be positive, got '
                f'{pck_threshold} and {batch_size}.'
            )
        if baseline and body_model is None:
            raise ValueError('baseline=True needs a body_model, which poses the start.')
        self.body: Any = None
        if body_model is not None:
            self.body = MODELS.build({'joints': 'smpl24', **body_model}).eval()
        self.pck_threshold = pck_threshold
        self.per = per
        self.baseline = baseline
        self.truth_betas = truth_betas
        self.batch_size = batch_size

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure clips and keep the sums of their errors, not their vertices.

        Args:
            data_batch (Any): The batch from the dataloader; not looked at.
            data_samples (Sequence[dict]): What the model made of it.

        Raises:
            ValueError: If a data sample is invalid; the message names sample and field.
        """
        for sample in data_samples:
            sums = self._measure_joints(sample)
            if self.body is not None:
                sums |= self._measure_vertices(sample)
            self.results.append(dict(group=self._group(sample), sums=sums))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over all clips and those of each group.

        Args:
            results (list[dict]): What :meth:`process` kept.

        Returns:
            dict[str, float]: Metrics by name.

        Raises:
            ValueError: If no step is labelled.
        """
        totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for result in sorted(results, key=lambda result: result['group'] or ''):
            endings = [''] if result['group'] is None else ['', f'_{result["group"]}']
            for name, (total, count) in result['sums'].items():
                for ending in endings:
                    totals[name + ending][0] += total
                    totals[name + ending][1] += count
        metrics = {name: total / count for name, (total, count) in totals.items() if count}
        if not metrics:
            raise ValueError(
                f'no step of {len(results)} clips has labels: has_joints and has_smpl are 0. '
                'Evaluate on a dataset with labels, labelled=1.0.'
            )
        overall_first = sorted(metrics, key=lambda name: '_' in name)
        return {name: metrics[name] for name in overall_first}

    def _measure_joints(self, sample: dict) -> Sums:
        pred = _field(sample, 'pred_instances', 'joints_cam')
        gt = _field(sample, 'gt_instances', 'joints_cam', finite=False)
        if pred.shape[1:] != (smpl24.NUM_JOINTS, 3) or len(gt) != len(pred):
            raise ValueError(
                f'joints_cam of {_name(sample)} must be predicted (T, 24, 3) and true (T, J, 3), '
                f'got {pred.shape} and {gt.shape}.'
            )
        labelled = _field(sample, 'gt_instances', 'has_joints') > 0
        errors = self._joint_errors(sample, pred, gt, labelled)
        if self.baseline:
            _, still = self._pose(sample, 'start')
            still = np.broadcast_to(still, pred.shape)
            errors |= {
                f'{_STILL}{name}': values
                for name, values in self._joint_errors(sample, still, gt, labelled).items()
            }
        return errors

    def _joint_errors(
        self, sample: dict, pred: np.ndarray, gt: np.ndarray, labelled: np.ndarray
    ) -> Sums:
        if gt.shape[1] == dhp19.NUM_JOINTS:
            pred = pred[:, list(dhp19.FROM_SMPL24)]
        pred, gt = pred[labelled], gt[labelled]
        if not np.isfinite(gt).all():
            raise ValueError(f'gt_instances.joints_cam of {_name(sample)} is NaN or infinite.')
        measured = camera_pose_errors(pred, gt, self.pck_threshold / _MM)
        names = {'PCK': f'PCK@{self.pck_threshold:g}'}
        return {
            names.get(name, name): _sum(errors * (_PER_CENT if name.startswith('PCK') else _MM))
            for name, errors in measured.items()
        }

    def _measure_vertices(self, sample: dict) -> Sums:
        labelled = np.flatnonzero(_field(sample, 'gt_instances', 'has_smpl') > 0)
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for first in range(0, len(labelled), self.batch_size):
            rows = labelled[first : first + self.batch_size]
            pred_vertices, pred_joints = self._pose(sample, 'pred_instances', rows)
            betas = None
            if self.truth_betas == 'start':
                betas = _field(sample, 'start', 'betas').repeat(len(rows), axis=0)
            vertices, joints = self._pose(sample, 'gt_instances', rows, betas)
            measured = camera_mesh_errors(pred_vertices, vertices, pred_joints, joints)
            for name, errors in measured.items():
                total, count = _sum(errors * _MM)
                sums[name][0] += total
                sums[name][1] += count
        return {name: (total, int(count)) for name, (total, count) in sums.items()}

    def _pose(
        self,
        sample: dict,
        group: str,
        rows: np.ndarray | slice = slice(None),
        betas: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (N, V, 3) and joints (N, 24, 3) of some of a sample's steps, in metres."""
        found = {name: _field(sample, group, name, finite=False)[rows] for name in _PARAMETERS}
        if betas is not None:
            found['betas'] = betas
        wrong = [name for name, values in found.items() if not np.isfinite(values).all()]
        if wrong:
            raise ValueError(f'{group} of {_name(sample)} has NaN or infinite {wrong}.')
        rotmats, shape, transl = (torch.from_numpy(found[name]).float() for name in _PARAMETERS)
        with torch.no_grad():
            body = self.body(
                rotmats[:, :1], rotmats[:, 1:], shape[:, : self.body.num_betas], transl
            )
        return body.vertices.numpy(), body.joints.numpy()

    def _group(self, sample: dict) -> str | None:
        if self.per is None:
            return None
        name = sample.get(self.per)
        if name is None:
            raise ValueError(
                f'{_name(sample)} has no {self.per!r} in its meta information: set per=None, or '
                'let PackEventInputs give it.'
            )
        return str(name)


def _name(sample: dict) -> str:
    return f'sample {sample.get("id")} of recording {sample.get("recording")!r}'


def _field(sample: dict, group: str, field: str, finite: bool = True) -> np.ndarray:
    """Read a field of a sample as float64, or refuse it."""
    try:
        values = sample[group][field]
    except KeyError:
        raise ValueError(f'{_name(sample)} lacks {group}.{field}.') from None
    values = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
    array = np.asarray(values, dtype=np.float64)
    if finite and not np.isfinite(array).all():
        hint = ' Has training diverged?' if group == 'pred_instances' else ''
        raise ValueError(f'{group}.{field} of {_name(sample)} is NaN or infinite.{hint}')
    return array


def _sum(errors: np.ndarray) -> tuple[float, int]:
    return float(errors.sum()), errors.size
