"""Exact labels of a picture: keypoints and what hides them, boxes, parameters."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.renderer import PROP_ID, Rendering
from mmpose_ext.synthetic.scene import Person, Scene
from mmpose_ext.synthetic.skeleton import (
    COCO_MIXTURE,
    H36M_MIXTURE,
    JOINT,
    PARENTS,
    children_of,
)

# COCO's visibility flags.
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2


@dataclass(frozen=True)
class PersonLabels:
    """What is known about a person in a picture.

    Attributes:
        activity (str): What the person does.
        coco (np.ndarray): COCO's keypoints (17, 2) in pixels.
        coco_visibility (np.ndarray): 0 outside, 1 hidden, 2 visible, (17,).
        h36m (np.ndarray): Keypoints in MMPose's Human3.6M order, (17, 2) in pixels.
        h36m_visibility (np.ndarray): Their visibility (17,).
        h36m_camera (np.ndarray): The same points (17, 3) in camera space, in metres.
        coco_camera (np.ndarray): COCO's keypoints (17, 3) in camera space, in metres.
        bbox (np.ndarray): Tight box (4,) of the pixels that show the person: x, y, w, h.
        amodal_bbox (np.ndarray): Box (4,) of the whole projected body, x, y, w, h; it may
            reach out of the image.
        area (int): Number of pixels that show the person.
        segmentation (list): Polygons of these pixels, COCO's way.
        betas (np.ndarray): SMPL's shape coefficients (10,).
        pose (np.ndarray): SMPL's axis-angle vectors (24, 3) such that the body stands in
            camera space; the first is the global orientation.
        transl (np.ndarray): SMPL's translation (3,) in camera space, in metres.
    """

    activity: str
    coco: np.ndarray
    coco_visibility: np.ndarray
    h36m: np.ndarray
    h36m_visibility: np.ndarray
    h36m_camera: np.ndarray
    coco_camera: np.ndarray
    bbox: np.ndarray
    amodal_bbox: np.ndarray
    area: int
    segmentation: list
    betas: np.ndarray
    pose: np.ndarray
    transl: np.ndarray


def _reach(mixture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give how deep each keypoint lies under the skin, and which parts lie over it.

    Returns:
        tuple[np.ndarray, np.ndarray]: Depths (K,) in metres, and masks (K, 256) by part
        id of the parts that do not hide the keypoint when they are that near to it.
    """
    radius = {
        **dict.fromkeys(('pelvis', 'spine1', 'spine2', 'spine3'), 0.19),
        **dict.fromkeys(('neck', 'head'), 0.13),
        **dict.fromkeys(('left_hip', 'right_hip'), 0.16),
        **dict.fromkeys(('left_shoulder', 'right_shoulder'), 0.11),
        **dict.fromkeys(('left_knee', 'right_knee'), 0.09),
        **dict.fromkeys(('left_ankle', 'right_ankle'), 0.085),
        **dict.fromkeys(('left_elbow', 'right_elbow'), 0.075),
        **dict.fromkeys(('left_wrist', 'right_wrist'), 0.06),
    }
    depths = np.zeros(len(mixture))
    own = np.zeros((len(mixture), 256), bool)
    names = list(JOINT)
    for row, weights in enumerate(mixture):
        main = int(weights.argmax())
        # Landmarks lie on the skin of the head; joints deep in their limb.
        joint = JOINT['head'] if main >= len(PARENTS) else main
        depths[row] = 0.02 if main >= len(PARENTS) and weights[main] == 1 else radius[names[joint]]
        kin = [joint, PARENTS[joint], *children_of(joint)]
        own[row, [k for k in kin if k >= 0]] = True
    return depths, own


_COCO_REACH, _H36M_REACH = _reach(COCO_MIXTURE), _reach(H36M_MIXTURE)


