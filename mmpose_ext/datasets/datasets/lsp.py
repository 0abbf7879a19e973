"""Leeds Sports Pose, and its extended training set, out of their ``joints.mat``."""

import io
import os.path
import subprocess
import sys
from typing import Any

import numpy as np
from mmengine.fileio import exists, get_local_path
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmpose_ext.skeletons import lsp14

# scipy may end the process over a damaged file, so it reads in one of its own.
_READ = """
import io, sys, numpy, scipy.io
joints, out = scipy.io.loadmat(sys.argv[1]).get('joints'), io.BytesIO()
numpy.save(out, numpy.zeros(0) if joints is None else joints, allow_pickle=False)
sys.stdout.buffer.write(out.getvalue())
"""


def read_lsp(path: str, extended: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read the joints of LSP.

    In LSP every joint is labelled, hidden or not. In LSP-extended the third number is 1 for the
    joints that are labelled; the others have no place. Places are MATLAB's, whose first pixel
    is 1: one is taken off them, as MMPose does for MPII.

    Args:
        path (str): ``joints.mat`` with ``joints``: (3, 14, N) in LSP, (14, 3, N) in
            LSP-extended.
        extended (bool): Whether it is LSP-extended.

    Returns:
        tuple[np.ndarray, np.ndarray]: Keypoints (N, 14, 2) in px and whether they are labelled
        (N, 14) in 0 and 1, both float32; a keypoint that is not labelled is at 0.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, a labelled joint is not finite, or a mark is not 0
            or 1. Names the person by its position, from 0.
    """
    if not exists(path):
        raise FileNotFoundError(f'there is no annotation file {path}')
    with get_local_path(path) as local:
        done = subprocess.run([sys.executable, '-I', '-c', _READ, local], capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors='replace').strip().rpartition('\n')[2]
        reason = said or f'its reader ended with {done.returncode}'
        raise ValueError(f'{path} is no MATLAB file of LSP ({reason})')
    joints = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    layout = (lsp14.NUM_JOINTS, 3) if extended else (3, lsp14.NUM_JOINTS)
    found = joints.shape
    if len(found) != 3 or found[:2] != layout or joints.dtype.kind not in 'fiu':
        raise ValueError(
            f'{path} should hold joints of shape {(*layout, "N")}, got {found}. LSP-extended, '
            'with extended=True, has joints first, LSP has coordinates first.'
        )
    points = joints.transpose((2, 0, 1) if extended else (2, 1, 0)).astype(np.float64)
    labelled = points[..., 2] if extended else np.ones(points.shape[:2])
    for wrong, what in (
        (~np.isin(points[..., 2], (0, 1)), 'mark should be 0 or 1'),
        ((labelled == 1) & ~np.isfinite(points).all(axis=-1), 'place should be finite'),
    ):
        if wrong.any():
            person, joint = np.argwhere(wrong)[0]
            raise ValueError(
                f'{path}: person {person}, {lsp14.NAMES[joint]}: its {what}, got '
                f'{points[person, joint].tolist()}'
            )
    keypoints = np.where(labelled[..., None] == 1, points[..., :2] - 1, 0)
    return keypoints.astype(np.float32), labelled.astype(np.float32)


@DATASETS.register_module()
class LspDataset(BaseCocoStyleDataset):
    """Leeds Sports Pose (BMVC 2010) and LSP-extended (CVPR 2011), one person an image.

    There are no boxes: a person's is the one around its labelled keypoints (our choice).

    Args:
        ann_file (str): ``joints.mat``.
        extended (bool): Whether it is LSP-extended, whose images are ``im00001.jpg`` where
            those of LSP are ``im0001.jpg``. Defaults to False.
        **kwargs: Further arguments of ``BaseCocoStyleDataset``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, see :func:`read_lsp`; or if a person has fewer than
            two labelled keypoints: names its position.
    """

    METAINFO: dict = lsp14.METAINFO

    def __init__(self, ann_file: str = '', extended: bool = False, **kwargs: Any) -> None:
        self.extended = extended
        super().__init__(ann_file=ann_file, **kwargs)

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        keypoints, labelled = read_lsp(self.ann_file, self.extended)
        present = labelled[..., None] == 1
        low = np.where(present, keypoints, np.inf).min(axis=1)
        high = np.where(present, keypoints, -np.inf).max(axis=1)
        flat = np.flatnonzero((high <= low).any(axis=1))
        if len(flat):
            raise ValueError(
                f'{self.ann_file}: no box fits around the labelled joints of person {flat[0]}; '
                f'{int(labelled[flat[0]].sum())} of {lsp14.NUM_JOINTS} are labelled'
            )
        digits = 5 if self.extended else 4
        boxes = np.concatenate([low, high], axis=1).astype(np.float32)
        instances = [
            {
                'id': index,
                'img_id': index,
                'img_path': os.path.join(self.data_prefix['img'], f'im{index + 1:0{digits}d}.jpg'),
                'bbox': boxes[index, None],
                'bbox_score': np.ones(1, dtype=np.float32),
                'num_keypoints': int(labelled[index].sum()),
                'keypoints': keypoints[index, None],
                'keypoints_visible': labelled[index, None],
                'iscrowd': 0,
                'category_id': 1,
            }
            for index in range(len(keypoints))
        ]
        images = [{name: person[name] for name in ('img_id', 'img_path')} for person in instances]
        return instances, images
