"""Formulas of evaluation, on tensors."""

from mmpose_ext.evaluation.functional.simdr_accuracy import simdr_pck_accuracy

__all__ = ['simdr_pck_accuracy']
