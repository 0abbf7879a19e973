"""From an image to bodies."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseModel
from mmpose.apis import inference_topdown, init_model
from mmpose.structures import PoseDataSample

from mmpose_ext.apis.detection import Boxes
from mmpose_ext.apis.loading import require_fit
from mmpose_ext.models.body_models.rotations import matrix_to_axis_angle
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.mesh_person import default_camera, predicted_mesh
from mmpose_ext.visualization.person3d import Crop, crop_of, predicted_person
from mmpose_ext.visualization.sheets import read_photo


@dataclass(frozen=True)
class MeshPrediction:
    """A person as a model sees him. J joints, V vertices; lengths in metres but where it says mm.

    Attributes:
        box (np.ndarray): Box x1, y1, x2, y2 (4,) in pixels of the image, padding included.
        crop (Crop): The part of the image that the network saw.
        keypoints (np.ndarray): Joints of the volume (J, 3): x and y in pixels of the image, depth
            relative to the pelvis in mm.
        keypoint_scores (np.ndarray): Their scores (J,).
        joints (np.ndarray): Joints of the volume in mm (J, 3), relative to the pelvis.
        global_orient (np.ndarray): SMPL's parameters: orientation (3,), axis-angle, camera space.
        body_pose (np.ndarray): Rotations (69,) of the other 23 joints, axis-angle.
        betas (np.ndarray): Shape (B,).
        transl (np.ndarray): Translation (3,): ``smplx`` with these parameters gives ``vertices``.
        K (np.ndarray): Intrinsics (3, 3) that it was put before, pixels of the image.
        vertices (np.ndarray): Vertices (V, 3), camera space: x right, y down, z ahead.
        faces (np.ndarray): Triangles (F, 3).
        smpl_joints (np.ndarray): Joints (J, 3) of the body, camera space.
    """

    box: np.ndarray
    crop: Crop
    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    joints: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    K: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    smpl_joints: np.ndarray


def load_mesh_model(config: str | Path, checkpoint: str | Path, device: str = 'cpu') -> BaseModel:
    """Load a model that predicts bodies.

    Args:
        config (str | Path): Config of a top-down model with ``PoShHead``.
        checkpoint (str | Path): Its checkpoint.
        device (str): Where the model runs. Defaults to ``'cpu'``.

    Returns:
        BaseModel: The model.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the checkpoint is not one of the config's model, or that has no body.
    """
    require_fit(config, checkpoint)
    model = init_model(str(config), str(checkpoint), device=device)
    body_of(model)
    return model


def body_of(model: BaseModel) -> SMPLBody:
    """Give the body of a model.

    Args:
        model (BaseModel): A top-down model with ``PoShHead``.

    Returns:
        SMPLBody: Its body.

    Raises:
        ValueError: If it has none.
    """
    head = getattr(model, 'head', None)
    body = getattr(head, 'body_model', None)
    if not isinstance(body, SMPLBody):
        raise ValueError(
            'a model whose head has a body_model is needed, such as PoShHead, got '
            f'{type(model).__name__} with {type(head).__name__}'
        )
    return body


def infer_meshes(
    model: BaseModel,
    image: str | Path | np.ndarray,
    boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
    *,
    K: np.ndarray | None = None,
    padding: float = 1.0,
    refine: bool = False,
) -> list[MeshPrediction]:
    """Predict the bodies of the people of an image.

    Boxes become square crops about their middles. The network was trained on crops that are 2 m
    wide at the person, and the volume of its joints is taken to be as wide: where boxes are tight,
    as detectors give them, a ``padding`` of about 1.2 makes them so. With boxes of another size
    the joints have a wrong scale, and so have the bodies that ``refine`` fits to them.

    Args:
        model (BaseModel): A top-down model with ``PoShHead``, as ``mmpose.apis.init_model`` gives.
        image (str | Path | np.ndarray): Image file, or BGR image (H, W, 3) uint8.
        boxes (Sequence | np.ndarray | None): Boxes x1, y1, x2, y2 (N, 4) in pixels. Defaults to
            None: the whole image is one.
        K (np.ndarray | None): Intrinsics (3, 3) of the image in pixels. Defaults to None: a focal
            length of the longer side, see
            :func:`~mmpose_ext.visualization.mesh_person.default_camera`. A wrong focal length
            puts people too near or too far; their shapes and poses do not depend on it.
        padding (float): Factor by which boxes grow. Defaults to 1.
        refine (bool): Whether to fit each body to the joints of the volume, for which the boxes,
            padded, must be 2 m wide at the person. Defaults to False.

    Returns:
        list[MeshPrediction]: A prediction for each box.

    Raises:
        ValueError: If the model has no body, a box is empty or out of the image, or an argument
            is out of range.
        FileNotFoundError: If the image is missing or cannot be read.
    """
    body = body_of(model)
    photo = as_photo(image)
    H, W = photo.shape[:2]
    found = _check_boxes(boxes, (W, H), padding)
    K = default_camera((W, H)) if K is None else np.asarray(K, dtype=np.float64)
    if K.shape != (3, 3) or not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0):
        raise ValueError(f'K must be intrinsics (3, 3) with positive focal lengths, got {K}')
    with _refinement(model, refine):
        samples = inference_topdown(model, photo, found.astype(np.float32))
    return [
        read_mesh(sample, model, body, K, box) for sample, box in zip(samples, found, strict=True)
    ]


def as_photo(image: str | Path | np.ndarray) -> np.ndarray:
    """Read an image, or check one that is read already.

    Args:
        image (str | Path | np.ndarray): A file, or the image itself.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If the file is missing or no image.
        ValueError: If the array is no such image.
    """
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f'an image is BGR (H, W, 3) uint8, got {image.shape} {image.dtype}')
        return image
    return read_photo(image)


def _check_boxes(
    boxes: Sequence[Sequence[float]] | np.ndarray | None, size: tuple[int, int], padding: float
) -> np.ndarray:
    """Give boxes (N, 4) in pixels, padded."""
    if not 0.5 <= padding <= 4:
        raise ValueError(f'padding is a factor from 0.5 to 4, got {padding}')
    found = Boxes.of([(0, 0, *size)] if boxes is None else boxes).within(size)
    if not len(found):
        raise ValueError('boxes must be (N, 4) as x1, y1, x2, y2 of at least one person, got none')
    return found.grown(padding).boxes


@contextmanager
def _refinement(model: BaseModel, refine: bool) -> Iterator[None]:
    """Switch the fitting of bodies on or off for a while."""
    before = model.test_cfg
    model.test_cfg = {**(before or {}), 'refine': dict(prior=True) if refine else None}
    try:
        yield
    finally:
        model.test_cfg = before


def read_mesh(
    sample: PoseDataSample, model: BaseModel, body: SMPLBody, K: np.ndarray, box: np.ndarray
) -> MeshPrediction:
    """Read the body of one person.

    Args:
        sample (PoseDataSample): A prediction of the model, of one person.
        model (BaseModel): A top-down model with ``PoShHead``.
        body (SMPLBody): Its body, see :func:`body_of`.
        K (np.ndarray): Intrinsics (3, 3) of the photograph in pixels.
        box (np.ndarray): Box x1, y1, x2, y2 (4,) of the person in pixels, padding included.

    Returns:
        MeshPrediction: The body.

    Raises:
        ValueError: If there is no body in the prediction, or it is not finite.
    """
    person, mesh = predicted_person(sample, model.head.decoder), predicted_mesh(sample, body, K)
    instances = sample.pred_instances
    pose = matrix_to_axis_angle(torch.as_tensor(instances.smpl_pose[0])).cpu().numpy()
    return MeshPrediction(
        box=box,
        crop=crop_of(sample),
        keypoints=np.asarray(instances.keypoints[0], dtype=np.float64),
        keypoint_scores=person.scores,
        joints=np.asarray(person.joints),
        global_orient=pose[0],
        body_pose=pose[1:].ravel(),
        betas=np.asarray(instances.smpl_betas[0]),
        transl=mesh.transl,
        K=K,
        vertices=mesh.vertices,
        faces=body.faces,
        smpl_joints=mesh.joints,
    )
