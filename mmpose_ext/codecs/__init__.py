"""Codecs: keypoints to training targets and back."""

from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.codecs.multi_resolution_ae import MultiResolutionAssociativeEmbedding
from mmpose_ext.codecs.posh_label import PoShLabel
from mmpose_ext.codecs.simdr_label import SimDRLabel

__all__ = ['HEMletsLabel', 'MultiResolutionAssociativeEmbedding', 'PoShLabel', 'SimDRLabel']
