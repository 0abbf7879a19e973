"""Pose estimators."""

from mmpose_ext.models.pose_estimators.event_flow import EventFlowEstimator
from mmpose_ext.models.pose_estimators.event_hpe import EventHPE, EventState
from mmpose_ext.models.pose_estimators.multiscale_bottomup import MultiScaleBottomupPoseEstimator

__all__ = [
    'EventFlowEstimator',
    'EventHPE',
    'EventState',
    'MultiScaleBottomupPoseEstimator',
]
