"""Packing samples that have 3D joints and a camera."""

from collections.abc import Sequence
from typing import ClassVar

from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS

# What MMPose packs of a sample, and behind it what 3D metrics and pictures need.
META_KEYS = (
    *('id', 'img_id', 'img_path', 'category_id', 'ori_shape', 'img_shape', 'input_size'),
    *('input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices', 'dataset_name'),
    *('target_img_path', 'focal', 'principal_pt', 'mm_per_px', 'gravity', 'gender'),
)


@TRANSFORMS.register_module()
class Pack3DPoseInputs(PackPoseInputs):
    """:class:`mmpose.datasets.transforms.PackPoseInputs` that keeps the 3D truth and the camera.

    For the pipelines of validation and test, where no targets are made. What a sample lacks is
    left out, so that photographs of unknown cameras pass as well.

    Args:
        meta_keys (Sequence[str]): What becomes meta information. Defaults to MMPose's keys and
            ``target_img_path``, ``focal`` and ``principal_pt`` (px), ``mm_per_px``, ``gravity``
            (down, in camera axes) and ``gender`` (of the labelled body).
        pack_transformed (bool): As in ``PackPoseInputs``.
    """

    # Into gt_instances: joints in camera space in metres (1, J, 3) and whether they are labelled;
    # SMPL's parameters and whether they are.
    instance_mapping_table: ClassVar = dict(
        **PackPoseInputs.instance_mapping_table,
        lifting_target='lifting_target',
        lifting_target_visible='lifting_target_visible',
        part_polarity='part_polarity',
        smpl_pose='smpl_pose',
        smpl_betas='smpl_betas',
        has_smpl='has_smpl',
    )

    def __init__(
        self, meta_keys: Sequence[str] = META_KEYS, pack_transformed: bool = False
    ) -> None:
        super().__init__(meta_keys=tuple(meta_keys), pack_transformed=pack_transformed)
