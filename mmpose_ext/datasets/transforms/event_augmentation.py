"""Augmentation of samples of an event camera."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS
from scipy.spatial.transform import Rotation

from mmpose_ext.models.body_models.rotations import mirror_smpl_pose
from mmpose_ext.skeletons import dhp19, smpl24

_FLIP_INDICES = {
    smpl24.NUM_JOINTS: list(smpl24.FLIP_INDICES),
    dhp19.NUM_JOINTS: list(dhp19.FLIP_INDICES),
}


@TRANSFORMS.register_module()
class EventShiftScaleRotate(BaseTransform):
    """Shift, scale and rotate events and gray pictures alike, for the flow network.

    The authors' augmentation: always on, outside is 0. Events stay 0 and 1 (nearest pixel), gray
    is interpolated (our choice for the events). Flow is not turned along, so that samples with
    true flow are refused; poses too.

    Required keys: ``events`` (C, H, W), ``gray`` (2, H, W), both modified, and ``test_mode``: there
    nothing is done.

    Args:
        shift (float): Up to which share of width and height it is shifted. Defaults to 0.2.
        scale (float): Scales are drawn from 1 - scale to 1 + scale. Defaults to 0.3.
        rotate (float): Up to how many degrees it is rotated. Defaults to 20.
        prob (float): How often. Defaults to 1.

    Raises:
        ValueError: If an argument is out of range, or a sample has flow or poses.
    """

    def __init__(
        self, shift: float = 0.2, scale: float = 0.3, rotate: float = 20.0, prob: float = 1.0
    ) -> None:
        for name, value, limit in (
            ('shift', shift, 1),
            ('scale', scale, 1),
            ('rotate', rotate, 180),
        ):
            if not 0 <= value < limit:
                raise ValueError(f'{name} should be from 0 to less than {limit}, got {value!r}')
        _check_prob(prob)
        self.shift, self.scale, self.rotate, self.prob = shift, scale, rotate, prob

    @cache_randomness
    def draw(self) -> tuple[bool, np.ndarray]:
        """Draw whether to do it, and dx, dy, scale and angle in -1..1, (4,)."""
        values = np.random.uniform(-1, 1, size=4)  # noqa: NPY002
        return bool(np.random.random() < self.prob), values  # noqa: NPY002

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Augment a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        unfit = [name for name in ('flow', 'rotmats', 'joints_cam') if name in results]
        if unfit:
            raise ValueError(
                f'EventShiftScaleRotate is for the flow network without labels, got {unfit}'
            )
        chosen, (dx, dy, scale, angle) = self.draw()
        if results['test_mode'] or not chosen:
            return results
        height, width = results['events'].shape[-2:]
        center = ((width - 1) / 2, (height - 1) / 2)
        matrix = cv2.getRotationMatrix2D(center, self.rotate * angle, 1 + self.scale * scale)
        matrix[:, 2] += (self.shift * dx * width, self.shift * dy * height)
        for name, flag in (('events', cv2.INTER_NEAREST), ('gray', cv2.INTER_LINEAR)):
            picture = np.ascontiguousarray(results[name].transpose(1, 2, 0))
            moved = cv2.warpAffine(picture, matrix, (width, height), flags=flag)
            results[name] = moved.reshape(picture.shape).transpose(2, 0, 1)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(shift={self.shift}, scale={self.scale}, '
            f'rotate={self.rotate}, prob={self.prob})'
        )


def flip_clip(results: dict[str, Any]) -> dict[str, Any]:
    """Mirror a sample left to right; twice gives the sample again.

    Columns of events, gray, flow and body are reversed and the u of flow changes its sign. Poses
    become those of the mirrored person (:func:`.rotations.mirror_smpl_pose`), x of places in
    camera space changes its sign, left and right joints change places, keypoints and principal
    point move to W - 1 - x. The vertices of a body stay: it is taken for symmetric.

    Args:
        results (dict[str, Any]): The sample, as the loading transforms give it.

    Returns:
        dict[str, Any]: A mirrored copy.

    Raises:
        ValueError: If the sample has features of an image, which cannot be mirrored, or joints
            whose left and right are not known.
    """
    _refuse_features(results)
    flipped, start = dict(results), results.get('start')
    for name in ('events', 'gray', 'flow', 'body'):
        if name in results:
            flipped[name] = np.ascontiguousarray(results[name][..., ::-1])
    if 'flow' in results:
        flipped['flow'][..., 0, :, :] *= -1
    width = results['img_shape'][1]
    flipped['principal_pt'] = results['principal_pt'] * (-1, 1) + (width - 1, 0)
    flipped['principal_pt'] = flipped['principal_pt'].astype(np.float32)
    flipped.update(_flip_pose(results))
    if start is not None:
        flipped['start'] = {**start, **_flip_pose(start)}
    if 'keypoints' in results:
        keypoints = _swap(results['keypoints'])
        flipped['keypoints'] = (keypoints * (-1, 1) + (width - 1, 0)).astype(np.float32)
    flipped['flip'] = not results.get('flip', False)
    return flipped


@TRANSFORMS.register_module()
class EventFlip(BaseTransform):
    """Mirror a sample left to right at random, see :func:`flip_clip`; ours, the authors have none.

    Goes behind the loading transforms. Added key: ``flip`` (bool); False in test mode.

    Args:
        prob (float): How often. Defaults to 0.5.

    Raises:
        ValueError: If ``prob`` is not from 0 to 1, or a sample cannot be mirrored.
    """

    def __init__(self, prob: float = 0.5) -> None:
        _check_prob(prob)
        self.prob = prob

    @cache_randomness
    def draw(self) -> bool:
        """Draw whether to mirror."""
        return bool(np.random.random() < self.prob)  # noqa: NPY002

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror a sample or leave it.

        Args:
            results: The sample.

        Returns:
            The sample.
        """
        _refuse_features(results)  # no matter what is drawn
        if self.draw() and not results['test_mode']:
            return flip_clip(results)
        return {**results, 'flip': False}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class InitialPoseNoise(BaseTransform):
    """Disturb the pose that a clip starts from, as one that a network saw would be.

    Our own: normally distributed rotation vectors turn each joint, translation and betas get
    normally distributed numbers added. The labels stay. In test mode, and with a seed, the
    numbers depend on the sample's ``id`` only.

    Required keys: ``start``, ``id``, ``test_mode``; modified: ``start``.

    Args:
        rotation (float): Standard deviation of each component of the rotation vectors in radians.
            Defaults to 0.1.
        transl (float): Standard deviation of the translation in m. Defaults to 0.02.
        betas (float): Standard deviation of the shape coefficients. Defaults to 0.
        seed (int, optional): See above. Defaults to None: 0 in test mode, in training numpy's
            global generator, which MMEngine seeds in each worker.

    Raises:
        ValueError: If an argument is negative, or a sample starts from no pose.
    """

    def __init__(
        self,
        rotation: float = 0.1,
        transl: float = 0.02,
        betas: float = 0.0,
        seed: int | None = None,
    ) -> None:
        for name, value in (('rotation', rotation), ('transl', transl), ('betas', betas)):
            if not value >= 0:
                raise ValueError(f'{name} should be 0 or more, got {value!r}')
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
            raise ValueError(f'seed should be a whole number, 0 or more, or None, got {seed!r}')
        self.rotation, self.transl, self.betas, self.seed = rotation, transl, betas, seed

    @cache_randomness
    def draw(self, shapes: Sequence[tuple[int, ...]], key: Any = None) -> list[np.ndarray]:
        """Draw standard normal numbers of some shapes; the same for the same key."""
        random: Any = np.random if key is None else np.random.default_rng(key)
        return [random.standard_normal(shape) for shape in shapes]

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Disturb the start of a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        start = results.get('start')
        if start is None:
            raise ValueError(
                'InitialPoseNoise needs a pose to start from: put it behind LoadClipPoses, and '
                "take another init_source than 'none'"
            )
        seeded = self.seed is not None or results['test_mode']
        key = (self.seed or 0, int(results['id'])) if seeded else None
        shapes = ((smpl24.NUM_JOINTS, 3), start['transl'].shape, start['betas'].shape)
        rotation, transl, betas = self.draw(shapes, key)
        turn = Rotation.from_rotvec(rotation * self.rotation).as_matrix()
        results['start'] = {
            **start,
            'rotmats': (turn @ start['rotmats']).astype(np.float32),
            'transl': (start['transl'] + transl * self.transl).astype(np.float32),
            'betas': (start['betas'] + betas * self.betas).astype(np.float32),
        }
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(rotation={self.rotation}, transl={self.transl}, '
            f'betas={self.betas}, seed={self.seed})'
        )


