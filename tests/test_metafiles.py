import json
import re
import statistics
from pathlib import Path

import pytest
import yaml
from config_files import CONFIGS
from mmengine.config import Config

ROOT = CONFIGS.parent
TRAINABLE = [
    path.relative_to(ROOT).as_posix()
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'claims'} & set(path.relative_to(CONFIGS).parts)
]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
METAFILES = {name: yaml.safe_load((ROOT / name).read_text()) for name in INDEX}
MODELS = [
    pytest.param(name, model, id=Path(model['Config']).stem)
    for name, content in METAFILES.items()
    for model in content['Models']
]
PUBLISHED = ' (published)'
SHARES = {'AP', 'AP@0.5', 'AP@0.75', 'AR', 'Mean', 'Mean@0.1', 'patch_acc'}
PERCENTS = {'box AP'}
LENGTHS = {'MPJPE', 'PA-MPJPE', 'PEL-MPJPE', 'PVE', 'EPE-body'}  # in mm, the last in px
TASKS = {
    *('Body 2D Keypoint', 'Body 3D Keypoint', 'Body Mesh'),
    *('Optical Flow', 'Jigsaw Puzzle', 'Object Detection'),
}
# What a folder of configs is named after, in the metafiles' words.
DATASETS = {
    'coco': 'COCO',
    'coco-tiny': 'COCO',
    'mpii': 'MPII',
    'crowdpose': 'CrowdPose',
    'h36m': 'Human3.6M',
    'h36m-tiny': 'Human3.6M',
    '3dpw': '3DPW',
    'mannequin': 'Mannequins',
    'mmhpsd': 'MMHPSD',
    'dhp19': 'DHP19',
    'posetrack18-tiny': 'PoseTrack18',
}


def metrics_of(model):
    return {
        name: value
        for result in model.get('Results', [])
        for name, value in result['Metrics'].items()
    }


def as_printed(name, value):
    """A published figure in the tables of the pages: shares in percent."""
    return f'{100 * value:.1f}' if name.removesuffix(PUBLISHED) in SHARES else f'{value:.1f}'


def test_every_config_is_listed_once():
    listed = [model['Config'] for content in METAFILES.values() for model in content['Models']]
    assert sorted(listed) == sorted(TRAINABLE)


def test_every_metafile_is_in_the_index():
    found = {path.relative_to(ROOT).as_posix() for path in CONFIGS.rglob('*.yml')}
    assert sorted(INDEX) == sorted(found)


def test_collections_are_defined_once_and_used():
    defined = [one for content in METAFILES.values() for one in content.get('Collections', [])]
    names = [one['Name'] for one in defined]
    used = {model['In Collection'] for content in METAFILES.values() for model in content['Models']}
    assert sorted(names) == sorted(used)
    for one in defined:
        assert (ROOT / one['README']).is_file()
        assert one['Paper']['Title']
        assert one['Paper']['URL'].startswith('https://arxiv.org/abs/')


@pytest.mark.parametrize(('metafile', 'model'), MODELS)
def test_model_is_described_rightly(metafile, model):
    config = Path(model['Config'])
    assert (ROOT / config).is_file()
    assert model['Name'] == config.stem
    assert Path(metafile).parent == config.parent  # as in MMPose, beside its configs
    assert 'Weights' not in model  # none are ours to offer
    trained_on = model['Metadata']['Training Data']
    trained_on = [trained_on] if isinstance(trained_on, str) else trained_on
    tested_on = [result['Dataset'] for result in model.get('Results', [])]
    dataset = DATASETS[config.parent.name]
    assert dataset in [*trained_on, *(name.split(' (')[0] for name in tested_on)]
    assert {result['Task'] for result in model.get('Results', [])} <= TASKS
    assert model['Metadata']['Architecture']
    if 'README' in model:
        assert (ROOT / model['README']).is_file()


@pytest.mark.parametrize(('metafile', 'model'), MODELS)
def test_metrics_are_named_and_scaled_as_mmpose_does(metafile, model):
    for name, value in metrics_of(model).items():
        kind = name.removesuffix(PUBLISHED)
        assert kind in SHARES | PERCENTS | LENGTHS
        most = 1 if kind in SHARES else 100 if kind in PERCENTS else 500
        assert 0 < value <= most


def of_kind(is_published):
    return [
        one
        for one in MODELS
        if is_published in {name.endswith(PUBLISHED) for name in metrics_of(one.values[1])}
    ]


@pytest.mark.parametrize(('metafile', 'model'), of_kind(True))
def test_published_metrics_are_those_of_the_page(metafile, model):
    """They stand in the config's row of the page beside the metafile, which names the source."""
    metrics = metrics_of(model)
    assert all(name.endswith(PUBLISHED) for name in metrics)  # never mixed with ours
    page = (ROOT / metafile).with_suffix('.md').read_text()
    assert 'published' in page
    (row,) = [
        line
        for line in page.splitlines()
        if line.startswith('|') and f'{Path(model["Config"]).name})' in line
    ]
    figures = {name: as_printed(name, value) for name, value in metrics.items()}
    missing = {name for name, text in figures.items() if not re.search(rf'\b{text}\b', row)}
    # Of these SimDR's page has no columns.
    columnless = {f'AP@{iou}{PUBLISHED}' for iou in ('0.5', '0.75') if 'simdr' in metafile}
    assert missing <= columnless


@pytest.mark.parametrize(('metafile', 'model'), of_kind(False))
def test_our_metrics_stand_on_their_page(metafile, model):
    page = (ROOT / model['README']).read_text()
    numbers = {float(number) for number in re.findall(r'\d+(?:\.\d+)?', page)}
    assert set(metrics_of(model).values()) <= numbers


def claimed_means(name):
    """Configs of a claim whose arm is theirs alone, and the means of its runs' metrics."""
    claim = Config.fromfile(CONFIGS / 'claims' / f'{name}.py')
    results = json.loads((ROOT / f'docs/results/{name}.json').read_text())['results']
    for setting, arms in claim.settings.items():
        for arm, config in arms.items():
            runs = [r['metrics'] for r in results if (r['setting'], r['arm']) == (setting, arm)]
            path = config if isinstance(config, str) else config['config']
            yield path, {key: statistics.mean(run[key] for run in runs) for key in runs[0]}


@pytest.mark.parametrize('claim', ['simdr_low_resolution', 'swahr'])
def test_our_metrics_are_the_means_of_the_claim(claim):
    models = {one.values[1]['Config']: one.values[1] for one in MODELS}
    compared = 0
    for config, means in claimed_means(claim):
        for name, value in metrics_of(models[config]).items():
            measured = means[f'coco/{name.replace("@0", " ")}']
            assert value == pytest.approx(measured, abs=0.0005001)
            compared += 1
    assert compared >= 4
