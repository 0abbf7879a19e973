# Run by tools/benchmark/claims.py; see its --help.
title = 'Jigsaw puzzles before few labels'
claim = ('A backbone that has learnt to find the shuffled patches of people, without any label, is a '
         'much better start for pose estimation than random weights (published on COCO: far better '
         'than training from scratch, level with ImageNet weights).')
source = 'Heatmap-Style Jigsaw Puzzles, arXiv 2012.07101; HUMA 2021'

# The first 2000 people have labels, or 1 % or 10 % of them; the last 2000 have none.
data = dict(kind='single', easy=True, num_train=4000, num_val=400, size=160, seed=21)
metrics = ['coco/AP', 'coco/AP .75', 'coco/AR']
curve = 'coco/AP'
seeds = [0, 1, 2]

_folder = 'configs/hsjp/mannequin/'
# A quarter of ResNet-18's width, to get all runs into an hour.
_trunk = {'model.backbone.stem_channels': 16, 'model.backbone.base_channels': 16,
          'model.head.in_channels': 128, 'model.head.deconv_out_channels': (64, 64, 64)}
_unlabelled = {'train_dataloader.dataset.indices': -2000, **_trunk}

pretraining_metrics = ['hsjp/patch_acc', 'hsjp/puzzle_acc']
pretrainings = {
    'HSJP': dict(
        config=_folder + 'hsjp_res18-half_1xb32-1200_mannequin-128x96.py', options=_unlabelled),
    'HSJP 2x2': dict(
        config=_folder + 'hsjp_res18-half-grid2x2_1xb32-1200_mannequin-128x96.py',
        options=_unlabelled),
    'HSJP 8x6': dict(
        config=_folder + 'hsjp_res18-half-grid8x6_1xb32-1200_mannequin-128x96.py',
        options=_unlabelled),
}

_scratch = {'model.backbone.init_cfg': None}
_heatmap = _folder + 'td-hm_res18-half-hsjp_1xb32-400_mannequin-128x96.py'
_simdr = _folder + 'simdr_res18-half-hsjp_1xb32-400_mannequin-128x96.py'
_20 = {'train_dataloader.dataset.indices': 20, **_trunk}
_200 = {'train_dataloader.dataset.indices': 200, **_trunk}
_2000 = {'train_dataloader.dataset.indices': 2000, **_trunk}

settings = {
    'heatmap, 20 labels': {
        'scratch': dict(config=_heatmap, options=dict(**_20, **_scratch)),
        'HSJP': dict(config=_heatmap, options=_20, pretraining='HSJP'),
    },
    'heatmap, 200 labels': {
        'scratch': dict(config=_heatmap, options=dict(**_200, **_scratch)),
        'HSJP': dict(config=_heatmap, options=_200, pretraining='HSJP'),
        'HSJP 2x2': dict(config=_heatmap, options=_200, pretraining='HSJP 2x2'),
        'HSJP 8x6': dict(config=_heatmap, options=_200, pretraining='HSJP 8x6'),
    },
    'heatmap, 2000 labels': {
        'scratch': dict(config=_heatmap, options=dict(**_2000, **_scratch)),
        'HSJP': dict(config=_heatmap, options=_2000, pretraining='HSJP'),
    },
    'SimDR, 20 labels': {
        'scratch': dict(config=_simdr, options=dict(**_20, **_scratch)),
        'HSJP': dict(config=_simdr, options=_20, pretraining='HSJP'),
    },
    'SimDR, 200 labels': {
        'scratch': dict(config=_simdr, options=dict(**_200, **_scratch)),
        'HSJP': dict(config=_simdr, options=_200, pretraining='HSJP'),
    },
    'SimDR, 2000 labels': {
        'scratch': dict(config=_simdr, options=dict(**_2000, **_scratch)),
        'HSJP': dict(config=_simdr, options=_2000, pretraining='HSJP'),
    },
}
# The first arm is what the others are compared with.
baseline = 'scratch'

tested = 'Last checkpoint, flip test, ground-truth boxes.'
quick = dict(
    data=dict(num_train=48, num_val=8),
    overrides={'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2,
               'train_dataloader.batch_size': 8, 'train_dataloader.dataset.indices': 24},
    seeds=[0],
    settings=['heatmap, 20 labels'],
)
