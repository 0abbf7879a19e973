"""Losses."""

from mmpose_ext.models.losses.hemlets_loss import HEMletsLoss
from mmpose_ext.models.losses.simdr_loss import SimDRKLLoss, SimDRSmoothingLoss

__all__ = ['HEMletsLoss', 'SimDRKLLoss', 'SimDRSmoothingLoss']
