"""Errors of SMPL bodies: joints, vertices and shape."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS, MODELS
from scipy.spatial.transform import Rotation

from mmpose_ext.evaluation.functional.mesh_errors import MESH_ALIGNMENTS, vertex_errors
from mmpose_ext.evaluation.functional.pose3d_errors import joint_errors
from mmpose_ext.evaluation.metrics.pose_batch import instance_field, sample_name
from mmpose_ext.skeletons import human36m18, smpl24

# Evaluated joints among the 18, and what ends the name of their metrics. The 14 are the ones that
# the papers on human mesh recovery report: Leeds Sports Pose's, out of Human3.6M's 17.
JOINTS = {
    'h36m17': ('', tuple(range(human36m18.NUM_EVALUATED))),
    'lsp14': ('-14', (3, 2, 1, 4, 5, 6, 16, 15, 14, 11, 12, 13, 8, 10)),
}
TRUTHS = {'labels': ('labels',), 'body': ('body',), 'both': ('labels', 'body')}
_PREFIXES = {'none': '', 'procrustes': 'PA-'}
_MM = 1000.0
# The body of samples of no gender.
_ANY = ''


@METRICS.register_module()
class SMPLMetric(BaseMetric):
    """Mean errors of predicted SMPL bodies, in mm.

    Reports, pelvis on pelvis, ``MPJPE`` over Human3.6M's 17 joints, ``MPJPE-14`` over the 14 of
    Leeds Sports Pose and ``PVE`` over the vertices; after a similarity transform of just these
    points ``PA-MPJPE``, ``PA-MPJPE-14`` and ``PA-PVE``; and ``betas``, the mean absolute
    difference of the shape coefficients. Means are over all labelled joints, vertices or
    coefficients of all samples; a sample without a label has no part in its metric.

    A data sample holds one person: ``pred_instances.smpl_joints`` (1, 18, 3),
    ``smpl_vertices`` (1, V, 3), both in metres, and ``smpl_betas`` (1, 10);
    ``gt_instances.lifting_target`` (1, 18, 3) in metres with ``lifting_target_visible`` (1, 18),
    and ``smpl_pose`` (1, 24, 3) axis-angle, ``smpl_betas`` (1, 10) and ``has_smpl`` (1,); with
    ``gendered_bodies`` also ``gender`` in the meta information, if it is known.

    Args:
        body_model (dict): Config of the body that the model predicts, which makes true vertices
            out of labelled parameters.
        joints (Sequence[str]): Sets of joints: ``'h36m17'``, ``'lsp14'``.
        truth (str): Where true joints come from. ``'labels'``: the measured ones, as on
            Human3.6M. ``'body'``: the body at the labelled parameters, as on 3DPW. ``'both'``:
            the latter in metrics whose names end in ``' body'``. A body that is not the one whose
            parameters were measured, such as the mannequin, meets only the latter.
        vertices (bool): Whether to report PVE and betas, for which labels of SMPL must be there.
        gendered_bodies (dict, optional): Configs of bodies by gender, ``'male'``, ``'female'`` and
            perhaps ``'neutral'``, which make the true bodies of samples of that ``gender``, as
            3DPW's labels want it; ``body_model`` makes those that are neutral or of which it is
            not known. ``betas`` is then left out: those of different bodies do not compare.
            None: ``body_model`` makes all.
        collect_device (str): Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix (str, optional): Prefix of the names of the metrics. None: ``'smpl'``, so that
            ``smpl/MPJPE`` may stand beside the volume's ``MPJPE``.

    Raises:
        ValueError: If an option or, later, a data sample is invalid or of a gender without a
            body, or no sample has the labels that a metric needs.

    Example:
        >>> val_evaluator = dict(type='SMPLMetric', body_model=dict(type='SMPLBody'))
    """

    default_prefix: ClassVar[str] = 'smpl'

    def __init__(
        self,
        body_model: dict,
        joints: Sequence[str] = ('h36m17', 'lsp14'),
        truth: str = 'labels',
        vertices: bool = True,
        gendered_bodies: dict | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        joints = (joints,) if isinstance(joints, str) else tuple(joints)
        unknown = [name for name in joints if name not in JOINTS]
        if unknown or not joints:
            raise ValueError(f'joints must be one or several of {list(JOINTS)}, got {joints!r}.')
        if truth not in TRUTHS:
            raise ValueError(f'truth must be one of {list(TRUTHS)}, got {truth!r}.')
        self.joints = joints
        self.truths = TRUTHS[truth]
        self.vertices = vertices
        self.needs_body = vertices or 'body' in self.truths
        self.is_gendered = gendered_bodies is not None
        gendered_bodies = gendered_bodies or {}
        others = [name for name in gendered_bodies if name not in smpl24.GENDERS]
        if others:
            raise ValueError(f'gendered_bodies must be of {smpl24.GENDERS}, got {others}.')
        self.bodies: dict[str, Any] = {}
        if self.needs_body:
            configs = {_ANY: body_model, **gendered_bodies}
            self.bodies = {name: MODELS.build(config).eval() for name, config in configs.items()}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure a batch and keep the sums of its errors, not its vertices.

        Args:
            data_batch (Any): The batch from the dataloader; not looked at.
            data_samples (Sequence[dict]): What the model made of it.

        Raises:
            ValueError: If a data sample is invalid; the message names sample and field.
        """
        measured: list[dict[str, tuple[float, int]]] = [{} for _ in data_samples]
        pred = _stack(data_samples, 'pred_instances', 'smpl_joints', (human36m18.NUM_JOINTS, 3))
        if 'labels' in self.truths:
            self._measure_labels(measured, data_samples, pred)
        if self.needs_body:
            self._measure_body(measured, data_samples, pred)
        self.results.extend(measured)

    def compute_metrics(self, results: list[dict[str, tuple[float, int]]]) -> dict[str, float]:
        """Average the errors of all samples.

        Args:
            results (list[dict]): What :meth:`process` kept.

        Returns:
            dict[str, float]: Metrics by name.

        Raises:
            ValueError: If no sample has the labels of a metric.
        """
        totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for result in results:
            for name, (total, count) in result.items():
                totals[name][0] += total
                totals[name][1] += count
        missing = [name for name in self._names() if not totals[name][1]]
        if missing:
            raise ValueError(
                f'none of the {len(results)} samples has the labels of {", ".join(missing)}: '
                'lifting_target, or SMPL parameters with has_smpl 1. Give them (smpl_file of '
                'Human36mImageDataset, Pack3DPoseInputs), or choose another truth or '
                'vertices=False.'
            )
        return {name: totals[name][0] / totals[name][1] for name in self._names()}

    def _names(self) -> list[str]:
        """List the metrics in the order in which they are reported."""
        names = [
            f'{prefix}MPJPE{JOINTS[joints][0]}{self._suffix(truth)}'
            for truth in self.truths
            for joints in self.joints
            for prefix in _PREFIXES.values()
        ]
        names += ['PVE', 'PA-PVE'] if self.vertices else []
        return [*names, 'betas'] if self.vertices and not self.is_gendered else names

    def _suffix(self, truth: str) -> str:
        return ' body' if truth == 'body' and len(self.truths) > 1 else ''

    def _measure_labels(
        self, measured: list[dict], samples: Sequence[dict], pred: np.ndarray
    ) -> None:
        """Add the errors from measured joints, for the samples that have a pelvis to align by."""
        shape = (human36m18.NUM_JOINTS, 3)
        truth = _stack(samples, 'gt_instances', 'lifting_target', shape, finite=False)
        flags = _stack(samples, 'gt_instances', 'lifting_target_visible', shape[:1])
        valid = (flags > 0) & (flags[:, human36m18.PELVIS, None] > 0)
        _refuse(samples, (np.isfinite(truth).all(-1) | ~valid).all(1), 'lifting_target')
        truth = np.where(valid[..., None], truth, 0)
        self._add_joints(measured, pred, truth, valid, self._suffix('labels'))

    def _measure_body(
        self, measured: list[dict], samples: Sequence[dict], pred: np.ndarray
    ) -> None:
        """Add the errors from the body at the labelled parameters."""
        flags = _stack(samples, 'gt_instances', 'has_smpl', ())
        rows = np.flatnonzero(flags > 0)
        if not len(rows):
            return
        samples, measured, pred = (
            [samples[k] for k in rows],
            [measured[k] for k in rows],
            pred[rows],
        )
        betas = _stack(samples, 'gt_instances', 'smpl_betas', (10,))
        joints, vertices = self._true_bodies(samples, betas)
        if 'body' in self.truths:
            valid = np.ones(joints.shape[:2], dtype=bool)
            self._add_joints(measured, pred, joints, valid, self._suffix('body'))
        if not self.vertices:
            return
        shape = vertices.shape[1:]
        pred_vertices = _stack(samples, 'pred_instances', 'smpl_vertices', shape, np.float32)
        pred_vertices -= pred[:, human36m18.PELVIS, None].astype(np.float32)
        vertices = vertices - joints[:, human36m18.PELVIS, None]
        for alignment in MESH_ALIGNMENTS:
            errors = vertex_errors(pred_vertices, vertices, alignment) * _MM
            _add(measured, f'{_PREFIXES[alignment]}PVE', errors, np.ones(errors.shape, bool))
        if not self.is_gendered:
            # A body with fewer coefficients has the first of the labelled ones.
            betas = betas[:, : self.bodies[_ANY].num_betas]
            found = _stack(samples, 'pred_instances', 'smpl_betas', betas.shape[1:])
            _add(measured, 'betas', np.abs(found - betas), np.ones(betas.shape, bool))

    def _true_bodies(
        self, samples: Sequence[dict], betas: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give joints (N, 18, 3) and vertices (N, V, 3) of labelled parameters, in metres."""
        pose = _stack(samples, 'gt_instances', 'smpl_pose', (24, 3))
        matrices = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
        genders = np.array([self._body_of(sample) for sample in samples])
        order, made = [], []
        for gender in np.unique(genders):
            rows = np.flatnonzero(genders == gender)
            order.append(rows)
            made.append(_posed(self.bodies[gender], matrices[rows], betas[rows]))
        sizes = {vertices.shape[1:] for _, vertices in made}
        if len(sizes) > 1:
            raise ValueError(f'gendered_bodies must have the same vertices, got {sorted(sizes)}.')
        back = np.argsort(np.concatenate(order))
        joints, vertices = (np.concatenate(arrays)[back] for arrays in zip(*made, strict=True))
        return joints, vertices

    def _body_of(self, sample: dict) -> str:
        """Name the body that a sample's labels are of."""
        gender = sample.get('gender') if self.is_gendered else None
        if gender is None or (gender == 'neutral' and gender not in self.bodies):
            return _ANY
        if gender not in self.bodies:
            raise ValueError(
                f'{sample_name(sample)} is labelled with a {gender} body, of which gendered_bodies '
                f"has none: add {gender}=dict(type='SMPLBody', ...) to it."
            )
        return gender

    def _add_joints(
        self, measured: list[dict], pred: np.ndarray, gt: np.ndarray, valid: np.ndarray, end: str
    ) -> None:
        """Add the errors of all sets of joints, (N, 18, 3), pelvis on pelvis."""
        pred, gt = (points - points[:, human36m18.PELVIS, None] for points in (pred, gt))
        for name in self.joints:
            ending, rows = JOINTS[name]
            mask = valid[:, rows]
            for alignment, prefix in _PREFIXES.items():
                errors = joint_errors(pred[:, rows], gt[:, rows], mask, alignment) * _MM
                _add(measured, f'{prefix}MPJPE{ending}{end}', errors, mask)


def _posed(body: Any, matrices: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give joints (N, 18, 3) and vertices (N, V, 3) of a body in metres."""
    rotations = torch.from_numpy(matrices).float()
    betas = betas[:, : body.num_betas]
    with torch.no_grad():
        posed = body(rotations[:, :1], rotations[:, 1:], torch.from_numpy(betas).float())
    if posed.joints.shape[1] != human36m18.NUM_JOINTS:
        raise ValueError(
            f"the body_model must give the joints 'h36m18', got {posed.joints.shape[1]} joints."
        )
    return posed.joints.numpy(), posed.vertices.numpy()


def _add(measured: list[dict], name: str, errors: np.ndarray, mask: np.ndarray) -> None:
    """Add each sample's sum of errors (N, K) and their number."""
    sums, counts = np.where(mask, errors, 0).sum(1).tolist(), mask.sum(1).tolist()
    for result, total, count in zip(measured, sums, counts, strict=True):
        result[name] = (total, count)


def _stack(
    samples: Sequence[dict],
    group: str,
    field: str,
    shape: tuple[int, ...],
    dtype: type = np.float64,
    finite: bool = True,
) -> np.ndarray:
    """Collect a field (1, *shape) of the one person of each sample, or refuse it."""
    values = [instance_field(sample, group, field, dtype) for sample in samples]
    for sample, value in zip(samples, values, strict=True):
        if value.shape != (1, *shape):
            raise ValueError(
                f'{group}.{field} of {sample_name(sample)} must have the shape {(1, *shape)}, got '
                f'{value.shape}. Give the metric the body_model of the head.'
            )
    stacked = np.concatenate(values)
    if finite:
        good = np.isfinite(stacked).reshape(len(stacked), -1).all(1)
        _refuse(samples, good, field)
    return stacked


def _refuse(samples: Sequence[dict], good: np.ndarray, field: str) -> None:
    for sample, is_good in zip(samples, good, strict=True):
        if not is_good:
            raise ValueError(f'{field} of {sample_name(sample)} is NaN or infinite.')
