"""Errors of meshes: the per-vertex error (PVE), as it is or after a Procrustes alignment."""

import numpy as np

from mmpose_ext.evaluation.functional.pose3d_errors import joint_errors

MESH_ALIGNMENTS = ('none', 'procrustes')
# Meshes of SMPL's 6890 vertices that are aligned at a time: some 10 MB of float64.
_CHUNK = 16


def vertex_errors(pred: np.ndarray, gt: np.ndarray, alignment: str = 'none') -> np.ndarray:
    """Measure the distance of each predicted vertex from the true one.

    The mean of the distances is called PVE (per-vertex error), MPVE or V2V; after a similarity
    transform that fits the vertices best, PA-PVE. Few meshes at a time become float64, so that
    the memory needed does not grow with N but for the result.

    Args:
        pred (np.ndarray): Predicted vertices, (N, V, 3).
        gt (np.ndarray): True vertices, (N, V, 3).
        alignment (str): ``'none'``: as they lie; put the pelvises onto each other before, which
            is what papers report. ``'procrustes'``: rotated, scaled and moved.

    Returns:
        np.ndarray: Distances, float64 (N, V), in the unit of the vertices.

    Raises:
        ValueError: If the alignment is unknown or the shapes do not belong together.
    """
    if alignment not in MESH_ALIGNMENTS:
        raise ValueError(f'alignment must be one of {MESH_ALIGNMENTS}, got {alignment!r}.')
    if pred.ndim != 3 or pred.shape[2] != 3 or pred.shape != gt.shape or not pred.shape[1]:
        raise ValueError(
            f'expected the vertices of the same mesh, two arrays (N, V, 3), got {pred.shape} and '
            f'{gt.shape}.'
        )
    errors = np.empty(pred.shape[:2])
    for start in range(0, len(pred), _CHUNK):
        part = slice(start, start + _CHUNK)
        mask = np.ones(pred[part].shape[:2], dtype=bool)
        errors[part] = joint_errors(pred[part], gt[part], mask, alignment)
    return errors
