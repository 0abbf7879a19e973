"""Schedules of learning rates."""

from mmpose_ext.engine.schedulers.swahr_lr import SWAHRLR, swahr_lr_factor

__all__ = ['SWAHRLR', 'swahr_lr_factor']
