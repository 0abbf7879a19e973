"""The mannequin as an SMPL model file."""

import os
import pickle
from pathlib import Path

import numpy as np
from scipy import sparse

from mmpose_ext.synthetic.body import BodyModel, build_body
from mmpose_ext.synthetic.skeleton import COCO_MIXTURE, H36M_MIXTURE, PARENTS

# What a .pkl holds as sparse matrices: most of their entries are 0.
_SPARSE_KEYS = ('J_regressor', 'vertex_mixture')


def smpl_arrays(body: BodyModel) -> dict[str, np.ndarray]:
    """Give the contents of an SMPL model file.

    Args:
        body (BodyModel): The body.

    Returns:
        dict[str, np.ndarray]: SMPL's keys, and besides J_regressor_coco and J_regressor_h36m
        (17, V), which are exact in the T-pose, and joint_mixture_* (17, 24) with
        vertex_mixture_* (17, V), which give the labels' keypoints exactly in every pose: the
        keypoints are joint_mixture @ posed joints + vertex_mixture @ posed vertices.
    """
    # The root has no parent: SMPL's files hold the largest 32-bit number there.
    parents = np.where(PARENTS < 0, 2**32 - 1, PARENTS)
    return {
        'v_template': body.v_template,
        'f': body.faces.astype(np.uint32),
        'weights': body.weights,
        'J_regressor': body.J_regressor,
        'J_regressor_coco': body.J_regressor_coco,
        'J_regressor_h36m': body.J_regressor_h36m,
        'shapedirs': body.shapedirs,
        'posedirs': body.posedirs.astype(np.float32),
        'kintree_table': np.stack([parents, np.arange(len(parents))]),
        'J': body.J_regressor @ body.v_template,
        **_mixtures('h36m', H36M_MIXTURE, body),
        **_mixtures('coco', COCO_MIXTURE, body),
    }


def _mixtures(name: str, mixture: np.ndarray, body: BodyModel) -> dict[str, np.ndarray]:
    num_joints = len(PARENTS)
    of_vertices = np.zeros((len(mixture), body.num_vertices))
    of_vertices[:, body.landmark_ids] = mixture[:, num_joints:]
    return {
        f'joint_mixture_{name}': mixture[:, :num_joints].copy(),
        f'vertex_mixture_{name}': of_vertices,
    }


def write_smpl_file(path: str | Path, body: BodyModel | None = None) -> None:
    """Write a model file that programs for SMPL can load.

    Args:
        path (str | Path): The file; ``.pkl`` as the ``smplx`` library reads it (numpy and
            scipy objects only), or ``.npz``.
        body (BodyModel | None): The body. Defaults to None: the one of 6890 vertices.

    Raises:
        ValueError: If the name ends neither in ``.pkl`` nor in ``.npz``.
        OSError: If the file cannot be written.

    Example:
        >>> write_smpl_file('SMPL_NEUTRAL.pkl')
        >>> smplx.create('SMPL_NEUTRAL.pkl', model_type='smpl')
    """
    path = Path(path)
    if path.suffix not in ('.pkl', '.npz'):
        raise ValueError(f'an SMPL file is a .pkl or an .npz, got {path.name!r}')
    arrays = smpl_arrays(body or build_body('full'))
    temporary = path.with_name(f'.{path.stem}.{os.getpid()}{path.suffix}')
    try:
        if path.suffix == '.npz':
            np.savez(temporary, **arrays)
        else:
            content: dict = dict(arrays)
            for key in [key for key in content if key.startswith(_SPARSE_KEYS)]:
                content[key] = sparse.csc_matrix(content[key])
            content['bs_type'], content['bs_style'] = 'lrotmin', 'lbs'
            temporary.write_bytes(pickle.dumps(content, protocol=4))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
