"""A tiny 3DPW in its official form, of mannequins: two people before a moving camera."""

import pickle

import numpy as np
import torch
from scipy.spatial.transform import Rotation

K = np.array([[1960.0, 0, 540], [0, 1960, 960], [0, 0, 1]])
FRAMES = 6


def sequence(body, seed=0):
    """A sequence whose jointPositions are those of the body at its parameters."""
    rng = np.random.default_rng(seed)
    camera = np.tile(np.eye(4), (FRAMES, 1, 1))
    # Half turned over, as 3DPW's cameras are: its world has y up.
    tilt = Rotation.from_rotvec((np.pi, 0, 0)) * Rotation.from_rotvec(rng.normal(0, 0.1, (6, 3)))
    camera[:, :3, :3], camera[:, :3, 3] = tilt.as_matrix(), (0.1, 0.2, 5)
    people = {name: [] for name in ('poses', 'betas', 'trans', 'jointPositions', 'poses2d')}
    for _ in range(2):
        poses, betas = rng.normal(0, 0.2, (FRAMES, 72)), rng.normal(0, 1, 10)
        trans = rng.normal(0, 0.3, (FRAMES, 3))
        rotations = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
        rotations = torch.from_numpy(rotations).float()
        repeated = torch.from_numpy(np.tile(betas, (FRAMES, 1))).float()
        joints = body(rotations[:, :1], rotations[:, 1:], repeated).smpl_joints.numpy()
        people['jointPositions'].append((joints + trans[:, None]).reshape(FRAMES, 72))
        people['poses'].append(poses)
        people['betas'].append(betas)
        people['trans'].append(trans)
        people['poses2d'].append(rng.uniform(0.4, 900, (FRAMES, 3, 18)))
    valid = [np.ones(FRAMES), np.array([1, 1, 0, 0, 1, 1])]
    return {
        **people,
        'sequence': f'outdoors_{seed:02d}',
        'genders': ['m', 'f'],
        'campose_valid': valid,
        'cam_poses': camera,
        'cam_intrinsics': K,
        'img_frame_ids': np.arange(FRAMES),
        'texture_poses': [],
    }


def write(folder, content, name='outdoors_00'):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{name}.pkl').write_bytes(pickle.dumps(content, protocol=2))
