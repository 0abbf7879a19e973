"""Made-up predictions of a 3D model, as TopdownPoseEstimator returns them."""

import cv2
import numpy as np
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.skeletons import human36m18

FOCAL, CENTER = np.array((300.0, 310.0)), np.array((100.0, 80.0))
SIZE = (200, 160)
META = parse_pose_metainfo(human36m18.METAINFO)
CODEC = HEMletsLabel()


def body(seed=0):
    """Joints (18, 3) in mm in camera space."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, (200, 400, 250), (18, 3))
    return joints - joints[0] + (150, -100, 5000)


def photo():
    """A photograph, BGR (h, w, 3)."""
    image = np.full((*SIZE[::-1], 3), 90, np.uint8)
    cv2.rectangle(image, (60, 30), (140, 130), (160, 140, 120), -1)
    return image


def prediction(seed=0, noise=0.0, hemlets_in='pred_instances', flat=False):
    """A data sample whose prediction is the truth, but for ``noise`` in px and 10 mm.

    With ``flat`` the truth has no depth. ``hemlets_in`` says where the maps are, None: nowhere.
    """
    joints = body(seed)
    pixels = joints[:, :2] / joints[:, 2:] * FOCAL + CENTER
    keypoints = np.concatenate([pixels, joints[:, 2:] - joints[0, 2]], axis=1)
    half = 1000 * FOCAL / joints[0, 2]
    box = np.concatenate([pixels[0] - half, pixels[0] + half])[None].astype(np.float32)
    shifts = np.random.default_rng(seed + 1).normal(0, noise, keypoints.shape) * (1, 1, 10)
    sample = PoseDataSample(
        metainfo=dict(
            img_path='images/1.jpg',
            ori_shape=SIZE[::-1],
            input_size=CODEC.input_size,
            input_center=pixels[0],
            input_scale=2 * half,
            focal=FOCAL,
            principal_pt=CENTER,
        )
    )
    sample.gt_instances = InstanceData(
        keypoints=(keypoints[:, :2] if flat else keypoints)[None],
        keypoints_visible=np.ones((1, 18), np.float32),
        bboxes=box,
        bbox_scales=2 * half[None].astype(np.float32),
    )
    if not flat:
        sample.gt_instances.lifting_target = joints[None].astype(np.float32) / 1000
        sample.gt_instances.lifting_target_visible = np.ones((1, 18), np.float32)
    sample.pred_instances = InstanceData(
        keypoints=(keypoints + shifts)[None].astype(np.float32),
        keypoint_scores=np.ones((1, 18), np.float32),
        bboxes=box,
        bbox_scores=np.ones(1, np.float32),
    )
    on_input = (keypoints - (*(pixels[0] - half), 0)) / (*(2 * half), 1) * (*CODEC.input_size, 1)
    maps = CODEC.encode(on_input[None])
    if hemlets_in is not None:
        sample.pred_fields = PixelData(heatmaps=maps['heatmaps'])
    if hemlets_in == 'pred_instances':
        sample.pred_instances.hemlets = maps['hemlets'][None]
    elif hemlets_in == 'pred_fields':
        sample.pred_fields.hemlets = maps['hemlets']
    return sample
