"""Annotation files of a mannequin dataset, in the formats that MMPose reads."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.labels import OUTSIDE, PersonLabels
from mmpose_ext.synthetic.skeleton import COCO_NAMES

# COCO's skeleton, as its annotation files number it: from 1.
_COCO_SKELETON = [
    *([16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9]),
    *([8, 10], [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7]),
]
CATEGORY = {
    'id': 1,
    'name': 'person',
    'supercategory': 'person',
    'keypoints': list(COCO_NAMES),
    'skeleton': _COCO_SKELETON,
}


@dataclass(frozen=True)
class LabelledImage:
    """An image of a dataset with its labels.

    Attributes:
        image_id (int): Number of the image, from 1.
        file_name (str): Name of the file, in the folder of its split.
        camera_name (tuple[str, str]): Subject and camera, the key in ``cameras.pkl``.
        camera (Camera): The camera.
        people (list[PersonLabels]): Labels of its people.
    """

    image_id: int
    file_name: str
    camera_name: tuple[str, str]
    camera: Camera
    people: list[PersonLabels]


def _rounded(values: np.ndarray) -> list[float]:
    """Round to a thousandth of a pixel, for short files."""
    return [round(float(x), 3) for x in np.ravel(values)]


def coco_annotation(labels: PersonLabels, annotation_id: int, image_id: int) -> dict:
    """Give a person's entry of a COCO keypoint file.

    Args:
        labels (PersonLabels): The labels.
        annotation_id (int): Number of the annotation, from 1.
        image_id (int): Number of the image.

    Returns:
        dict: The entry. A keypoint outside the image is (0, 0, 0), as in COCO.
    """
    visibility = labels.coco_visibility
    points = np.where(visibility[:, None] == OUTSIDE, 0, labels.coco)
    keypoints = [
        value
        for point, flag in zip(points, visibility, strict=True)
        for value in (*_rounded(point), int(flag))
    ]
    return {
        'id': annotation_id,
        'image_id': image_id,
        'category_id': 1,
        'iscrowd': 0,
        'keypoints': keypoints,
        'num_keypoints': int((visibility != OUTSIDE).sum()),
        'bbox': _rounded(labels.bbox),
        'amodal_bbox': _rounded(labels.amodal_bbox),
        'area': labels.area,
        'segmentation': labels.segmentation,
        'activity': labels.activity,
    }


def write_coco(path: Path, images: list[LabelledImage]) -> None:
    """Write a COCO keypoint file.

    People of whom no pixel is seen are left out.

    Args:
        path (Path): The file.
        images (list[LabelledImage]): The images.
    """
    annotations: list[dict] = []
    for image in images:
        for labels in image.people:
            if labels.area:
                annotations.append(coco_annotation(labels, len(annotations) + 1, image.image_id))
    content = {
        'info': {'description': 'mannequins of mmpose_ext', 'version': '1'},
        'licenses': [],
        'categories': [CATEGORY],
        'images': [
            {
                'id': image.image_id,
                'file_name': image.file_name,
                'width': image.camera.width,
                'height': image.camera.height,
            }
            for image in images
        ],
        'annotations': annotations,
    }
    path.write_text(json.dumps(content, separators=(',', ':')), encoding='utf-8')


def _people(images: list[LabelledImage]) -> list[tuple[LabelledImage, int, PersonLabels]]:
    """Spell out all people of whom something is seen: (image, number in it, labels)."""
    return [
        (image, number, labels)
        for image in images
        for number, labels in enumerate(image.people, start=1)
        if labels.area
    ]


def write_h36m(path: Path, images: list[LabelledImage], folder: str) -> None:
    """Write MMPose's npz layout of Human3.6M, for ``Human36mDataset``.

    Args:
        path (Path): The file. Its keys: imgname (N,), center (N, 2) and scale (N,) in
            pixels and in units of 200 pixels, part (N, 17, 3) in pixels with 1 where the
            keypoint is in the image (hidden or not), S (N, 17, 4) in camera space in
            metres, the fourth being 1.
        images (list[LabelledImage]): The images.
        folder (str): Folder of the images below ``images/``, the first part of imgname.
    """
    rows = [(image, labels) for image, _, labels in _people(images)]
    boxes = np.stack([labels.amodal_bbox for _, labels in rows])
    part = np.stack([np.column_stack([p.h36m, p.h36m_visibility != OUTSIDE]) for _, p in rows])
    points = np.stack([p.h36m_camera for _, p in rows])
    np.savez(
        path,
        imgname=np.array([f'{folder}/{image.file_name}' for image, _ in rows]),
        center=boxes[:, :2] + boxes[:, 2:] / 2,
        scale=boxes[:, 2:].max(1) * 1.2 / 200,
        part=part,
        S=np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1),
    )


def write_smpl(path: Path, images: list[LabelledImage], folder: str) -> None:
    """Write SMPL's parameters of all people, such that the body stands in camera space.

    Args:
        path (Path): The file. Its keys: imgname, image_id and person (N,), betas (N, 10),
            global_orient (N, 3), body_pose (N, 69), transl (N, 3) in metres, K (N, 3, 3) in
            pixels, R (N, 3, 3) and t (N, 3) from world (y up) to camera, bbox (N, 4),
            activity (N,).
        images (list[LabelledImage]): The images.
        folder (str): Folder of the images below ``images/``, the first part of imgname.
    """
    rows = _people(images)
    cameras = [image.camera for image, _, _ in rows]
    people = [labels for _, _, labels in rows]
    poses = np.stack([p.pose for p in people])
    np.savez(
        path,
        imgname=np.array([f'{folder}/{image.file_name}' for image, _, _ in rows]),
        image_id=np.array([image.image_id for image, _, _ in rows]),
        person=np.array([number for _, number, _ in rows]),
        betas=np.stack([p.betas for p in people]),
        global_orient=poses[:, 0],
        body_pose=poses[:, 1:].reshape(len(poses), 69),
        transl=np.stack([p.transl for p in people]),
        K=np.stack([c.K for c in cameras]),
        R=np.stack([c.R for c in cameras]),
        t=np.stack([c.t for c in cameras]),
        bbox=np.stack([p.bbox for p in people]),
        activity=np.array([p.activity for p in people]),
    )


def write_cameras(path: Path, images: list[LabelledImage]) -> None:
    """Write MMPose's ``cameras.pkl``: one camera for each image.

    As in MMPose, R turns camera space into the world, T is the place of the camera in
    metres, and ``x_camera = R.T @ (x_world - T)``. The world's y is up here.

    Args:
        path (Path): The file: a pickled dict of dicts of numpy arrays.
        images (list[LabelledImage]): The images.
    """
    cameras = {}
    for image in images:
        camera = image.camera
        cameras[image.camera_name] = {
            'R': camera.R.T.copy(),
            'T': camera.center[:, None],
            'c': camera.K[:2, 2:].copy(),
            'f': np.diag(camera.K)[:2, None].copy(),
            'k': np.zeros((3, 1)),
            'p': np.zeros((2, 1)),
            'w': camera.width,
            'h': camera.height,
            'name': f'camera{image.image_id}',
            'id': image.camera_name[1],
        }
    # Without the memo the bytes depend on values only, not on which objects are shared.
    with path.open('wb') as stream:
        pickler = pickle.Pickler(stream, protocol=4)
        pickler.fast = True
        pickler.dump(cameras)
