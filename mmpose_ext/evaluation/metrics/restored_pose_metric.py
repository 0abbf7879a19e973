"""What the metrics of volumetric 3D pose networks have in common."""

import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from os import path as osp
from typing import Any

import numpy as np
from mmpose.evaluation.metrics import MPJPE

from mmpose_ext.evaluation.functional.pose3d_errors import joint_errors
from mmpose_ext.evaluation.metrics.pose_batch import PoseBatch, image_path, sample_name
from mmpose_ext.evaluation.metrics.restoration import build_restoration
from mmpose_ext.skeletons import human36m18

# Human3.6M's, in the order of the papers' tables.
ACTIONS = (
    *('Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning', 'Photo', 'Posing'),
    *('Purchases', 'Sitting', 'SittingDown', 'Smoking', 'Waiting', 'WalkDog', 'Walking'),
    'WalkTogether',
)
# What stands before the name of a metric for each alignment.
_PREFIXES = {'none': '', 'scale': 'N-', 'procrustes': 'PA-'}


class RestoredPoseMetric(MPJPE):
    """Base of metrics on 3D poses that are predicted in image coordinates.

    Predictions are restored to mm, the roots of prediction and truth moved onto each other, and
    the errors of the valid joints given to :meth:`measure`, over everything and for each action.

    A data sample holds one person: ``pred_instances.keypoints`` (1, K, 3), x and y in pixels of
    the image and depth relative to the root in mm; ``gt_instances.lifting_target`` (1, L, 3) in
    metres in camera space and ``lifting_target_visible`` (1, L); and the meta fields
    ``target_img_path`` or ``img_path`` and, where the restoration needs them, ``focal`` (2,) and
    ``principal_pt`` (2,) in pixels or ``mm_per_px``.

    Args:
        mode (str | Sequence[str]): One or several of the class's ``ALIGNMENT``.
        restore (str): How predictions become mm: ``'bone_search'`` (the authors), ``'gt_root'``
            or ``'bone_scale'``; see :mod:`mmpose_ext.evaluation.metrics.restoration`.
        joints (Sequence[int]): The joints that are evaluated.
        root_index (int): The root joint.
        per_action (bool): Whether to report each action too, which the names of the images tell
            as they do in Human3.6M, and the unweighted mean of the actions.
        collect_device (str): Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix (str, optional): Prefix of the names of the metrics.
        skip_list (Sequence[str]): Subjects with actions to be left out, such as
            ``'S9_Greeting'``.
        **restore_options: Arguments of the restoration, such as ``camera='sample'``.

    Raises:
        ValueError: If an option or, later, a data sample is invalid.
        TypeError: If the restoration has no such argument.
    """

    def __init__(
        self,
        mode: str | Sequence[str],
        restore: str = 'bone_search',
        joints: Sequence[int] = tuple(range(human36m18.NUM_EVALUATED)),
        root_index: int = human36m18.PELVIS,
        per_action: bool = True,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        skip_list: Sequence[str] = (),
        **restore_options: Any,
    ) -> None:
        self.modes = (mode,) if isinstance(mode, str) else tuple(mode)
        unknown = [name for name in self.modes if name not in self.ALIGNMENT]
        if unknown or not self.modes:
            raise ValueError(f'mode must be one or several of {list(self.ALIGNMENT)}, got {mode!r}')
        if not len(joints) or len(set(joints)) != len(joints) or min(joints) < 0:
            raise ValueError(f'joints must be different indices of joints, got {joints!r}.')
        if root_index < 0:
            raise ValueError(f'root_index must be the index of a joint, got {root_index!r}.')
        super().__init__(self.modes[0], collect_device, prefix, list(skip_list))
        self.restoration = build_restoration(restore, restore_options)
        self.joints = list(joints)
        self.root_index = root_index
        self.per_action = per_action
        ends = [end for bone in self.restoration.bones for end in bone]
        self.num_joints = max(*joints, root_index, *ends) + 1

    @abstractmethod
    def measure(self, errors: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        """Sum errors up.

        Args:
            errors (np.ndarray): Errors of the joints in mm, (N, J).
            mask (np.ndarray): Joints that count, bool (N, J), at least one.

        Returns:
            dict[str, float]: Metrics by name.
        """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Restore the poses of a batch and keep them.

        Args:
            data_batch (Any): The batch from the dataloader; not looked at.
            data_samples (Sequence[dict]): What the model made of it.

        Raises:
            ValueError: If a data sample is invalid; the message names sample and field.
        """
        kept = [sample for sample in data_samples if not self._is_skipped(sample)]
        restored = iter(self._restore(kept) if kept else ())
        # One a sample, empty if it is skipped: of several processes' results, which come in turn,
        # the padding at the end is cut off by number.
        self.results.extend(
            {} if self._is_skipped(sample) else next(restored) for sample in data_samples
        )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the metrics over all samples and for each action.

        Args:
            results (list[dict]): What :meth:`process` kept.

        Returns:
            dict[str, float]: Metrics by name: ``X`` over everything, ``X_Directions`` for each
            action in the order of the papers' tables, and ``X_action_avg``, the unweighted mean
            of the actions, which is what the tables call the average.

        Raises:
            ValueError: If there is no valid joint, or none of an action.
        """
        results = [result for result in results if result]
        if not results:
            raise ValueError(
                'no 3D pose was evaluated: the dataset is empty or skip_list names all of it.'
            )
        pred, gt, mask = (
            np.stack([result[key] for result in results]) for key in ('pred', 'gt', 'mask')
        )
        groups: dict[str, list[int]] = {'': list(range(len(results)))}
        if self.per_action:
            groups.update(_group_actions([result['action'] for result in results]))
        for action, rows in groups.items():
            if not mask[rows].any():
                raise ValueError(
                    f'none of the joints {self.joints} is valid in any sample'
                    f'{f" of the action {action}" if action else ""}.'
                )
        metrics: dict[str, float] = {}
        for mode in self.modes:
            alignment = self.ALIGNMENT[mode]
            errors = joint_errors(pred, gt, mask, alignment)
            tables = {a: self.measure(errors[rows], mask[rows]) for a, rows in groups.items()}
            for name in tables['']:
                column = {action: table[name] for action, table in tables.items()}
                metrics.update(_report(_PREFIXES[alignment] + name, column))
        return metrics

    def _restore(self, samples: Sequence[dict]) -> list[dict]:
        """Give poses in mm relative to the root, and which joints of them count."""
        batch = PoseBatch.gather(samples, self.root_index, self.num_joints)
        restored = self.restoration(batch, self.root_index)
        pred, gt = (
            (poses - poses[:, self.root_index, None])[:, self.joints].astype(np.float32)
            for poses in (restored, batch.gt)
        )
        mask = batch.valid[:, self.joints]
        results = [{'pred': p, 'gt': g, 'mask': m} for p, g, m in zip(pred, gt, mask, strict=True)]
        if self.per_action:
            for result, sample in zip(results, samples, strict=True):
                result['action'] = _action(sample)
        return results

    def _is_skipped(self, sample: dict) -> bool:
        return bool(self.skip_list) and _subject_action(sample) in self.skip_list


def _subject_action(sample: dict) -> str:
    """Read the subject with the action, such as 'S9_Greeting_1', off the name of the image."""
    return osp.basename(image_path(sample) or '').split('.')[0]


def _action(sample: dict) -> str:
    """Read the action off the name of the image: 'S9_Greeting_1.54138969_1.jpg' is Greeting."""
    found = re.match(r'[^_.]+_([^_.]+)[_.]', osp.basename(image_path(sample) or ''))
    if not found:
        raise ValueError(
            f'{sample_name(sample)} does not tell its action: the image must be named like '
            "'S9_Greeting_1.54138969_000001.jpg', in the meta field 'target_img_path' or "
            "'img_path'. Set per_action=False for other data."
        )
    return found[1]


def _group_actions(actions: Sequence[str]) -> dict[str, list[int]]:
    """List the samples of each action; known actions in the papers' order, then the others."""
    rows = defaultdict(list)
    for row, action in enumerate(actions):
        rows[action].append(row)
    known = [action for action in ACTIONS if action in rows]
    return {action: rows[action] for action in known + sorted(set(rows) - set(known))}


def _report(name: str, column: dict[str, float]) -> dict[str, float]:
    """Name the values of a metric; the value of all samples has the key ''."""
    report = {f'{name}_{action}' if action else name: value for action, value in column.items()}
    actions = [value for action, value in column.items() if action]
    if actions:
        report[f'{name}_action_avg'] = float(np.mean(actions))
    return report
