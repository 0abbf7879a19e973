"""Heads."""

from mmpose_ext.models.heads.hemlets_head import HEMletsHead
from mmpose_ext.models.heads.higherhrnet_head import HigherHRNetHead
from mmpose_ext.models.heads.posh_head import PoShHead
from mmpose_ext.models.heads.shape_variation_head import ShapeVariationHead
from mmpose_ext.models.heads.simdr_head import SimDRHead
from mmpose_ext.models.heads.swahr_head import SWAHRHead

__all__ = [
    'HEMletsHead',
    'HigherHRNetHead',
    'PoShHead',
    'SWAHRHead',
    'ShapeVariationHead',
    'SimDRHead',
]
