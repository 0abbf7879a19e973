"""SMPL, SMPL-H and SMPL-X as one module: the thin door to the smplx library."""

import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmpose.registry import MODELS
from smplx.joint_names import JOINT_NAMES as SMPLX_JOINT_NAMES
from smplx.joint_names import SMPLH_JOINT_NAMES
from torch import Tensor, nn

from mmpose_ext.models.body_models.joint_sets import JointSet, joint_set
from mmpose_ext.models.body_models.model_file import MANNEQUINS, body_arrays, find_model_file
from mmpose_ext.models.body_models.skinning import (
    ancestors,
    blend_vertices,
    pose_joints,
    skin,
)
from mmpose_ext.skeletons import smpl24

# Joints of each model type. All share their first 22; where SMPL has two joints of the hands the
# others have fingers.
MODEL_TYPES = {'smpl': smpl24.NUM_JOINTS, 'smplh': 52, 'smplx': 55}
_NAMES_WITH_FINGERS = {'smplh': SMPLH_JOINT_NAMES, 'smplx': SMPLX_JOINT_NAMES}
_NUM_SHARED = 22


class BodyOutput(NamedTuple):
    """A posed body, in metres.

    Attributes:
        vertices (Tensor): (B, V, 3).
        smpl_joints (Tensor): SMPL's own joints (B, 24, 3).
        joints (Tensor): The joints that the body was asked for, (B, J, 3).
    """

    vertices: Tensor
    smpl_joints: Tensor
    joints: Tensor


