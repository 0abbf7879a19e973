"""Losses."""

from mmpose_ext.models.losses.ae_loss import BatchedAssociativeEmbeddingLoss
from mmpose_ext.models.losses.event_pose_loss import EventPoseLoss, FlowCoherenceLoss
from mmpose_ext.models.losses.flow_loss import FlowPhotometricLoss, FlowSmoothnessLoss
from mmpose_ext.models.losses.hemlets_loss import HEMletsLoss
from mmpose_ext.models.losses.posh_loss import PoShLoss
from mmpose_ext.models.losses.simdr_loss import SimDRKLLoss, SimDRSmoothingLoss
from mmpose_ext.models.losses.swahr_loss import SWAHRHeatmapLoss

__all__ = [
    'BatchedAssociativeEmbeddingLoss',
    'EventPoseLoss',
    'FlowCoherenceLoss',
    'FlowPhotometricLoss',
    'FlowSmoothnessLoss',
    'HEMletsLoss',
    'PoShLoss',
    'SWAHRHeatmapLoss',
    'SimDRKLLoss',
    'SimDRSmoothingLoss',
]
