"""Losses."""

from mmpose_ext.models.losses.ae_loss import BatchedAssociativeEmbeddingLoss
from mmpose_ext.models.losses.hemlets_loss import HEMletsLoss
from mmpose_ext.models.losses.posh_loss import PoShLoss
from mmpose_ext.models.losses.simdr_loss import SimDRKLLoss, SimDRSmoothingLoss
from mmpose_ext.models.losses.swahr_loss import SWAHRHeatmapLoss

__all__ = [
    'BatchedAssociativeEmbeddingLoss',
    'HEMletsLoss',
    'PoShLoss',
    'SWAHRHeatmapLoss',
    'SimDRKLLoss',
    'SimDRSmoothingLoss',
]
