"""Both stages of EventHPE through MMPose's stock tools: train, test, draw, stream."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.stock_tools import stock_tool_path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/eventhpe/mannequin'
FLOW = CONFIGS / 'eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py'
SHAPE = CONFIGS / 'eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.fixture(scope='module')
def recordings(tmp_path_factory, run_python):
    """Four recordings to train on, two to test on, of 17 frames of 64x64 px each."""
    folder = tmp_path_factory.mktemp('events') / 'mannequins'
    run_python(
        'tools/dataset_converters/make_mannequin.py',
        *('events', '--out', folder, '--num-train', 4, '--num-test', 2, '--raw', '--workers', 1),
    )
    return folder


def small(data_root):
    """Options that make a training short; the file stays as it is."""
    options = [
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'train_dataloader.batch_size=4',
    ]
    for loader in LOADERS:
        options += [
            f'{loader}.num_workers=0',
            f'{loader}.persistent_workers=False',
            f'{loader}.dataset.data_root={data_root}/',
        ]
    return options


def weights_of(checkpoint):
    return torch.load(checkpoint, map_location='cpu', weights_only=False)['state_dict']


@pytest.fixture(scope='module')
def flow(recordings, tmp_path_factory, run_python):
    """Checkpoint of stage 1 after one epoch."""
    folder = tmp_path_factory.mktemp('flow')
    command = [stock_tool_path('train'), FLOW, '--work-dir', folder, '--cfg-options']
    run_python(*command, *small(recordings))
    return Path((folder / 'last_checkpoint').read_text())


@pytest.fixture(scope='module')
def shape(flow, recordings, tmp_path_factory, run_python):
    """Checkpoint of stage 2 after one epoch on that stage 1."""
    folder = tmp_path_factory.mktemp('shape')
    command = [stock_tool_path('train'), SHAPE, '--work-dir', folder, '--cfg-options']
    start = f'model.flow_net.init_cfg.checkpoint={flow}'
    samples = 'train_dataloader.sampler.num_samples=4'
    run_python(*command, *small(recordings), start, samples)
    return Path((folder / 'last_checkpoint').read_text())


@pytest.fixture(params=['flow', 'shape'])
def trained(request):
    """Config and checkpoint of a stage."""
    return {'flow': FLOW, 'shape': SHAPE}[request.param], request.getfixturevalue(request.param)


def scores_of(run_python, tool, config, checkpoint, folder, *options):
    out = folder / 'scores.json'
    command = [tool, config, checkpoint, '--work-dir', folder, '--out', out]
    run_python(*command, *options)
    return json.loads(out.read_text(), parse_constant=str)


def test_second_stage_holds_the_first_frozen(flow, shape):
    before, after = weights_of(flow), weights_of(shape)
    names = [name for name in before if name.startswith('flow_net.')]
    assert len(names) == 112
    assert all(torch.equal(before[name], after[name]) for name in names)


def test_stock_test_tool_and_ours_give_the_same(trained, recordings, run_python, tmp_path):
    config, checkpoint = trained
    options = ['--cfg-options', *small(recordings)]
    if config == SHAPE:
        options.append('model.flow_net.init_cfg=None')  # all weights are in the checkpoint
    stock = scores_of(run_python, stock_tool_path('test'), config, checkpoint, tmp_path, *options)
    assert stock == scores_of(run_python, 'tools/test.py', config, checkpoint, tmp_path, *options)
    metric = 'flow/EPE-body' if config == FLOW else 'events/PEL-MPJPE'
    assert 0 < stock[metric] < 1000


def test_pictures_while_testing(trained, recordings, run_python, tmp_path):
    config, checkpoint = trained
    beside = checkpoint.parent / config.name
    options = ['--show-dir', tmp_path / 'shown', '--interval', 1]
    run_python('tools/test.py', beside, checkpoint, '--work-dir', tmp_path, *options)
    pictures = sorted((tmp_path / 'shown').rglob('*.png'))
    assert pictures
    assert np.ptp(cv2.imread(str(pictures[0]))) > 100


def test_sheet_of_predictions(trained, tmp_path):
    config, checkpoint = trained
    sheet = tmp_path / 'sheet.jpg'
    assert draw_predictions(checkpoint.parent / config.name, checkpoint, sheet, people=2) == 2
    assert min(cv2.imread(str(sheet)).shape[:2]) > 200


def test_stream_of_a_recording(shape, recordings, run_python, tmp_path):
    recording = recordings / 'raw_events/test0000.npz'
    start = recordings / 'annotations/test0000.npz'
    run_python(
        *('tools/infer_events.py', shape.parent / SHAPE.name, shape, recording),
        *('--start', start, '--origin', 0, '--out', tmp_path, '--json', '--gif'),
    )
    with np.load(tmp_path / 'test0000_poses.npz', allow_pickle=False) as poses:
        assert len(poses['transl']) == 8
    assert (tmp_path / 'test0000_sheet.png').is_file()
