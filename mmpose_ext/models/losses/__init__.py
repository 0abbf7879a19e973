"""Losses."""

from mmpose_ext.models.losses.simdr_loss import SimDRKLLoss, SimDRSmoothingLoss

__all__ = ['SimDRKLLoss', 'SimDRSmoothingLoss']
