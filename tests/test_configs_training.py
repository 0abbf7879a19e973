"""What every config gives to whom trains with it: a bar, curves, the best checkpoint by name."""

import pytest
from config_files import LEAVES, load

# Metrics that say what a method is for, by the metric class that a config validates with.
BEST = {
    'CocoMetric': [('coco/AP', 'greater'), ('crowdpose/AP', 'greater')],
    'SizedCocoMetric': [('coco/AP', 'greater')],
    'MpiiPCKAccuracy': [('PCK', 'greater')],
    'VolumetricMPJPE': [('MPJPE', 'less')],
    'SMPLMetric': [('smpl/PA-MPJPE', 'less'), ('smpl/PVE', 'less')],
    'MeshPoseMetric': [('events/PEL-MPJPE', 'less')],
    'FlowEPE': [('flow/EPE-body', 'less')],
    'FlowPhotometricMetric': [('flow/photometric', 'less')],
    'HSJPAccuracy': [('hsjp/patch_acc', 'greater')],
}


@pytest.mark.parametrize('name', LEAVES)
def test_trains_in_comfort(name):
    config = load(name)
    hooks, evaluators = config.default_hooks, config.val_evaluator
    assert hooks.progress_bar.type == 'ProgressBarHook'
    assert hooks.curves.type == 'CurvesHook'
    first = evaluators[0] if isinstance(evaluators, list) else evaluators
    assert (hooks.checkpoint.save_best, hooks.checkpoint.rule) in BEST[first.type]
