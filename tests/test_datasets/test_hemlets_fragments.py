"""The data of HEMlets' configs: each fragment on real files, in the folders it names."""

import json
import shutil

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATA_SAMPLERS, DATASETS, METRICS, TRANSFORMS

from mmpose_ext.datasets.datasets.part_polarity import write_part_polarity
from mmpose_ext.skeletons import human36m18

AFFINE = {'type': 'TopdownAffine', 'input_size': (64, 64)}
NUM_MPII = 4
# The config that alone reads polarities of MPII's people.
POLARITIES = 'configs/hemlets/h36m/hemlets_res50_8xb32-25e_h36m-mpii-polarity-256x256.py'


@pytest.fixture(scope='module')
def data(tmp_path_factory, mannequins):
    """A folder with data/h36m out of mannequins and data/mpii out of grey images."""
    folder = tmp_path_factory.mktemp('fragments')
    notes = folder / 'data/h36m/annotation_body3d'
    (notes / 'fps10').mkdir(parents=True)
    shutil.copy(mannequins / 'annotations/cameras.pkl', notes)
    for split, name in (('train', 'train'), ('val', 'test')):
        shutil.copy(mannequins / f'annotations/h36m_{split}.npz', notes / f'fps10/h36m_{name}.npz')
    (folder / 'data/h36m/images').symlink_to(mannequins / 'images')
    (folder / 'data/mannequin_easy').symlink_to(mannequins)
    for name in ('annotations', 'images'):
        (folder / 'data/mpii' / name).mkdir(parents=True)
    people = []
    for k in range(NUM_MPII):
        name = f'{k:09d}.jpg'
        cv2.imwrite(str(folder / 'data/mpii/images' / name), np.full((200, 150, 3), 90, np.uint8))
        people.append(
            {
                'image': name,
                'center': [75.0, 100.0],
                'scale': 0.8,
                'joints': [[20.0 + 7 * j, 30.0 + 9 * j] for j in range(16)],
                'joints_vis': [1] * 16,
            }
        )
    notes = folder / 'data/mpii/annotations'
    (notes / 'mpii_train.json').write_text(json.dumps(people))
    write_part_polarity(
        notes / 'part_polarity_train.json',
        range(2),
        [person['image'] for person in people[:2]],
        np.array([[1, 0, -1, -2] + [0] * 10] * 2),
    )
    return folder


@pytest.fixture
def fragment(root, data, monkeypatch):
    """Load a fragment as a leaf config does, with its pipelines closed by an affine crop."""
    monkeypatch.chdir(data)

    def load(name):
        config = Config.fromfile(root / 'configs/_base_/datasets' / f'{name}.py')
        for split in ('train', 'val'):
            pipeline = [*config[f'{split}_transforms'], AFFINE]
            config[f'{split}_dataloader'].dataset.pipeline = pipeline
        return config

    return load


def check_crop(sample):
    assert sample['img'].shape == (64, 64, 3)
    assert sample['transformed_keypoints'].shape[:2] == (1, 18)
    assert sample['flip_indices'] == list(human36m18.FLIP_INDICES)


@pytest.mark.parametrize('name', ['hemlets_h36m', 'hemlets_mannequin'])
def test_3d_people(fragment, name):
    config = fragment(name)
    # In mannequins each image is a video of its own, so that a stride takes all.
    for split, count in (('train', 24), ('val', 8)):
        dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
        assert len(dataset) == count
        for index in (0, count - 1):
            sample = dataset[index]
            check_crop(sample)
            assert sample['depth_valid'] == 1
    # What is tested on is the crop itself: the pelvis in its middle.
    np.testing.assert_allclose(sample['transformed_keypoints'][0, 0], (32, 32, 0), atol=1e-3)
    assert config.test_dataloader.dataset.ann_file == config.val_dataloader.dataset.ann_file


@pytest.mark.parametrize('polarities', [False, True])
def test_mixed_people(fragment, root, polarities):
    config = fragment('hemlets_h36m_mpii')
    if polarities:
        config.train_dataloader.dataset.datasets = Config.fromfile(
            root / POLARITIES
        ).train_dataloader.dataset.datasets
    dataset = DATASETS.build(config.train_dataloader.dataset)
    assert dataset.lens == [24, NUM_MPII]
    assert dataset.metainfo['num_keypoints'] == 18
    flips = set()
    for index in (*range(4), *range(24, 28)) * 3:
        sample = dataset[index]
        check_crop(sample)
        flips.add(sample['flip'])
        is_mpii = index >= 24
        assert sample['transformed_keypoints'].shape[2] == (2 if is_mpii else 3)
        assert ('depth_valid' in sample) is not is_mpii
        assert ('part_polarity' in sample) is (is_mpii and polarities)
    assert flips == {True, False}
    if polarities:
        assert dataset[24]['part_polarity'].tolist() == [[1, 0, -1, -2] + [0] * 10]
        assert (dataset[27]['part_polarity'] == -2).all()


def test_mpii_box_is_that_of_integral_human_pose(fragment):
    config = fragment('hemlets_h36m_mpii')
    dataset = DATASETS.build(config.train_dataloader.dataset).datasets[1]
    sample = dataset[0]
    # Centre (75, 100), scale 0.8: lowered by 15 * 0.8, to pixels from 0; 1.25 * 200 * 0.8.
    np.testing.assert_allclose(sample['bbox_center'], [(74, 111)])
    np.testing.assert_allclose(sample['bbox_scale'], [(200, 200)])


def test_half_of_a_batch_is_mpii(fragment):
    config = fragment('hemlets_h36m_mpii')
    dataset = DATASETS.build(config.train_dataloader.dataset)
    settings = {**config.train_dataloader.sampler, 'batch_size': 8}
    sampler = DATA_SAMPLERS.build(settings, default_args={'dataset': dataset, 'seed': 0})
    batch = list(sampler)[:8]
    assert [index >= 24 for index in batch] == [False] * 4 + [True] * 4
    assert config.train_dataloader.sampler.batch_size == config.train_dataloader.batch_size


@pytest.mark.parametrize('name', ['hemlets_h36m', 'hemlets_mannequin'])
def test_metrics_find_what_they_need(fragment, name):
    """The labels themselves, in place of a prediction, make no error."""
    config = fragment(name)
    metric = METRICS.build(config.val_evaluator)
    dataset = DATASETS.build(config.val_dataloader.dataset)
    pack = TRANSFORMS.build({'type': 'Pack3DPoseInputs'})
    for sample in dataset:
        packed = pack(sample)['data_samples'].to_dict()
        packed['pred_instances'] = {'keypoints': sample['keypoints']}
        metric.process([], [packed])
    scores = metric.evaluate(len(dataset))
    assert {'MPJPE', 'PA-MPJPE'} <= {key.split('/')[-1] for key in scores}
    if name == 'hemlets_mannequin':
        assert all(score < 0.01 for score in scores.values())


def test_a_combination_needs_datasets():
    with pytest.raises(ValueError, match='datasets should name at least one dataset'):
        DATASETS.build({'type': 'Human36m18CombinedDataset', 'datasets': []})
