"""Packing samples of an event camera."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

META_KEYS = (
    *('id', 'recording', 'subject', 'action', 'frame_ids', 'fps', 'img_shape', 'focal'),
    *('principal_pt', 'flip', 'dataset_name'),
)
# Labels of a clip's T steps.
_LABELS = (*('rotmats', 'transl', 'betas', 'joints_cam', 'keypoints', 'has_smpl', 'has_joints'),)


@TRANSFORMS.register_module()
class PackEventInputs(BaseTransform):
    """Pack a sample of an event camera for ``EventFlowEstimator`` or ``EventHPE``.

    ``inputs`` is a dict: ``events`` uint8 (C, H, W) or (T, C, H, W), in flow mode ``gray`` uint8
    (2, H, W) and ``dt`` float32 (), in shape mode ``flow`` float32 (T, 2, H, W) px if it was
    loaded.

    ``data_samples`` is a ``PoseDataSample`` of tensors. In shape mode ``gt_instances`` holds the
    labels of the T steps as ``LoadClipPoses`` gives them, and ``start`` (length 1) the pose that
    the clip starts from, if there is one. In flow mode ``gt_fields`` holds ``gray`` (2, H, W) and
    ``event_mask`` bool (1, H, W), where any event was; with true flow also ``flow`` (2, H, W) px
    and ``body`` bool (1, H, W).

    Args:
        meta_keys (Sequence[str]): What becomes meta information, if a sample has it.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample.

        Args:
            results: The sample, see the class.

        Returns:
            ``inputs`` and ``data_samples``.
        """
        sample = PoseDataSample()
        is_flow = results['mode'] == 'flow'
        names = ('events', 'gray') if is_flow else ('events', 'flow')
        inputs = {name: _tensor(results[name]) for name in names if name in results}
        if is_flow:
            inputs['dt'] = torch.tensor(float(results['dt']))
            fields = {'event_mask': (results['events'] > 0).any(0, keepdims=True)}
            fields |= {k: results[k] for k in ('gray', 'flow', 'body') if k in results}
            sample.gt_fields = PixelData(**{k: _tensor(v) for k, v in fields.items()})
        else:
            labels = {name: _tensor(results[name]) for name in _LABELS}
            sample.gt_instances = InstanceData(**labels)
            start = results.get('start')
            if start is not None:
                sample.start = InstanceData(**{k: _tensor(v) for k, v in start.items()})
        meta = {key: results[key] for key in self.meta_keys if key in results}
        meta['frame_ids'] = [int(frame) for frame in results['frame_ids']]
        sample.set_metainfo(meta)
        return {'inputs': inputs, 'data_samples': sample}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