def keypoint_visibility(
    pixels: np.ndarray,
    depths: np.ndarray,
    reach: tuple[np.ndarray, np.ndarray],
    person: int,
    rendering: Rendering,
    focal: float,
) -> np.ndarray:
    """Tell what hides keypoints, by the z-buffer at the pixel that each falls on.

    A keypoint is hidden if a surface lies before it, other than the skin of its own limb
    that lies over it anyway: the same person's, of the same or a neighbouring part, and no
    farther before it than the limb is thick. The slant of the skin within a pixel is
    allowed for.

    Args:
        pixels (np.ndarray): Keypoints (K, 2) in pixels.
        depths (np.ndarray): Their depths (K,) in metres.
        reach (tuple[np.ndarray, np.ndarray]): For each keypoint how deep (K,) it lies
            under the skin in metres, and its own parts (K, 256).
        person (int): The person's id in the rendering, from 1.
        rendering (Rendering): The picture.
        focal (float): Focal length in pixels.

    Returns:
        np.ndarray: 0 outside the image, 1 hidden, 2 visible; (K,) int64.
    """
    H, W = rendering.depth.shape
    column, row = np.rint(pixels).astype(np.int64).T
    within = (column >= 0) & (column < W) & (row >= 0) & (row < H)
    column, row = np.clip(column, 0, W - 1), np.clip(row, 0, H - 1)
    surface = rendering.depth[row, column]
    own = rendering.person_id[row, column] == person
    own &= reach[1][np.arange(len(pixels)), rendering.part_id[row, column]]
    allowance = np.where(own, reach[0] + 2 * depths / focal, 0.0)
    hidden = surface < depths - allowance
    return np.where(within, np.where(hidden, HIDDEN, VISIBLE), OUTSIDE)


def _box_of(mask: np.ndarray) -> np.ndarray:
    """Give the tight box (x, y, w, h) of a mask; zeros where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4)
    x, y = columns[0], rows[0]
    return np.array([x, y, columns[-1] + 1 - x, rows[-1] + 1 - y], dtype=np.float64)


def _polygons(mask: np.ndarray) -> list[list[int]]:
    """Give the outlines of a mask as COCO's polygons."""
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    return [line.ravel().tolist() for line in outlines if len(line) >= 3]


def keypoints_3d(joints: np.ndarray, landmarks: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Mix keypoints from joints and landmarks.

    Args:
        joints (np.ndarray): SMPL's joints (24, 3).
        landmarks (np.ndarray): Points of the skin (6, 3) in the order of LANDMARK_NAMES.
        mixture (np.ndarray): Weights (K, 30).

    Returns:
        np.ndarray: Keypoints (K, 3).
    """
    return mixture @ np.concatenate([joints, landmarks])


def smpl_in_camera(person: Person, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Give SMPL's pose (24, 3) and translation (3,) that put a person into camera space.

    The pelvis is the origin of the body, so that no offset comes in.
    """
    pose = person.pose.copy()
    pose[0] = Rotation.from_matrix(
        camera.R @ Rotation.from_rotvec(person.pose[0]).as_matrix()
    ).as_rotvec()
    return pose, camera.to_camera(person.transl)


def label_person(scene: Scene, number: int, rendering: Rendering, body: BodyModel) -> PersonLabels:
    """Label a person of a scene.

    Args:
        scene (Scene): The scene.
        number (int): The person's id, from 1.
        rendering (Rendering): The picture of the scene.
        body (BodyModel): The body.

    Returns:
        PersonLabels: The labels.

    Raises:
        ValueError: If there is no such person.
    """
    if not 1 <= number <= min(len(scene.people), PROP_ID - 1):
        raise ValueError(f'person {number} is not among the {len(scene.people)} of the scene')
    person, camera = scene.people[number - 1], scene.camera
    joints = camera.to_camera(person.joints)
    landmarks = camera.to_camera(person.vertices[body.landmark_ids])
    labels = []
    for mixture, reach in ((COCO_MIXTURE, _COCO_REACH), (H36M_MIXTURE, _H36M_REACH)):
        points = keypoints_3d(joints, landmarks, mixture)
        pixels = camera.project(points)
        visibility = keypoint_visibility(
            pixels, points[:, 2], reach, number, rendering, camera.K[0, 0]
        )
        labels.append((pixels, visibility, points))
    outline = camera.project(camera.to_camera(person.vertices))
    low, high = outline.min(0), outline.max(0)
    mask = rendering.person_id == number
    pose, transl = smpl_in_camera(person, camera)
    return PersonLabels(
        activity=person.activity,
        coco=labels[0][0],
        coco_visibility=labels[0][1],
        h36m=labels[1][0],
        h36m_visibility=labels[1][1],
        h36m_camera=labels[1][2],
        coco_camera=labels[0][2],
        bbox=_box_of(mask),
        amodal_bbox=np.concatenate([low, high - low]),
        area=int(mask.sum()),
        segmentation=_polygons(mask),
        betas=person.betas,
        pose=pose,
        transl=transl,
    )
