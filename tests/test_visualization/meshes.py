"""Simple bodies: a ball and a box, and the mannequin in predictions."""

import numpy as np
import torch
from persons import prediction
from trimesh import creation

from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix


def ball(radius=0.5, center=(0.0, 0.0, 4.0)):
    """Vertices (V, 3) in metres and triangles (F, 3)."""
    mesh = creation.icosphere(subdivisions=4, radius=radius)
    return np.asarray(mesh.vertices) + center, np.asarray(mesh.faces)


def box(width, height, depth, center=(0.0, 0.0, 4.0)):
    """Vertices (8, 3) in metres and triangles (12, 3): x across, y down, z ahead."""
    mesh = creation.box((width, height, depth))
    return np.asarray(mesh.vertices) + center, np.asarray(mesh.faces)


def camera(focal=100.0, center=(31.5, 23.5)):
    return np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]])


def body_prediction(seed=0, labelled=True):
    """A sample of ``persons``, its predicted and its true body the same up to the place."""
    sample = prediction(seed)
    # A square crop, as the network has it.
    scale = np.full(2, sample.input_scale.max(), np.float32)
    sample.set_metainfo(dict(input_scale=scale))
    corners = np.concatenate((sample.input_center - scale / 2, sample.input_center + scale / 2))
    for instances in (sample.pred_instances, sample.gt_instances):
        instances.bboxes = corners[None].astype(np.float32)
    sample.gt_instances.bbox_scales = scale[None]
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.2, (1, 24, 3)).astype(np.float32)
    vectors[0, 0] = (np.pi, 0, 0)
    betas = rng.normal(0, 1, (1, 10)).astype(np.float32)
    pose = axis_angle_to_matrix(torch.from_numpy(vectors))
    sample.pred_instances.smpl_pose = pose.numpy()
    sample.pred_instances.smpl_betas = betas
    sample.pred_instances.smpl_camera = np.array([[0.9, 0.05, -0.1]], np.float32)
    if labelled:
        sample.gt_instances.smpl_pose = vectors
        sample.gt_instances.smpl_betas = betas
        sample.gt_instances.has_smpl = np.ones(1, np.float32)
    return sample
