"""docs/custom_data.md, taken at its word: on mannequins, with the config that stands there."""

import json
import re
import runpy

import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

from mmpose_ext.datasets.validation import validate_config

SECTION = re.compile(r'```(\w+)\n(.*?)```', re.DOTALL)


@pytest.fixture(scope='module')
def page(root):
    return (root / 'docs/custom_data.md').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def config_text(page):
    (text,) = [text for kind, text in SECTION.findall(page) if '_base_' in text]
    return text


@pytest.fixture(scope='module')
def own_coco(root):
    return runpy.run_path(str(root / 'tools/dataset_converters/own_coco.py'))['main']


@pytest.fixture(scope='module')
def config(root, mannequins, config_text, own_coco, tmp_path_factory):
    """The page's config on a handful of mannequins, whose export is divided as on the page."""
    folder = tmp_path_factory.mktemp('custom')
    export = mannequins / 'annotations/person_keypoints_train.json'
    assert own_coco([str(export), '--out', str(folder)]) == 0
    text = config_text.replace("'configs/", f"'{root}/configs/")
    text = text.replace("'data/mine/'", f"'{folder}/'")
    text = text.replace("img='images/train/'", f"img='{mannequins}/images/train/'")
    (folder / 'my_config.py').write_text(text)
    return Config.fromfile(folder / 'my_config.py')


def test_the_config_passes_the_check(config):
    reports = validate_config(config)
    assert [report.number('error') for report in reports] == [0, 0]
    assert [report.counts['images'] for report in reports] == [19, 5]  # 24 less a fifth


def test_the_config_trains_on_the_data(config):
    dataset = DATASETS.build(config.train_dataloader.dataset)
    assert len(dataset) == 19
    assert dataset.metainfo['dataset_name'] == 'person'
    labels = dataset[0]['data_samples'].gt_instance_labels
    assert labels.keypoint_x_labels.shape[1] == config.model.head.out_channels
    assert config.val_evaluator.ann_file.endswith('/val.json')
    assert config.default_hooks.checkpoint.save_best == 'coco/AP'


def test_the_entry_of_the_page_is_sound(page, tmp_path, root, capsys):
    (text,) = [text for kind, text in SECTION.findall(page) if kind == 'json']
    (tmp_path / 'export.json').write_text(text)
    main = runpy.run_path(str(root / 'tools/validate_dataset.py'))['main']
    options = ['--ann', str(tmp_path / 'export.json'), '--images', str(tmp_path)]
    assert main(options) == 1
    report = capsys.readouterr().out
    assert '1 errors, 0 warnings' in report
    assert 'image-missing' in report  # 0001.jpg is not here


def test_commands_of_the_page_are_there(page, root):
    commands = re.findall(r'python ((?:tools|-m)\S+)', page)
    assert len(commands) >= 9
    assert [command for command in commands if not (root / command).is_file()] == []


def test_refuses_exports_that_are_none(own_coco, tmp_path):
    path = tmp_path / 'export.json'
    with pytest.raises(SystemExit, match=r'export\.json'):
        own_coco([str(path), '--out', str(tmp_path)])
    category = {'keypoints': ['nose'], 'name': 'x'}
    for content, says in (
        ([], 'is no COCO keypoint file'),
        ({'categories': [{'name': 'box'}]}, 'one category with keypoints'),
        ({'categories': [category, category]}, 'one category with keypoints'),
        ({'categories': [category]}, "an id .*KeyError: 'images'.*validate_dataset"),
        ({'categories': [category], 'images': ['a'], 'annotations': []}, 'an id .*TypeError'),
        ({'categories': [category], 'images': [{'id': [1]}], 'annotations': []}, 'unhashable'),
        ({'categories': [category], 'images': [{'id': 1}], 'annotations': [{}]}, 'image_id'),
        ({'categories': [category], 'images': [{'id': 1}], 'annotations': []}, 'two images'),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(SystemExit, match=says):
            own_coco([str(path), '--out', str(tmp_path / 'out')])
    assert not (tmp_path / 'out').exists()


def test_a_wrong_share_is_not_the_exports_fault(own_coco, tmp_path, capsys):
    with pytest.raises(SystemExit):
        own_coco([str(tmp_path / 'x.json'), '--out', str(tmp_path), '--val-fraction', '2'])
    told = capsys.readouterr().err
    assert '--val-fraction should be above 0 and below 1, got 2.0' in told
    assert 'x.json' not in told
