# Run by tools/benchmark/claims.py; see its --help.
title = 'Scale- and weight-adaptive heatmaps against plain ones'
claim = ('On the same HigherHRNet and schedule, scale-adaptive targets (SAHR) and weight-adaptive '
         'losses (WAHR) together raise the AP (published on COCO val, W32: 67.1 to 68.9); SAHR '
         'alone may upset the balance of foreground and background, which WAHR mends.')
source = 'SWAHR, CVPR 2021, arXiv 2012.15175'
tested = 'Last checkpoint, flip test, one scale.'

data = dict(
    kind='crowd', easy=True, people=[1, 5], num_train=2000, num_val=300, size=192, seed=5)
metrics = ['coco/AP', 'coco/AP small', 'coco/AP middle', 'coco/AP large']
seeds = [0, 1, 2]

_folder = 'configs/swahr/mannequin/'
_net = 'hrnet-tiny_1xb16-1600_mannequin-128x128.py'
settings = {
    'crowds': {
        'plain': f'{_folder}higherhrnet_{_net}',
        'SAHR': f'{_folder}sahr_{_net}',
        'WAHR': f'{_folder}wahr_{_net}',
        'SWAHR': f'{_folder}swahr_{_net}',
    },
}
# The first arm is what the others are compared with.
baseline = 'plain'

quick = dict(
    seeds=[0],
    data=dict(num_train=40, num_val=8),
    overrides={'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2,
               'default_hooks.checkpoint.interval': 2},
    settings=['crowds'])
