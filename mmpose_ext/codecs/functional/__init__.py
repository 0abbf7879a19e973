"""The codecs' formulas as plain functions on arrays and tensors."""

from mmpose_ext.codecs.functional.simdr_decoding import (
    argmax_bins,
    dark_kernel_size,
    peak_probability,
    refine_dark,
)
from mmpose_ext.codecs.functional.simdr_labels import (
    check_keypoints,
    count_bins,
    encode_gaussian,
    encode_index,
    encode_standard,
)

__all__ = [
    'argmax_bins',
    'check_keypoints',
    'count_bins',
    'dark_kernel_size',
    'encode_gaussian',
    'encode_index',
    'encode_standard',
    'peak_probability',
    'refine_dark',
]
