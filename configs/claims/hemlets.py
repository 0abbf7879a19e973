# Run by tools/benchmark/claims.py; see its --help.
title = 'HEMlets against integral regression'
claim = ('On the same backbone and schedule, a volume that also sees HEMlets gives a much smaller '
         'error than integral regression (published: about 20 % on Human3.6M against the former '
         'best, which was integral regression), and people with 2D joints and polarities of their '
         'parts reduce it further.')
source = 'HEMlets Pose, ICCV 2019, arXiv 1910.12032'

data = dict(kind='single', easy=True, num_train=4000, num_val=400, size=96, seed=12)
metrics = ['MPJPE', 'PA-MPJPE']
digits = 1
seeds = [0, 1, 2]

_folder = 'configs/hemlets/mannequin/'
_plain = _folder + 'hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py'
_weak = _folder + 'hemlets_res18-quarter_1xb32-1800_mannequin-weak-64x64.py'
_integral = {'model.head.use_hemlets': False, 'model.head.use_heatmap2d': False}
_heatmap2d = {'model.head.use_hemlets': False}
_rest = {'train_dataloader.dataset.datasets.1.indices': -3000}
_hide = {'train_dataloader.dataset.datasets.1.weak_labels': '2d', **_rest}

settings = {
    '1000 with 3D': {
        'integral': dict(config=_plain, options=_integral),
        'heatmaps': dict(config=_plain, options=_heatmap2d),
        'HEMlets': dict(config=_plain, options={}),
    },
    '+ 3000 with 2D': {
        'integral': dict(config=_weak, options=dict(**_integral, **_hide)),
        'heatmaps': dict(config=_weak, options=dict(**_heatmap2d, **_hide)),
        'HEMlets': dict(config=_weak, options=_hide),
    },
    '+ 3000 with 2D and polarities': {
        # Networks without HEMlets have no use for polarities.
        'HEMlets': dict(config=_weak, options=_rest),
    },
}
# The first arm is what the others are compared with.
baseline = 'integral'

quick = dict(
    seeds=[0],
    data=dict(num_train=1100, num_val=16),
    overrides={'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2,
               'default_hooks.checkpoint.interval': 2},
    settings=['1000 with 3D'])