@MODELS.register_module()
class SMPLBody(nn.Module):
    """A body from pose and shape (Loper et al., SMPL, SIGGRAPH Asia 2015).

    Model files are the user's; their licences do not let anybody else distribute them. The
    mannequin of this package has SMPL's joints and parameters and needs no file. What is read is
    held in buffers that no checkpoint contains. Computes in its own float32 under autocast.

    Alone and in ``eval`` mode parameters that are not finite are refused; while a network is
    trained nothing waits for that.

    Args:
        model_path (str | Path): A model file (``.npz``, ``.pkl``, the official ``.pkl``), a folder
            of such with smplx's names, ``'mannequin'`` (6890 vertices) or ``'mannequin-coarse'``
            (1600). Defaults to ``'mannequin'``.
        num_betas (int): Number S of shape coefficients. Defaults to 10.
        joints (str): The joints to give, see :func:`.joint_sets.joint_set`. Defaults to
            ``'h36m18'``.
        joint_regressor (str | Path | None): File of Human3.6M's joints from vertices, (17, V),
            for bodies that do not know them. Defaults to None.
        regressor_order (str): ``'mmpose'`` (right leg first) or ``'spin'``. Defaults to
            ``'mmpose'``.
        model_type (str): ``'smpl'``, ``'smplh'`` or ``'smplx'``. Hands and face of the latter two
            stay at rest; as SMPL's two joints of the hands they give the middle fingers' first
            (our choice). Defaults to ``'smpl'``.
        gender (str): Which file of a folder: ``'neutral'``, ``'female'`` or ``'male'``. Defaults
            to ``'neutral'``.

    Raises:
        FileNotFoundError: If there is no such model or regressor file.
        ValueError: If an argument is invalid, a file is damaged or holds code, or the regressor
            belongs to another body.

    Example:
        >>> body = SMPLBody('mannequin')
        >>> pose = axis_angle_to_matrix(torch.zeros(2, 24, 3))
        >>> body(pose[:, :1], pose[:, 1:], torch.zeros(2, 10)).joints.shape
        torch.Size([2, 18, 3])
    """

    v_template: Tensor
    lbs_weights: Tensor
    _directions: Tensor
    _rest_joints: Tensor
    _joint_directions: Tensor
    _ancestors: Tensor
    _smpl_rows: Tensor
    _used_vertices: Tensor
    _vertex_weights: Tensor
    _joint_weights: Tensor

    def __init__(
        self,
        model_path: str | Path = 'mannequin',
        num_betas: int = 10,
        joints: str = 'h36m18',
        joint_regressor: str | Path | None = None,
        regressor_order: str = 'mmpose',
        model_type: str = 'smpl',
        gender: str = 'neutral',
    ) -> None:
        super().__init__()
        if model_type not in MODEL_TYPES:
            raise ValueError(f'model_type should be one of {list(MODEL_TYPES)}, got {model_type!r}')
        if model_path not in MANNEQUINS and Path(model_path).is_dir():
            model_path = find_model_file(model_path, model_type, gender)
        arrays = body_arrays(model_path)
        num_joints = len(arrays['J_regressor'])
        if num_joints != MODEL_TYPES[model_type]:
            raise ValueError(
                f'{model_path} has {num_joints} joints, model_type={model_type!r} has '
                f'{MODEL_TYPES[model_type]}'
            )
        if not 1 <= num_betas <= arrays['shapedirs'].shape[-1]:
            raise ValueError(
                f'num_betas should be 1..{arrays["shapedirs"].shape[-1]} with {model_path}, got '
                f'{num_betas}'
            )
        self.model_path = str(model_path)
        self.model_type = model_type
        self.num_betas = num_betas
        self.faces = arrays['f'].astype(np.int64)
        self.joint_set = joint_set(joints, arrays, joint_regressor, regressor_order)
        self._keep_body(arrays)
        self._keep_joint_set(self.joint_set)
        self.eval()

    @property
    def num_vertices(self) -> int:
        """Number V of vertices."""
        return len(self.v_template)

    @property
    def num_joints(self) -> int:
        """Number J of the joints that are given."""
        return len(self.joint_set.names)

    def forward(
        self,
        global_orient: Tensor,
        body_pose: Tensor,
        betas: Tensor,
        transl: Tensor | None = None,
    ) -> BodyOutput:
        """Pose the body.

        Args:
            global_orient (Tensor): Rotations (B, 1, 3, 3) or (B, 3, 3) of the whole body.
            body_pose (Tensor): Rotations (B, 23, 3, 3) of SMPL's other joints. SMPL-H and SMPL-X
                use the first 21, and take (B, 21, 3, 3) too.
            betas (Tensor): Shape coefficients (B, S).
            transl (Tensor | None): Translations (B, 3) in metres. Defaults to None, zero.

        Returns:
            BodyOutput: Vertices, SMPL's joints and the joints asked for, in metres.

        Raises:
            ValueError: If a shape is wrong, or, in ``eval`` mode, a value is not finite.
        """
        self._check_parameters(global_orient, body_pose, betas, transl)
        with torch.autocast(betas.device.type, enabled=False):
            dtype = self.v_template.dtype
            betas = betas.to(dtype)
            pose = self._full_pose(global_orient, body_pose).to(dtype)
            all_joints, motions = pose_joints(
                self._rest_joints, self._joint_directions, self._ancestors, betas, pose
            )
            vertices = blend_vertices(self.v_template, self._directions, betas, pose)
            vertices = skin(vertices, motions, self.lbs_weights)
            joints = all_joints[:, self._smpl_rows]
            if transl is not None:
                shift = transl.to(dtype)[:, None]
                vertices, joints = vertices + shift, joints + shift
            return BodyOutput(vertices, joints, self.regress(vertices, joints))

    def regress(self, vertices: Tensor, smpl_joints: Tensor) -> Tensor:
        """Give the joints asked for of a posed body.

        Args:
            vertices (Tensor): (B, V, 3) in metres.
            smpl_joints (Tensor): SMPL's joints (B, 24, 3) in metres.

        Returns:
            Tensor: Joints (B, J, 3) in metres.
        """
        of_vertices = self._vertex_weights @ vertices[:, self._used_vertices]
        return of_vertices + self._joint_weights @ smpl_joints

    def without_skin(self) -> 'SMPLBody':
        """Give the same body with no more vertices than its joints are made of.

        Returns:
            SMPLBody: A body that gives the same joints, faster. Its ``faces`` are none, its
            buffers are those of now.
        """
        # Not a copy of the rest: what is large belongs to both.
        slim = copy.copy(self)
        slim._buffers = dict(self._buffers)
        used, directions = self._used_vertices, self._directions.unflatten(1, (-1, 3))
        slim.v_template, slim.lbs_weights = self.v_template[used], self.lbs_weights[used]
        slim._directions = directions[:, used].flatten(1)
        slim._used_vertices = torch.arange(len(used), device=used.device)
        slim.faces = self.faces[:0]
        return slim

    def extra_repr(self) -> str:
        """Say which body it is."""
        return f'{self.model_path!r}, {self.num_vertices} vertices, {self.num_joints} joints'

    def _keep(self, name: str, array: np.ndarray) -> None:
        dtype = torch.float32 if array.dtype.kind == 'f' else torch.int64
        self.register_buffer(name, torch.tensor(array, dtype=dtype).contiguous(), persistent=False)

    def _keep_body(self, arrays: dict[str, np.ndarray]) -> None:
        shapedirs = arrays['shapedirs'][..., : self.num_betas].astype(np.float64)
        posedirs = arrays['posedirs']
        parents = arrays['kintree_table'][0].astype(np.int64)
        parents[0] = -1
        regressor, template = arrays['J_regressor'], arrays['v_template']
        self._keep('v_template', template)
        self._keep('lbs_weights', arrays['weights'])
        self._keep('_ancestors', ancestors(parents))
        self._keep('_rest_joints', regressor @ template)
        joint_directions = np.einsum('jv,vks->sjk', regressor, shapedirs, optimize=True)
        self._keep('_joint_directions', joint_directions.reshape(self.num_betas, -1))
        directions = [shapedirs.reshape(-1, self.num_betas), posedirs.reshape(template.size, -1)]
        self._keep('_directions', np.concatenate(directions, 1).T)
        rows = np.arange(smpl24.NUM_JOINTS)
        if self.model_type != 'smpl':
            names = _NAMES_WITH_FINGERS[self.model_type]
            rows[_NUM_SHARED:] = names.index('left_middle1'), names.index('right_middle1')
        self._keep('_smpl_rows', rows)

    def _keep_joint_set(self, joints: JointSet) -> None:
        # Few vertices have a say in a joint: the others are not even read.
        of_vertices, of_joints = joints.vertex_weights, joints.joint_weights
        if of_vertices is None:
            of_vertices = np.zeros((self.num_joints, 0))
        if of_joints is None:
            of_joints = np.zeros((self.num_joints, smpl24.NUM_JOINTS))
        used = np.flatnonzero(of_vertices.any(0))
        self._keep('_used_vertices', used)
        self._keep('_vertex_weights', of_vertices[:, used])
        self._keep('_joint_weights', of_joints)

    def _full_pose(self, global_orient: Tensor, body_pose: Tensor) -> Tensor:
        pose = torch.cat([global_orient.reshape(-1, 1, 3, 3), body_pose], 1)
        if self.model_type == 'smpl':
            return pose
        at_rest = MODEL_TYPES[self.model_type] - _NUM_SHARED
        identity = torch.eye(3, dtype=pose.dtype, device=pose.device)
        rest = identity.expand(len(pose), at_rest, 3, 3)
        return torch.cat([pose[:, :_NUM_SHARED], rest], 1)

    def _check_parameters(
        self, global_orient: Tensor, body_pose: Tensor, betas: Tensor, transl: Tensor | None
    ) -> None:
        batch = len(betas)
        counts = (23,) if self.model_type == 'smpl' else (23, 21)
        expected: dict[str, tuple[Tensor | None, list[tuple[int, ...]]]] = {
            'global_orient': (global_orient, [(batch, 1, 3, 3), (batch, 3, 3)]),
            'body_pose': (body_pose, [(batch, count, 3, 3) for count in counts]),
            'betas': (betas, [(batch, self.num_betas)]),
            'transl': (transl, [(batch, 3)]),
        }
        given = {name: tensor for name, (tensor, _) in expected.items() if tensor is not None}
        for name, tensor in given.items():
            shapes = expected[name][1]
            if tuple(tensor.shape) not in shapes:
                raise ValueError(
                    f'{name} should have the shape {" or ".join(map(str, shapes))}, got '
                    f'{tuple(tensor.shape)}'
                )
        if self.training or torch.jit.is_tracing():
            return
        finite = torch.stack([tensor.isfinite().all() for tensor in given.values()])
        if not finite.all():  # one wait for the device, not four
            wrong = [name for name, good in zip(given, finite.tolist(), strict=True) if not good]
            raise ValueError(f'{" and ".join(wrong)} of the body should be finite, got NaN or inf')
