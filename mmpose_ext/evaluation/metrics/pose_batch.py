"""What a metric of 3D poses needs of a batch of data samples, checked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# Where the fields of a data sample come from.
_CURES = {
    'pred_instances': 'Evaluate a model that predicts 3D keypoints.',
    'gt_instances': 'The dataset must give it, and the test pipeline end with '
    "dict(type='Pack3DPoseInputs').",
}


@dataclass(frozen=True)
class PoseBatch:
    """Predicted and true 3D poses of a batch of N samples, one person each.

    Attributes:
        samples (Sequence[dict]): The data samples.
        pred (np.ndarray): Predictions, float64 (N, K, 3): x and y in pixels of the image, and
            depth relative to the root in mm.
        gt (np.ndarray): True joints in camera space in mm, float64 (N, L, 3); 0 where invalid.
        valid (np.ndarray): Which true joints are valid, bool (N, L); the root always is.
    """

    samples: Sequence[dict]
    pred: np.ndarray
    gt: np.ndarray
    valid: np.ndarray

    @classmethod
    def gather(cls, samples: Sequence[dict], root_index: int, num_joints: int) -> 'PoseBatch':
        """Collect the poses of data samples.

        Args:
            samples (Sequence[dict]): Data samples with ``pred_instances.keypoints`` (1, K, 3),
                ``gt_instances.lifting_target`` (1, L, 3) in metres and ``lifting_target_visible``.
            root_index (int): Joint from which depth counts.
            num_joints (int): How many joints there must be at least.

        Returns:
            PoseBatch: The poses.

        Raises:
            ValueError: If a field is missing, of the wrong shape or not finite, or if a sample has
                no valid root joint. The message names the sample and the field.
        """
        pred = np.stack([_prediction(sample, num_joints) for sample in samples])
        truths = [_truth(sample, root_index, num_joints) for sample in samples]
        gt, valid = (np.stack(arrays) for arrays in zip(*truths, strict=True))
        return cls(samples, pred, gt, valid)

    def meta(
        self, field: str, shape: tuple[int, ...], wanted_by: str, positive: bool = True
    ) -> np.ndarray:
        """Collect a meta field that holds numbers.

        Args:
            field (str): Its name, such as ``'focal'``.
            shape (tuple[int]): Its shape, such as ``(2,)``.
            wanted_by (str): What needs it, for the error message.
            positive (bool): Whether they must be positive.

        Returns:
            np.ndarray: Values, float64, N of the shape.

        Raises:
            ValueError: If a sample lacks the field, or its value is of another shape, not finite
                or not positive.
        """
        values = []
        for sample in self.samples:
            if sample.get(field) is None:
                raise ValueError(
                    f'{sample_name(sample)} lacks {field!r}, which {wanted_by} needs. Have the '
                    "dataset give it, and the test pipeline end with dict(type='Pack3DPoseInputs')."
                )
            value = np.asarray(sample[field], dtype=np.float64)
            # A dataset may put one value around each person.
            value = value[0] if value.shape == (1, *shape) else value
            good = np.isfinite(value) & (value > 0 if positive else True)
            if value.shape != shape or not good.all():
                raise ValueError(
                    f'{field} of {sample_name(sample)} must be of the shape {shape}, finite'
                    f'{" and positive" if positive else ""}, got {value.tolist()}.'
                )
            values.append(value)
        return np.stack(values)

    def check(self, good: Iterable[bool], message: str) -> None:
        """Raise an error that names the first sample which is not good.

        Args:
            good (Iterable[bool]): Whether each sample is good.
            message (str): What is wrong with the others.

        Raises:
            ValueError: If a sample is not good.
        """
        for sample, is_good in zip(self.samples, good, strict=True):
            if not is_good:
                raise ValueError(f'{sample_name(sample)}: {message}')


def image_path(sample: dict) -> str | None:
    """Find the image that a data sample shows: of a sequence the one to be predicted.

    Args:
        sample (dict): The data sample.

    Returns:
        str | None: The path in ``target_img_path``, or else in ``img_path``.
    """
    path = sample.get('target_img_path')
    if path is None or len(path) == 0:
        path = sample.get('img_path')
    if path is None or isinstance(path, str):
        return path
    return str(np.ravel(path)[0])


def sample_name(sample: dict) -> str:
    """Name a data sample in an error message.

    Args:
        sample (dict): The data sample.

    Returns:
        str: Its id and its image.
    """
    return f'sample {sample.get("id")} ({image_path(sample)})'


def instance_field(sample: dict, group: str, field: str, dtype: type = np.float64) -> np.ndarray:
    """Read a field of predictions or labels.

    Args:
        sample (dict): The data sample.
        group (str): ``'pred_instances'`` or ``'gt_instances'``.
        field (str): The field.
        dtype (type): What the values become.

    Returns:
        np.ndarray: A copy of the values.

    Raises:
        ValueError: If the sample lacks the field; the message names both.
    """
    try:
        return np.array(sample[group][field], dtype=dtype)
    except KeyError:
        raise ValueError(f'{sample_name(sample)} lacks {group}.{field}. {_CURES[group]}') from None


def _pose(sample: dict, group: str, field: str, num_joints: int) -> np.ndarray:
    """Read the pose (J, 3) of the one person of a sample."""
    pose = instance_field(sample, group, field)
    if pose.ndim != 3 or len(pose) != 1 or pose.shape[1] < num_joints or pose.shape[2] != 3:
        raise ValueError(
            f'{group}.{field} of {sample_name(sample)} must have the shape (1, J, 3) with at '
            f'least {num_joints} joints, got {pose.shape}.'
        )
    return pose[0]


def _prediction(sample: dict, num_joints: int) -> np.ndarray:
    pose = _pose(sample, 'pred_instances', 'keypoints', num_joints)
    if not np.isfinite(pose).all():
        raise ValueError(
            f'the prediction of {sample_name(sample)} is NaN or infinite: has training diverged?'
        )
    return pose


def _truth(sample: dict, root_index: int, num_joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the true joints in mm (J, 3) and which are valid (J,)."""
    pose = _pose(sample, 'gt_instances', 'lifting_target', num_joints)
    visible = instance_field(sample, 'gt_instances', 'lifting_target_visible')
    if visible.size != len(pose):
        raise ValueError(
            f'gt_instances.lifting_target_visible of {sample_name(sample)} must have the shape '
            f'(1, {len(pose)}), got {visible.shape}.'
        )
    valid = visible.reshape(-1) > 0
    if not valid[root_index]:
        raise ValueError(
            f'{sample_name(sample)} has no valid root joint '
            f'(lifting_target_visible[{root_index}] is 0), onto which poses are aligned. Leave '
            'such samples out of the evaluation.'
        )
    if not np.isfinite(pose[valid]).all():
        raise ValueError(f'lifting_target of {sample_name(sample)} is NaN or infinite.')
    return np.where(valid[:, None], 1000 * pose, 0.0), valid