def _flip_pose(poses: dict[str, Any]) -> dict[str, np.ndarray]:
    """Mirror rotations (N, 24, 3, 3) and places (N, [J,] 3) in camera space."""
    flipped = {}
    mirror = np.array([-1, 1, 1], dtype=np.float32)
    if 'rotmats' in poses:
        flipped['rotmats'] = mirror_smpl_pose(torch.from_numpy(poses['rotmats'])).numpy()
    if 'transl' in poses:
        flipped['transl'] = poses['transl'] * mirror
    if 'joints_cam' in poses:
        flipped['joints_cam'] = _swap(poses['joints_cam']) * mirror
    return flipped


def _refuse_features(results: dict[str, Any]) -> None:
    if 'features' in (results.get('start') or ()):
        raise ValueError(
            'the features of an image (init_source="hmr") cannot be mirrored: leave EventFlip out'
        )


def _swap(joints: np.ndarray) -> np.ndarray:
    """Let left and right joints (T, J, D) change places."""
    if joints.shape[1] not in _FLIP_INDICES:
        raise ValueError(
            f'which of {joints.shape[1]} joints are left and right is not known, only of '
            f'{list(_FLIP_INDICES)}'
        )
    swapped: np.ndarray = joints[:, _FLIP_INDICES[joints.shape[1]]]
    return swapped


def _check_prob(prob: float) -> None:
    if not 0 <= prob <= 1:
        raise ValueError(f'prob should be from 0 to 1, got {prob!r}')
