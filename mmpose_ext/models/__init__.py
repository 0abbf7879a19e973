"""Models: heads and losses."""

from mmpose_ext.models.heads import HEMletsHead, SimDRHead
from mmpose_ext.models.losses import HEMletsLoss, SimDRKLLoss, SimDRSmoothingLoss

__all__ = ['HEMletsHead', 'HEMletsLoss', 'SimDRHead', 'SimDRKLLoss', 'SimDRSmoothingLoss']
