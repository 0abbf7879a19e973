"""One person of a data sample, put into his crop: what the pictures of 3D poses are made of."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_warp_matrix

from mmpose_ext.codecs.functional.hemlets import UNKNOWN, decode_polarity, polarity_from_depth
from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.evaluation.functional.restore_3d import back_project

_MM = 1000.0


@dataclass(frozen=True)
class Crop:
    """The part of a photograph that the network sees.

    Attributes:
        center (np.ndarray): Its centre in pixels of the photograph, (2,).
        scale (np.ndarray): Its width and height in pixels of the photograph, (2,).
    """

    center: np.ndarray
    scale: np.ndarray

    def warp_to(self, size: tuple[int, int]) -> np.ndarray:
        """Give the transform (2, 3) from the photograph to a picture of ``size`` (w, h)."""
        return get_warp_matrix(self.center, self.scale, 0, size)

    def cut(self, photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Cut a picture (h, w, 3) of ``size`` (w, h) out of a photograph (H, W, 3)."""
        return cv2.warpAffine(photo, self.warp_to(size), size, flags=cv2.INTER_LINEAR)

    def place(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Turn points (..., 2) of the photograph into pixels of a picture of ``size`` (w, h)."""
        warp = self.warp_to(size)
        return np.asarray(points)[..., :2] @ warp[:, :2].T + warp[:, 2]


@dataclass(frozen=True)
class Person3D:
    """A person, predicted or true.

    Attributes:
        points (np.ndarray): Joints in pixels of the photograph, (J, 2).
        scores (np.ndarray): Scores or visibilities, (J,).
        joints (np.ndarray | None): Joints in mm relative to the root, camera axes, (J, 3); NaN
            where one is not labelled.
        polarity (np.ndarray | None): Polarity of each part, (P,), -2 where unknown.
        visible (np.ndarray): Joints that have a place in the photograph, bool (J,): all that are
            predicted, whatever their scores, or those that are labelled.
    """

    points: np.ndarray
    scores: np.ndarray
    joints: np.ndarray | None
    polarity: np.ndarray | None
    visible: np.ndarray


def crop_of(sample: PoseDataSample, index: int = 0) -> Crop:
    """Tell which part of the photograph the network saw.

    Where MMPose has merged several people into a sample, which keeps the crop of the first only,
    the crop is made again out of the person's box.

    Args:
        sample (PoseDataSample): A prediction of a top-down model.
        index (int): Which of its people. Defaults to 0.

    Returns:
        Crop: The crop.

    Raises:
        ValueError: If the sample tells neither crop nor box.
    """
    if len(sample.pred_instances) == 1 and 'input_center' in sample and 'input_scale' in sample:
        return Crop(np.ravel(sample.input_center), np.ravel(sample.input_scale))
    if 'bboxes' not in sample.pred_instances:
        raise ValueError(
            'a person needs a crop: input_center and input_scale in the meta information '
            f'(PackPoseInputs packs them) or bboxes in pred_instances; person {index} has neither'
        )
    box = as_array(sample.pred_instances.bboxes)[index]
    scale = box[2:] - box[:2]
    if 'bbox_scales' in sample.get('gt_instances', ()):
        scale = as_array(sample.gt_instances.bbox_scales)[index]
    aspect = np.divide(*sample.get('input_size', (1, 1)))
    width = max(scale[0], scale[1] * aspect)
    return Crop((box[:2] + box[2:]) / 2, np.array((width, width / aspect)))


def predicted_person(sample: PoseDataSample, codec: HEMletsLabel, index: int = 0) -> Person3D:
    """Read a prediction.

    Where the sample holds camera and true root depth, the joints are restored with them; else
    as if the camera were far away (weak perspective), a crop's width being the codec's depth.

    Args:
        sample (PoseDataSample): A prediction of a 3D model: ``pred_instances.keypoints``
            (N, J, 3), pixels of the photograph and mm relative to the root.
        codec (HEMletsLabel): The model's codec.
        index (int): Which of its people. Defaults to 0.

    Returns:
        Person3D: The person. Polarities are ``pred_instances.part_polarity``, or else read from
        the HEMlets of ``pred_instances`` or ``pred_fields``, or else None.

    Raises:
        ValueError: If keypoints are not in 3D or not finite.
    """
    instances = sample.pred_instances
    keypoints = as_array(instances.keypoints)[index].astype(np.float64)
    if keypoints.shape[-1] != 3:
        raise ValueError(
            f'keypoints of a 3D model are (N, J, 3), got {np.shape(instances.keypoints)}; for 2D '
            'models use PoseLocalVisualizer'
        )
    if not np.isfinite(keypoints).all():
        raise ValueError('the predicted keypoints are NaN or infinite: the model has diverged')
    crop = crop_of(sample, index)
    truth = true_joints(sample, index)
    if truth is not None and 'focal' in sample and 'principal_pt' in sample:
        root_depth = truth[0][codec.root_index : codec.root_index + 1, 2]
        camera = np.ravel(sample.focal), np.ravel(sample.principal_pt)
        joints = back_project(keypoints[None], root_depth, *camera)[0]
    else:
        mm_per_px = codec.depth_bound / crop.scale[0]
        joints = keypoints * (mm_per_px, mm_per_px, 1.0)
    return Person3D(
        points=keypoints[:, :2],
        scores=as_array(instances.keypoint_scores)[index],
        joints=joints - joints[codec.root_index],
        polarity=_predicted_polarity(sample, codec, index, crop),
        visible=np.ones(len(keypoints), bool),
    )


def true_person(sample: PoseDataSample, codec: HEMletsLabel, index: int = 0) -> Person3D | None:
    """Read the truth.

    Args:
        sample (PoseDataSample): ``gt_instances`` hold keypoints (N, J, 2 or 3) in pixels of the
            photograph, ``keypoints_visible`` and, where the depth is known, ``lifting_target``
            (N, J, 3) in metres, camera space, and ``lifting_target_visible``.
        codec (HEMletsLabel): The model's codec: it says how depth becomes polarity.
        index (int): Which of the people. Defaults to 0.

    Returns:
        Person3D | None: The person; None where nothing is known. Without a depth all polarities
        are unknown.
    """
    instances = sample.get('gt_instances', None)
    if instances is None or 'keypoints' not in instances:
        return None
    points = as_array(instances.keypoints)[index][:, :2].astype(np.float64)
    scores = np.ones(len(points))
    if 'keypoints_visible' in instances:
        scores = as_array(instances.keypoints_visible)[index].reshape(len(points), -1)[:, 0]
    found = true_joints(sample, index)
    if found is None:
        return Person3D(points, scores, None, np.full(len(codec.parts), UNKNOWN), scores > 0)
    joints, visible = found
    parent, child = codec.parts.T
    lengths = None
    if codec.eps_mode == 'bone_ratio':
        lengths = np.linalg.norm(joints[child] - joints[parent], axis=-1)
    polarity = polarity_from_depth(joints[:, 2], codec.parts, codec.eps, codec.closer_is, lengths)
    polarity = np.where(visible[codec.parts].all(axis=1), polarity, UNKNOWN)
    relative = np.where(visible[:, None], joints - joints[codec.root_index], np.nan)
    return Person3D(points, scores, relative, polarity, scores > 0)


def true_joints(sample: PoseDataSample, index: int = 0) -> tuple[np.ndarray, np.ndarray] | None:
    """Read the true joints in camera space.

    Args:
        sample (PoseDataSample): See :func:`true_person`.
        index (int): Which of the people. Defaults to 0.

    Returns:
        tuple[np.ndarray, np.ndarray] | None: Joints in mm (J, 3), and which of them are labelled,
        bool (J,); None where the depth is not known.
    """
    instances = sample.get('gt_instances', None)
    if instances is None or 'lifting_target' not in instances:
        return None
    joints = as_array(instances.lifting_target)[index].astype(np.float64) * _MM
    if 'lifting_target_visible' not in instances:
        return joints, np.ones(len(joints), bool)
    return joints, as_array(instances.lifting_target_visible)[index].reshape(len(joints)) > 0


def predicted_maps(
    sample: PoseDataSample, name: str, size: tuple[int, int], index: int = 0
) -> np.ndarray | None:
    """Find the maps that a model predicted.

    MMPose's ``merge_data_samples``, which its visualisation hook calls, keeps of ``pred_fields``
    the heatmaps only, and those warped onto the whole photograph; ``pred_instances`` it keeps.

    Args:
        sample (PoseDataSample): A prediction with ``output_heatmaps``.
        name (str): ``'heatmaps'`` or ``'hemlets'``.
        size (tuple[int, int]): Size of the maps (w, h) in pixels.
        index (int): Which of the people. Defaults to 0.

    Returns:
        np.ndarray | None: Maps (C, h, w) of the person's crop, if there are any.
    """
    if name in sample.pred_instances:
        return as_array(sample.pred_instances.get(name))[index]
    if name not in sample.get('pred_fields', ()):
        return None
    maps = as_array(sample.pred_fields.get(name))
    if maps.shape[1:] == size[::-1]:
        return maps
    warp = crop_of(sample, index).warp_to(size)
    return np.stack([cv2.warpAffine(one, warp, size) for one in maps])


def as_array(values: np.ndarray | torch.Tensor) -> np.ndarray:
    """Bring an array or a tensor of any device into NumPy.

    Args:
        values (np.ndarray | torch.Tensor): Values.

    Returns:
        np.ndarray: The same.
    """
    if isinstance(values, torch.Tensor):
        return values.detach().float().cpu().numpy()
    return np.asarray(values)


def _predicted_polarity(
    sample: PoseDataSample, codec: HEMletsLabel, index: int, crop: Crop
) -> np.ndarray | None:
    instances: InstanceData = sample.pred_instances
    if 'part_polarity' in instances:
        return as_array(instances.part_polarity)[index].astype(int)
    hemlets = predicted_maps(sample, 'hemlets', codec.heatmap_size, index)
    if hemlets is None:
        return None
    points = crop.place(as_array(instances.keypoints)[index], codec.input_size)
    on_map = points * np.divide(codec.heatmap_size, codec.input_size)
    return decode_polarity(hemlets, on_map[codec.parts[:, 1]])
