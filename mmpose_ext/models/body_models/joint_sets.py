"""Joints of a posed body: those of SMPL, and the ones that data sets label."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from smplx.vertex_ids import vertex_ids

from mmpose_ext.npz import read_npy, read_npz
from mmpose_ext.refusals import refusing
from mmpose_ext.skeletons import human36m18, lsp14, smpl24
from mmpose_ext.synthetic.skeleton import COCO_NAMES, JOINT_NAMES

NAMES = ('smpl24', 'h36m17', 'h36m18', 'coco17', 'lsp14')
ORDERS = ('mmpose', 'spin')

# Rows of SPIN's regressor that are MMPose's: it has the left leg first.
_FROM_SPIN = (0, 4, 5, 6, 1, 2, 3, *range(7, 17))
# Pairs (left, right) of MMPose's rows: hips, knees, ankles; shoulders, elbows, wrists.
_LEGS = ((4, 1), (5, 2), (6, 3))
_ARMS = ((11, 14), (12, 15), (13, 16))
# Points of the face in COCO's order, as smplx names them, and the bodies it knows them of.
_FACE = ('nose', 'leye', 'reye', 'lear', 'rear')
_FACE_OF = {6890: 'smplh', 10475: 'smplx'}


@dataclass(frozen=True)
class JointSet:
    """Joints as weighted sums of a posed body's vertices and of its own 24 joints.

    Attributes:
        names (tuple[str, ...]): Names of the K joints.
        vertex_weights (np.ndarray | None): (K, V), None where no vertex counts.
        joint_weights (np.ndarray | None): (K, 24), None where no joint of SMPL counts.
    """

    names: tuple[str, ...]
    vertex_weights: np.ndarray | None = None
    joint_weights: np.ndarray | None = None

    def take(self, names: tuple[str, ...], mixture: np.ndarray) -> 'JointSet':
        """Mix other joints of these.

        Args:
            names (tuple[str, ...]): Names of the L new joints.
            mixture (np.ndarray): Weights (L, K).

        Returns:
            JointSet: The new joints.
        """
        parts = (self.vertex_weights, self.joint_weights)
        return JointSet(names, *(None if part is None else mixture @ part for part in parts))


def joint_set(
    name: str,
    arrays: Mapping[str, np.ndarray],
    regressor: np.ndarray | str | Path | None = None,
    order: str = 'mmpose',
) -> JointSet:
    """Give the joints of a name for a body.

    Human3.6M's joints come from ``regressor``; else from what the body itself knows of them: the
    exact mixtures that a mannequin has, or a ``J_regressor_h36m``. COCO's are the mannequin's own
    mixtures, a ``J_regressor_coco``, or SMPL's joints with the points of the face that smplx
    knows. LSP's are Human3.6M's (the 14 common joints that 3DPW is evaluated
    on). The thorax of ``'h36m18'`` is the mean of the shoulders.

    Args:
        name (str): ``'smpl24'``, ``'h36m17'``, ``'h36m18'``, ``'coco17'`` or ``'lsp14'``.
        arrays (Mapping[str, np.ndarray]): The body, see :func:`.model_file.body_arrays`.
        regressor (np.ndarray | str | Path | None): Human3.6M's 17 joints from vertices, (17, V),
            or a ``.npy`` or ``.npz`` file of it. Defaults to None.
        order (str): Rows of a regressor: ``'mmpose'`` has the right leg first, ``'spin'``
            (SPIN, HMR, VIBE) the left one. Defaults to ``'mmpose'``.

    Returns:
        JointSet: The joints, in MMPose's order.

    Raises:
        FileNotFoundError: If there is no such regressor file.
        ValueError: If there is no such name, no regressor for this body, or it has another
            number of vertices, another order, or values that are not finite.
    """
    if name == 'smpl24':
        return JointSet(JOINT_NAMES, joint_weights=np.eye(smpl24.NUM_JOINTS))
    if name == 'coco17':
        return _coco17(arrays)
    if name not in NAMES:
        raise ValueError(f'joints should be one of {NAMES}, got {name!r}')
    h36m17 = _h36m17(arrays, regressor, order)
    if name == 'h36m17':
        return h36m17
    if name == 'lsp14':
        rows = [human36m18.FROM_LSP.index(k) for k in range(lsp14.NUM_JOINTS)]
        return h36m17.take(lsp14.NAMES, np.eye(17)[rows])
    thorax = np.zeros((1, 17))
    thorax[0, list(human36m18.MEANS[human36m18.THORAX])] = 0.5
    return h36m17.take(human36m18.NAMES, np.concatenate([np.eye(17), thorax]))


def _h36m17(
    arrays: Mapping[str, np.ndarray], regressor: np.ndarray | str | Path | None, order: str
) -> JointSet:
    if order not in ORDERS:
        raise ValueError(f'order of the regressor should be one of {ORDERS}, got {order!r}')
    names = human36m18.NAMES[:17]
    if regressor is None:
        if 'joint_mixture_h36m' in arrays:
            return _mixture('h36m', names, arrays)
        regressor = arrays.get('J_regressor_h36m')
    if regressor is None:
        raise ValueError(
            "this body has no regressor of Human3.6M's joints: give joint_regressor= a file "
            'J_regressor_h36m.npy (17, V), as SPIN and MMHuman3D distribute it, with '
            "regressor_order='spin' where the left leg comes first; the 'mannequin' needs none"
        )
    if isinstance(regressor, str | Path):
        with refusing(regressor, "regressor of Human3.6M's joints from this body"):
            return _h36m17(arrays, _load(regressor), order)
    weights = np.asarray(regressor)
    _check_regressor(weights, arrays['v_template'], order)
    weights = weights.astype(np.float64)
    return JointSet(names, vertex_weights=weights[list(_FROM_SPIN)] if order == 'spin' else weights)


def _coco17(arrays: Mapping[str, np.ndarray]) -> JointSet:
    if 'joint_mixture_coco' in arrays:
        return _mixture('coco', COCO_NAMES, arrays)
    if 'J_regressor_coco' in arrays:
        return JointSet(COCO_NAMES, vertex_weights=arrays['J_regressor_coco'])
    num_vertices = len(arrays['v_template'])
    if num_vertices not in _FACE_OF:
        raise ValueError(
            f"COCO's points of the face are known in bodies of {list(_FACE_OF)} vertices, this "
            f'one has {num_vertices}: give its file a J_regressor_coco (17, {num_vertices})'
        )
    of_vertices, of_joints = np.zeros((17, num_vertices)), np.zeros((17, smpl24.NUM_JOINTS))
    of_vertices[range(5), [vertex_ids[_FACE_OF[num_vertices]][name] for name in _FACE]] = 1
    of_joints[range(5, 17), [JOINT_NAMES.index(name) for name in COCO_NAMES[5:]]] = 1
    return JointSet(COCO_NAMES, of_vertices, of_joints)


def _mixture(key: str, names: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> JointSet:
    parts = []
    for part, columns in (('vertex', len(arrays['v_template'])), ('joint', smpl24.NUM_JOINTS)):
        weights = arrays.get(f'{part}_mixture_{key}')
        expected = (len(names), columns)
        if weights is None or weights.shape != expected:
            actual = None if weights is None else weights.shape
            raise ValueError(
                f'{part}_mixture_{key} of the body model should have the shape {expected}, got '
                f'{actual}'
            )
        parts.append(weights)
    return JointSet(names, *parts)


def _load(path: str | Path) -> np.ndarray:
    key = 'J_regressor_h36m'
    if Path(path).suffix == '.npz':
        what = f'a joint regressor: np.savez(..., {key}=array) with an array (17, V)'
        return read_npz(str(path), [key], what=what)[key]
    try:
        return read_npy(path, 'joint regressor, which is a .npy or .npz of a numeric array (17, V)')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'there is no joint regressor {path}') from error


def _check_regressor(weights: np.ndarray, template: np.ndarray, order: str) -> None:
    """Refuse a regressor of another body or another order of rows.

    In SMPL's T-pose the left side is at +x, so that the rows' sides can be told.
    """
    expected = (17, len(template))
    if weights.shape != expected:
        raise ValueError(
            f"a regressor of Human3.6M's joints for this body should have the shape {expected}, "
            f'got {weights.shape}: it belongs to another body model'
        )
    if weights.dtype.kind not in 'fiu' or not np.isfinite(weights).all():
        raise ValueError('the joint regressor should hold finite numbers only')
    x = (weights @ template)[:, 0]
    left_first = all(x[right] > x[left] for left, right in _LEGS)
    right_first = all(x[right] < x[left] for left, right in _LEGS)
    arms_agree = all(x[left] > x[right] for left, right in _ARMS)
    if not arms_agree or not (left_first or right_first):
        raise ValueError(
            "the rows of the joint regressor are not Human3.6M's 17 joints (pelvis, two legs, "
            'spine, neck, nose, head, left arm, right arm), or the template does not face +z '
            'with its left side at +x'
        )
    actual = 'spin' if left_first else 'mmpose'
    if actual != order:
        side = 'left' if left_first else 'right'
        raise ValueError(
            f'the joint regressor has the {side} leg first: its order is {actual!r}, got '
            f'{order!r}; give regressor_order={actual!r}'
        )
