"""Backbones."""

from mmpose_ext.models.backbones.event_flow_net import EventFlowNet

__all__ = ['EventFlowNet']
