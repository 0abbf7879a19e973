"""Short pretraining runs on a few mannequins, for the tests of what hangs on them."""

import itertools
from pathlib import Path

import mmpose
import torch
from mmengine.config import Config
from mmengine.runner import Runner

MANNEQUIN = Path(__file__).resolve().parents[1] / 'configs/hsjp/mannequin'
PUZZLE = MANNEQUIN / 'hsjp_res18-half_1xb32-1200_mannequin-128x96.py'
HEATMAP = MANNEQUIN / 'td-hm_res18-half-hsjp_1xb32-400_mannequin-128x96.py'
# Configs of MMPose itself, and the one that the documentation finetunes.
STOCK = Path(mmpose.__file__).parent / '.mim/configs/body_2d_keypoint/topdown_heatmap/coco'
STOCK_RES50 = STOCK / 'td-hm_res50_8xb64-210e_coco-256x192.py'
NETWORK = {
    'model.backbone.stem_channels': 16,
    'model.backbone.base_channels': 16,
    'model.head.in_channels': 128,
    'model.head.deconv_out_channels': [16, 16, 16],
}
_number = itertools.count()


def small(data_root):
    """Options that make a mannequin config a matter of seconds: 24 people, batches of 8."""
    options = {**NETWORK, 'train_dataloader.batch_size': 8, 'default_hooks.logger.interval': 1}
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options[f'{loader}.num_workers'] = 0
        options[f'{loader}.persistent_workers'] = False
        options[f'{loader}.dataset.data_root'] = f'{data_root}/'
    return options


def iterations(number):
    """Options for so many iterations, with a checkpoint at the end."""
    return {
        'train_cfg.max_iters': number,
        'train_cfg.val_interval': number,
        'default_hooks.checkpoint.interval': number,
        'param_scheduler': None,
    }


def epochs(number):
    """Options for so many epochs of three iterations, with a checkpoint after each."""
    return {
        'train_cfg': {'_delete_': True, 'by_epoch': True, 'max_epochs': number, 'val_interval': 1},
        'train_dataloader.sampler': {'_delete_': True, 'type': 'DefaultSampler', 'shuffle': True},
        'default_hooks.checkpoint.by_epoch': True,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': -1,
        'log_processor.by_epoch': True,
        'param_scheduler': None,
    }


def small_puzzle(data_root):
    """Options for the pretraining config; none of the 24 people is too small."""
    return {**small(data_root), 'train_dataloader.dataset.min_bbox_size': 8}


def puzzle_config(data_root, work_dir, options):
    """The pretraining config, cut down."""
    return cut_down(PUZZLE, work_dir, {**small_puzzle(data_root), **options})


def cut_down(path, work_dir, options):
    """A config with options, ready for a Runner."""
    config = Config.fromfile(path)
    config.merge_from_dict({**options, 'work_dir': str(work_dir), 'randomness.seed': 0})
    # MMEngine keeps loggers and visualizers, with their folders, under their names.
    config.experiment_name = config.visualizer.name = f'{Path(work_dir).name}_{next(_number)}'
    return config


def train(config):
    """Train, and give the runner as it is then."""
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def on_command_line(options):
    """Options as ``--cfg-options`` takes them."""
    return [f'{key}={value}'.replace(' ', '') for key, value in options.items()]


def weights_in(path):
    """Weights in a checkpoint or an export."""
    return load(path)['state_dict']


def load(path):
    """A checkpoint of this machine's own, all of it."""
    return torch.load(path, map_location='cpu', weights_only=False)


def backbone_of(weights):
    """Weights of the backbone, under its own names."""
    prefix = 'backbone.'
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def same(first, second):
    """Whether two sets of weights are the same to the bit, in the same order."""
    return list(first) == list(second) and all(torch.equal(first[k], second[k]) for k in first)
