_base_ = ['mmpose::_base_/default_runtime.py']

# Registers this package's modules and mends what current torch breaks.
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)

# A checkpoint of another architecture ends the run; MMEngine would warn and go on.
# To train from `load_from` with another head, add finetune_may_differ=['head.'].
# So does a file of init_cfg=dict(type='Pretrained') that does not fill its module.
default_hooks = dict(
    checkpoint_fit=dict(type='CheckpointFitHook'),
    pretrained_fit=dict(type='PretrainedFitHook'),
    # What is killed is resumed as if it had never stopped; see docs/training.md.
    checkpoint=dict(type='AtomicCheckpointHook'),
    exact_resume=dict(type='ExactResumeHook'),
    # Stops at losses and gradients that are not finite, and names the samples.
    nan_guard=dict(type='NaNGuardHook'),
    # A bar where a terminal is watched; curves.png in the work directory at the end.
    progress_bar=dict(type='ProgressBarHook'),
    curves=dict(type='CurvesHook'))
