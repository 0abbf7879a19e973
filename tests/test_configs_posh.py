"""The configs of HEMlets PoSh: stages, ablations, and what has to agree in them."""

import inspect

import pytest
import torch
from config_files import (
    CONFIGS,
    LEAVES,
    datasets_of,
    evaluators_of,
    first_epochs_of_lower_rates,
    load,
)
from mmengine.config import Config
from mmpose.registry import KEYPOINT_CODECS, MODELS
from test_configs_hemlets import without

from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.codecs import PoShLabel
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.models.heads import hemlets_head, smpl_regressor

POSH = [name for name in LEAVES if name.startswith('posh/')]
FROZEN = 'posh/h36m/posh_res50-frozen_8xb32-20e_h36m-256x256.py'
JOINT = 'posh/h36m/posh_res50_8xb32-5e_h36m-256x256.py'
HEMLETS = 'hemlets/h36m/hemlets_res50_8xb32-25e_h36m-256x256.py'
# What an ablation changes in the head.
ABLATIONS = {
    'backbone': {'feature_source': 'backbone', 'use_joints': False, 'regressor': {'pool': 1}},
    'joints': {'feature_source': None},
    'feedforward': {'regressor': {'pool': 4, 'num_iters': 1, 'feedback': False}},
}
# Three convolutions with their batch norms; two linear layers, to the first of which come 18 x 3
# coordinates and the 157 parameters; three decoders.
CONVOLUTIONS = 9 * 512 * (1280 + 512 + 512) + 3 * 2 * 512
PARAMETERS = CONVOLUTIONS + 1024 * (512 + 54 + 157 + 1) + 1024 * 1025 + 157 * 1025


def ablation(name):
    return load(f'posh/h36m/posh-{name}_res50-frozen_8xb32-20e_h36m-256x256.py')


def test_every_experiment_has_its_config():
    expected = [FROZEN, JOINT, 'posh/3dpw/posh_res50_8xb32-5e_h36m_3dpw-256x256.py']
    expected += [f'posh/h36m/posh-{n}_res50-frozen_8xb32-20e_h36m-256x256.py' for n in ABLATIONS]
    assert sorted(name for name in POSH if '-256x256' in name) == sorted(expected)


def test_module_is_shallow():
    model = build_meta_model(load(JOINT).model)
    count = sum(parameter.numel() for parameter in model.head.regressor.parameters())
    assert count == PARAMETERS
    rest = sum(parameter.numel() for parameter in model.parameters()) - count
    assert rest == 49_614_844  # HEMlets Pose


def test_first_stage_learns_the_module_alone():
    model = build_meta_model(load(FROZEN).model)
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learns
    assert all(name.startswith('head.regressor.') for name in learns)
    assert not any(m.training for m in model.train().head.pose_head.modules())
    assert not any(m.training for m in model.backbone.layer4.modules())
    parts = load(FROZEN).model.backbone, load(FROZEN).model.head.pose_head
    backbone, pose_head = (part['init_cfg'] for part in parts)
    assert (backbone.prefix, pose_head.prefix) == ('backbone.', 'head.')
    assert backbone.checkpoint == pose_head.checkpoint == load(FROZEN).hemlets_checkpoint


def test_second_stage_learns_everything_from_the_first():
    config = load(JOINT)
    model = build_meta_model(config.model)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert config.load_from == f'work_dirs/{FROZEN.split("/")[-1][:-3]}/epoch_20.pth'
    assert (load(FROZEN).optim_wrapper.optimizer.lr, config.optim_wrapper.optimizer.lr) == (
        2.5e-4,
        1e-4,
    )
    assert first_epochs_of_lower_rates(load(FROZEN)) == [15, 18]
    assert first_epochs_of_lower_rates(config) == [4]


@pytest.mark.parametrize('name', ABLATIONS)
def test_ablations_differ_in_what_they_are_named_after(name):
    full, changed = load(FROZEN), ablation(name)
    keys = [f'model.head.{key}' for key in ABLATIONS[name]]
    assert without(changed, *keys) == without(full, *keys)
    assert {key: changed.model.head[key] for key in ABLATIONS[name]} == ABLATIONS[name]
    build_meta_model(changed.model)


@pytest.mark.parametrize('name', POSH)
def test_codec_bodies_and_pictures_agree(name):
    config = load(name)
    head = build_meta_model(config.model).head
    codec = KEYPOINT_CODECS.build(config.codec)
    assert isinstance(codec, PoShLabel)
    assert config.model.head.decoder == config.model.head.pose_head.decoder == config.codec
    metrics = [part for part in evaluators_of(config) if part['type'] == 'SMPLMetric']
    assert len(metrics) == 2
    bodies = [config.model.head, config.visualizer, *metrics]
    assert [part['body_model'] for part in bodies] == [config.body_model] * 4
    assert isinstance(MODELS.build(config.body_model), SMPLBody)
    assert head.body_model.num_joints == codec.num_joints == 18
    assert config.visualizer.type == 'MeshVisualizer'
    assert config.visualizer.codec == config.codec
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset, _ in datasets_of(config[loader].dataset):
            assert 'smpl_file' in dataset or dataset.type == 'SMPLImageDataset'


@pytest.mark.parametrize('name', POSH)
def test_network_gives_bodies(name, monkeypatch):
    # On the meta device HEMlets' soft-argmax cannot run, nor what looks at numbers.
    def coordinates(volume, align):
        return volume.new_zeros(*volume.shape[:2], 3)

    monkeypatch.setattr(hemlets_head, 'soft_argmax_3d', coordinates)
    monkeypatch.setattr(smpl_regressor, 'rotation_6d_to_matrix', lambda x: x)
    config = load(name)
    model = build_meta_model(config.model)
    width, height = config.codec.input_size
    features = model.backbone(torch.empty(2, 3, height, width, device='meta'))
    output = model.head(features)
    shapes = {name: tuple(output[name].shape) for name in ('coords', 'pose', 'betas', 'camera')}
    assert shapes == dict(coords=(2, 18, 3), pose=(2, 24, 6), betas=(2, 10), camera=(2, 3))


def test_full_size_reads_the_files_that_the_docs_name():
    body = Config.fromfile(CONFIGS / FROZEN).body_model
    assert body.model_path == 'data/smpl/SMPL_NEUTRAL.pkl'
    assert body.joint_regressor == 'data/smpl/J_regressor_h36m.npy'
    assert set(body) - {'type'} <= set(inspect.signature(SMPLBody).parameters)
    with pytest.raises(FileNotFoundError, match=r'smpl\.is\.tue\.mpg\.de'):
        MODELS.build(body)


def test_data_and_augmentation_are_those_of_hemlets():
    hemlets, posh = load(HEMLETS), load(FROZEN)
    keys = ['pipeline', 'smpl_file']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        ours, theirs = (without(config[loader].dataset, *keys) for config in (posh, hemlets))
        assert ours == theirs
