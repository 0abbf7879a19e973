"""Results as models give them, made up."""

from pathlib import Path

import mmpose
import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_ext.apis.inputs import Frame
from mmpose_ext.apis.mesh import MeshPrediction
from mmpose_ext.apis.people import People
from mmpose_ext.apis.results import PoseResult
from mmpose_ext.visualization.person3d import Crop

_METAINFO = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets/coco.py'
META = parse_pose_metainfo(dict(from_file=str(_METAINFO)))
SIZE = 60, 40
_TETRAHEDRON = np.array(((-0.5, -0.5, 3), (0.5, -0.5, 3), (0, 0.5, 3), (0, 0, 3.5)))


def people(count=1, size=SIZE, three_d=False, polarity=False, seed=0):
    """People side by side."""
    rng = np.random.default_rng(seed)
    left = size[0] / max(count, 1) * np.arange(count)
    corner = np.stack((left, np.full(count, 0.1 * size[1])), axis=1)
    extent = np.array((0.9 * size[0] / max(count, 1), 0.8 * size[1]))
    keypoints = corner[:, None] + extent * rng.uniform(0.1, 0.9, (count, 17, 2))
    return People(
        keypoints=keypoints,
        keypoint_scores=rng.uniform(0.5, 1, (count, 17)),
        boxes=np.concatenate((corner, corner + extent), axis=1),
        box_scores=rng.uniform(0.5, 1, count),
        joints_3d=rng.normal(0, 300, (count, 17, 3)) if three_d else None,
        part_polarity=rng.integers(-1, 2, (count, 14)) if polarity else None,
    )


def frame(name='a.jpg', index=None, size=SIZE, image=None):
    """A grey picture."""
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    return Frame(name, grey if image is None else image, index)


def result(name='a.jpg', count=1, *, index=None, size=SIZE, image=None, **settings):
    """A picture and its people."""
    return PoseResult.of(frame(name, index, size, image), people(count, size, **settings), META)


def crowd(name, seed):
    """Three people of a picture that is large enough for COCO's areas."""
    return result(name, 3, size=(640, 480), seed=seed)


def bodies(count=1, name='a.jpg', size=SIZE):
    """People with bodies, which are tetrahedra 3 m ahead."""
    found = people(count, size, three_d=True)
    K = np.array(((size[0], 0, size[0] / 2), (0, size[0], size[1] / 2), (0, 0, 1)), float)
    faces = np.array(((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)))
    meshes = tuple(
        MeshPrediction(
            box=found.boxes[person],
            crop=Crop(np.divide(size, 2), np.array(size, float)),
            keypoints=np.zeros((17, 3)),
            keypoint_scores=np.ones(17),
            joints=found.joints_3d[person],
            global_orient=np.zeros(3),
            body_pose=np.zeros(69),
            betas=np.zeros(10),
            transl=np.zeros(3),
            K=K,
            vertices=_TETRAHEDRON + np.array((0.4 * person, 0, 0)),
            faces=faces,
            smpl_joints=np.zeros((24, 3)),
        )
        for person in range(count)
    )
    settings = {name: getattr(found, name) for name in People.__dataclass_fields__}
    return PoseResult.of(frame(name, None, size), People(**settings | dict(meshes=meshes)), META)
