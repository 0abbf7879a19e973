"""The shallow network of HEMlets PoSh: features and joints to the parameters of SMPL."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_ext.models.body_models.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from mmpose_ext.npz import read_npz
from mmpose_ext.skeletons import smpl24

_ROTATION_6D = 6 * smpl24.NUM_JOINTS
# A person upright before the camera (y up becomes y down, face to the camera), filling the crop.
_FACING_CAMERA = (1.0, -1.0, -1.0)
_CAMERA = (0.9, 0.0, 0.0)


class SMPLRegressor(nn.Module):
    """Regress pose, shape and a weak-perspective camera from features and 3D joints.

    HEMlets PoSh (`TPAMI 2021 <https://arxiv.org/abs/2003.04894>`_) calls its module "shallow yet
    effective" and leaves the rest unpublished. Features are brought down by convolutions and
    averaged; with the joints they enter the regressor of `HMR
    <https://arxiv.org/abs/1712.06584>`_ (CVPR 2018), which corrects a mean estimate some times:

    .. code-block:: text

        Linear - dropout - Linear - dropout - three residual decoders (pose, shape, camera)

    B images, C channels, J joints.

    Args:
        in_channels (int, optional): C of the feature map. None or 0: no features.
        conv_channels (Sequence[int]): Widths of the convolutions (3x3 of stride 2, batch norm,
            ReLU), whose result is averaged over the map. None: the map itself is averaged.
        pool (int): Width of an average pooling before them; with 2 they cost a quarter.
        num_joints (int): J. 0: no joints.
        hidden_channels (int): Width of the two linear layers.
        activation (str, optional): ``'relu'`` behind each of them (ours: rotations are no linear
            function of joints), or None as in HMR's code.
        dropout (float): Share of their outputs that training drops.
        num_iters (int): Corrections of the estimate.
        feedback (bool): Whether the estimate is an input too. False needs ``num_iters=1``.
        num_betas (int): Shape coefficients.
        mean_params (str, optional): Path of SPIN's ``smpl_mean_params.npz`` with ``pose`` (144,),
            ``shape`` (10,) and ``cam`` (3,), from which the estimate starts. None: the rest pose,
            facing the camera; betas 0; camera (0.9, 0, 0).

    Raises:
        ValueError: If an option is invalid or the file holds something else.
        FileNotFoundError: If there is no such file.
    """

    mean_pose: Tensor
    mean_betas: Tensor
    mean_camera: Tensor

    def __init__(
        self,
        in_channels: int | None,
        conv_channels: Sequence[int] = (512, 512, 512),
        pool: int = 1,
        num_joints: int = 18,
        hidden_channels: int = 1024,
        activation: str | None = 'relu',
        dropout: float = 0.5,
        num_iters: int = 3,
        feedback: bool = True,
        num_betas: int = 10,
        mean_params: str | Path | None = None,
    ) -> None:
        super().__init__()
        if not in_channels and not num_joints:
            raise ValueError(
                'SMPLRegressor has nothing to read: give in_channels, num_joints or both.'
            )
        if num_iters < 1 or (num_iters > 1 and not feedback):
            raise ValueError(
                f'num_iters must be 1 without feedback and at least 1 with it, got {num_iters}.'
            )
        if pool < 1:
            raise ValueError(f'pool must be at least 1, got {pool}.')
        if activation not in ('relu', None):
            raise ValueError(f"activation must be 'relu' or None, got {activation!r}.")
        self.num_joints = num_joints
        self.num_iters = num_iters
        self.feedback = feedback
        self.encoder = _encoder(in_channels, conv_channels, pool) if in_channels else None

        encoded = (tuple(conv_channels)[-1:] or (in_channels,))[0] if in_channels else 0
        sizes = dict(pose=_ROTATION_6D, betas=num_betas, camera=3)
        width = (encoded or 0) + 3 * num_joints + (sum(sizes.values()) if feedback else 0)
        activations = [nn.ReLU(inplace=True)] if activation else []
        self.layers = nn.Sequential(
            *(nn.Linear(width, hidden_channels), *activations, nn.Dropout(dropout)),
            *(nn.Linear(hidden_channels, hidden_channels), *activations, nn.Dropout(dropout)),
        )
        self.decoders = nn.ModuleDict(
            {name: _decoder(hidden_channels, size) for name, size in sizes.items()}
        )
        for name, value in _mean_estimate(mean_params, num_betas).items():
            self.register_buffer(f'mean_{name}', value)

    def forward(self, features: Tensor | None, coords: Tensor | None) -> dict[str, Tensor]:
        """Estimate the parameters.

        Args:
            features: Feature map (B, C, h, w); None where there is none.
            coords: Joints (B, J, 3) in units of the volume; None where there are none.

        Returns:
            ``pose`` (B, 24, 3, 3), rotation matrices, the first the global orientation in the
            camera's axes; ``betas`` (B, 10); ``camera`` (B, 3): scale s and shift tx, ty, by which
            a point relative to the pelvis lies at ``s * (x + tx, y + ty)`` where -1 to 1 spans the
            crop.

        Raises:
            ValueError: If an input is missing.
        """
        inputs = []
        if self.encoder is not None:
            if features is None:
                raise ValueError('SMPLRegressor has in_channels, but was given no features.')
            inputs.append(self.encoder(features))
        if self.num_joints:
            if coords is None:
                raise ValueError('SMPLRegressor has num_joints, but was given no coords.')
            inputs.append(coords.flatten(1))
        batch = len(inputs[0])
        estimate = {name: getattr(self, f'mean_{name}').expand(batch, -1) for name in self.decoders}
        for _ in range(self.num_iters):
            known = [*inputs, *estimate.values()] if self.feedback else inputs
            hidden = self.layers(torch.cat(known, dim=1))
            estimate = {
                name: estimate[name] + decoder(hidden) for name, decoder in self.decoders.items()
            }
        # Half precision would not give rotations.
        pose = estimate['pose'].float().view(batch, smpl24.NUM_JOINTS, 6)
        return dict(
            pose=rotation_6d_to_matrix(pose),
            betas=estimate['betas'].float(),
            camera=estimate['camera'].float(),
        )


def _encoder(in_channels: int, conv_channels: Sequence[int], pool: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.AvgPool2d(pool)] if pool > 1 else []
    for channels in conv_channels:
        layers += [
            nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _decoder(in_channels: int, out_channels: int) -> nn.Linear:
    """A layer that begins by correcting next to nothing."""
    decoder = nn.Linear(in_channels, out_channels)
    nn.init.xavier_uniform_(decoder.weight, gain=0.01)
    nn.init.zeros_(decoder.bias)
    return decoder


def _mean_estimate(path: str | Path | None, num_betas: int) -> dict[str, Tensor]:
    """Where the estimate starts: 6D rotations (144,), betas and camera (3,)."""
    if path is None:
        pose = torch.eye(3).repeat(smpl24.NUM_JOINTS, 1, 1)
        pose[0] = torch.tensor(_FACING_CAMERA).diag()
        betas, camera = torch.zeros(num_betas), torch.tensor(_CAMERA)
    else:
        shapes = dict(pose=(_ROTATION_6D,), shape=(num_betas,), cam=(3,))
        found = _read_arrays(path, shapes)
        numbers = torch.from_numpy(found['pose']).float().view(smpl24.NUM_JOINTS, 6)
        pose = rotation_6d_to_matrix(numbers, layout='interleaved')
        betas, camera = (torch.from_numpy(found[name]).float() for name in ('shape', 'cam'))
    return dict(pose=matrix_to_rotation_6d(pose).flatten(), betas=betas, camera=camera)


def _read_arrays(path: str | Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Read finite arrays of some shapes from an npz file."""
    found = read_npz(str(path), list(shapes), what=f'the smpl_mean_params.npz of SPIN: {shapes}')
    wrong = {
        name: f'{found[name].dtype} {found[name].shape}'
        for name, shape in shapes.items()
        if found[name].shape != shape
        or found[name].dtype.kind not in 'fiu'
        or not np.isfinite(found[name]).all()
    }
    if wrong:
        raise ValueError(
            f'mean_params {path} must hold {shapes}, finite, as the smpl_mean_params.npz of SPIN '
            f'does; wrong: {wrong}.'
        )
    return found
