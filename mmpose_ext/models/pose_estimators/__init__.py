"""Pose estimators."""

from mmpose_ext.models.pose_estimators.multiscale_bottomup import MultiScaleBottomupPoseEstimator

__all__ = ['MultiScaleBottomupPoseEstimator']
