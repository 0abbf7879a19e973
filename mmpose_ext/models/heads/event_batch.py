"""What a batch of event clips knows: the start of each and its labels, stacked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.skeletons import dhp19, smpl24

_LABELS = (
    *('rotmats', 'transl', 'betas', 'joints_cam', 'keypoints'),
    *('has_smpl', 'has_joints'),
)
_START = ('rotmats', 'transl', 'betas')
# Rows of SMPL's joints that a label of so many joints names.
_ROWS = {
    smpl24.NUM_JOINTS: tuple(range(smpl24.NUM_JOINTS)),
    dhp19.NUM_JOINTS: dhp19.FROM_SMPL24,
}
# SMPL's hips, whose middle the authors align poses by.
_HIPS = (1, 2)


@dataclass(frozen=True)
class EventBatch:
    """Labels and cameras of B clips of T steps, J joints: SMPL's 24 or the 13 of DHP19.

    Attributes:
        rotmats (Tensor): Rotations after each step, (B, T, 24, 3, 3).
        transl (Tensor): Translations (B, T, 3) in metres.
        betas (Tensor): Shape coefficients (B, T, S).
        joints_cam (Tensor): Joints in camera space, (B, T, J, 3) in metres.
        keypoints (Tensor): Projected joints (B, T, J, 2) in px.
        has_smpl (Tensor): Weights (B, T) of rotations, translation and betas.
        has_joints (Tensor): Weights (B, T) of the joints.
        focal (Tensor): Focal lengths (B, 2) in px.
        principal_pt (Tensor): Principal points (B, 2) in px.
        size (Tensor): Width and height of the images in px, (B, 1, 1, 2).
    """

    rotmats: Tensor
    transl: Tensor
    betas: Tensor
    joints_cam: Tensor
    keypoints: Tensor
    has_smpl: Tensor
    has_joints: Tensor
    focal: Tensor
    principal_pt: Tensor
    size: Tensor

    @classmethod
    def gather(
        cls, samples: Sequence[PoseDataSample], steps: int, device: torch.device
    ) -> 'EventBatch':
        """Collect the labels of data samples.

        Args:
            samples (Sequence[PoseDataSample]): B samples of ``PackEventInputs``.
            steps (int): T.
            device (torch.device): Where they are wanted.

        Returns:
            EventBatch: The labels.

        Raises:
            ValueError: If a label is missing or of another length, or the joints are none of the
                known sets.
        """
        fields = {
            name: _stack(samples, 'gt_instances', name, steps, device).float() for name in _LABELS
        }
        num_joints = fields['joints_cam'].shape[2]
        if num_joints not in _ROWS or fields['keypoints'].shape[2] != num_joints:
            raise ValueError(
                f'joints_cam and keypoints must be of {list(_ROWS)} joints, got {num_joints} and '
                f'{fields["keypoints"].shape[2]}.'
            )
        size = [sample.metainfo['img_shape'][1::-1] for sample in samples]
        return cls(
            **fields,
            **gather_camera(samples, device),
            size=torch.tensor(size, dtype=torch.float32, device=device)[:, None, None],
        )

    @property
    def labels(self) -> dict[str, Tensor]:
        """Weights by name, for ``EventPoseLoss``."""
        return dict(has_smpl=self.has_smpl, has_joints=self.has_joints)

    def targets(self, num_betas: int) -> dict[str, Tensor]:
        """Give what ``EventPoseLoss`` compares with.

        Args:
            num_betas (int): Shape coefficients of the body.

        Returns:
            dict[str, Tensor]: Targets by name.
        """
        return dict(
            rotmats=self.rotmats,
            transl=self.transl,
            betas=self.betas[..., :num_betas],
            joints3d=self.joints_cam,
            joints2d=self.keypoints / self.size,
        )

    def select_joints(self, joints: Tensor) -> Tensor:
        """Take the labelled joints of SMPL's.

        Args:
            joints (Tensor): (..., 24, C).

        Returns:
            Tensor: (..., J, C).
        """
        return joints[..., list(_ROWS[self.joints_cam.shape[2]]), :]

    def pelvis_aligned_error(self, joints: Tensor) -> Tensor:
        """Measure joints against the labels, the middles of the hips on each other.

        Args:
            joints (Tensor): (B, T, J, 3) in metres.

        Returns:
            Tensor: Mean distance of each step, (B, T) in metres.
        """
        rows = _ROWS[self.joints_cam.shape[2]]
        hips = [rows.index(hip) for hip in _HIPS]
        pred, true = (
            points - points[:, :, hips].mean(2, keepdim=True)
            for points in (joints, self.joints_cam)
        )
        return (pred - true).norm(dim=-1).mean(-1)


def gather_camera(samples: Sequence[PoseDataSample], device: torch.device) -> dict[str, Tensor]:
    """Collect the cameras of data samples.

    Args:
        samples (Sequence[PoseDataSample]): B samples.
        device (torch.device): Where they are wanted.

    Returns:
        dict[str, Tensor]: ``focal`` and ``principal_pt`` (B, 2) in px.

    Raises:
        ValueError: If a sample lacks them.
    """
    camera = {}
    for name in ('focal', 'principal_pt'):
        values = [sample.metainfo.get(name) for sample in samples]
        if any(value is None for value in values):
            raise ValueError(f'samples lack {name!r}: let the pipeline end with PackEventInputs.')
        stacked = torch.stack([torch.as_tensor(value, dtype=torch.float32) for value in values])
        camera[name] = stacked.reshape(-1, 2).to(device)
    return camera


def gather_start(
    samples: Sequence[PoseDataSample], device: torch.device, features: bool = False
) -> dict[str, Tensor]:
    """Collect the poses before the first steps.

    Args:
        samples (Sequence[PoseDataSample]): B samples with ``start``.
        device (torch.device): Where they are wanted.
        features (bool): Whether the features of the first photograph are wanted too.

    Returns:
        dict[str, Tensor]: ``rotmats`` (B, 24, 3, 3), ``transl`` (B, 3) in metres, ``betas``
        (B, S) and perhaps ``features`` (B, D).

    Raises:
        ValueError: If a sample lacks one of them.
    """
    names = (*_START, 'features') if features else _START
    return {name: _stack(samples, 'start', name, 1, device)[:, 0].float() for name in names}


def _stack(
    samples: Sequence[PoseDataSample], group: str, field: str, length: int, device: torch.device
) -> Tensor:
    """Stack a field (T, ...) of all samples, or say which sample lacks it."""
    values = []
    for sample in samples:
        found: Any = sample.get(group)
        if found is None or field not in found:
            raise ValueError(
                f'sample {sample.metainfo.get("id")} of recording '
                f'{sample.metainfo.get("recording")!r} lacks {group}.{field}. '
                + _cure(group, field)
            )
        value = torch.as_tensor(found[field])
        if len(value) != length:
            raise ValueError(f'{group}.{field} must be of {length} steps, got {len(value)}.')
        values.append(value.to(device))
    return torch.stack(values)


def _cure(group: str, field: str) -> str:
    if field == 'features':
        return "Only init_source='hmr' has them; set state_from='zeros' or 'start'."
    if group == 'start':
        return "Give the dataset an init_source, or the head start='predicted'."
    return 'Load it with LoadClipPoses and let the pipeline end with PackEventInputs.'
