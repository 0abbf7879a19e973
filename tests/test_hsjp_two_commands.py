"""Pretraining, then a stock config of MMPose from the line that the pretraining ends with."""

import json
import re
import shlex

import hsjp_runs as runs
import pytest
import torch

from mmpose_ext.apis.stock_tools import stock_tool_path

SMALL_STOCK = {
    **runs.NETWORK,
    'model.backbone.depth': 18,
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'train_dataloader.batch_size': 8,
    'test_dataloader.dataset.bbox_file': None,
    'val_dataloader.dataset.bbox_file': None,
}


def data_of(folder):
    """Options that give the stock config the mannequins."""
    options = {}
    for loader, part in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        dataset = f'{loader}_dataloader.dataset'
        options[f'{loader}_dataloader.num_workers'] = 0
        options[f'{loader}_dataloader.persistent_workers'] = False
        options[f'{dataset}.data_root'] = f'{folder}/'
        options[f'{dataset}.ann_file'] = f'annotations/person_keypoints_{part}.json'
        options[f'{dataset}.data_prefix.img'] = f'images/{part}/'
    for evaluator in ('val_evaluator', 'test_evaluator'):
        options[f'{evaluator}.ann_file'] = f'{folder}/annotations/person_keypoints_val.json'
    return options


@pytest.fixture(scope='module')
def pretrained(mannequins, run_python, tmp_path_factory):
    """Work directory of a pretraining, and what it printed."""
    folder = tmp_path_factory.mktemp('pretrained')
    options = runs.on_command_line({**runs.small_puzzle(mannequins), **runs.iterations(2)})
    tool = ['tools/train.py', runs.PUZZLE, '--work-dir', folder, '--cfg-options', *options]
    return folder, run_python(*tool).stdout


def test_the_puzzle_is_scored_by_the_test_tool(pretrained, mannequins, run_python, tmp_path):
    folder, _ = pretrained
    scores = tmp_path / 'scores.json'
    tool = [stock_tool_path('test'), runs.PUZZLE, folder / 'iter_2.pth', '--out', scores]
    options = runs.on_command_line(runs.small_puzzle(mannequins))
    run_python(*tool, '--work-dir', tmp_path, '--cfg-options', *options)
    found = json.loads(scores.read_text())
    assert 0 <= found['hsjp/puzzle_acc'] <= found['hsjp/patch_acc'] <= 1


def test_a_stock_config_goes_on_from_the_printed_line(pretrained, mannequins, run_python, tmp_path):
    folder, printed = pretrained
    (line,) = re.findall(r'append --cfg-options (.*)', printed)
    printed_options = shlex.split(line)
    assert any(option.endswith('hsjp_backbone.pth') for option in printed_options)
    small = runs.on_command_line({**SMALL_STOCK, **data_of(mannequins)})
    # A learning rate of nothing: what comes out is what went in.
    still = [*small, *printed_options, 'optim_wrapper.optimizer.lr=0', 'param_scheduler=None']
    tool = ['tools/train.py', runs.STOCK_RES50, '--work-dir', tmp_path, '--cfg-options', *still]
    run_python(*tool)
    learnt = torch.load(folder / 'hsjp_backbone.pth', weights_only=True)['state_dict']
    checkpoint = tmp_path / 'epoch_1.pth'
    now = runs.backbone_of(runs.weights_in(checkpoint))
    assert now.keys() == learnt.keys()
    for name, value in learnt.items():
        if 'running_' not in name and 'num_batches' not in name:
            assert torch.equal(now[name], value)
    scores = tmp_path / 'scores.json'
    tool = ['tools/test.py', runs.STOCK_RES50, checkpoint, '--work-dir', tmp_path, '--out', scores]
    run_python(*tool, '--cfg-options', *small)
    assert 0 <= json.loads(scores.read_text())['coco/AP'] <= 1
