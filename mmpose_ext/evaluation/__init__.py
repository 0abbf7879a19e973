"""Evaluation: formulas on predictions and labels."""

from mmpose_ext.evaluation.functional import simdr_pck_accuracy

__all__ = ['simdr_pck_accuracy']
