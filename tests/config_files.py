"""The configs, and what the tests of them share."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import MultiStepLR

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# Parts of configs, comparisons of them, and MMDetection's (see test_configs_detection).
SHARED = ('_base_', 'claims', 'detection')
LEAVES = sorted(
    path.relative_to(CONFIGS).as_posix()
    for path in CONFIGS.rglob('*.py')
    if not set(SHARED) & set(path.relative_to(CONFIGS).parts)
)


@cache
def load(name: str) -> Config:
    """Load a config by its path below ``configs/``; do not change it.

    SMPL's files are not to be had: the mannequin stands in.
    """
    config = Config.fromfile(CONFIGS / name)
    forget_scopes(config._cfg_dict)
    put_in_mannequins(config._cfg_dict)
    return config


def put_in_mannequins(content: Any) -> None:
    """Let the mannequin be every body whose files are the user's."""
    parts = content.values() if isinstance(content, dict) else content
    if isinstance(content, dict) and str(content.get('model_path')).startswith('data/smpl/'):
        content['model_path'] = 'mannequin-coarse'
        content.pop('joint_regressor')
    for part in parts:
        if isinstance(part, dict | list | tuple):
            put_in_mannequins(part)


def forget_scopes(content: Any) -> None:
    """Remove the marks that MMEngine puts into what is inherited from ``mmpose::``."""
    parts = content.values() if isinstance(content, dict) else content
    if isinstance(content, dict):
        content.pop('_scope_', None)
    for part in parts:
        if isinstance(part, dict | list | tuple):
            forget_scopes(part)


def input_size(name: str) -> tuple[int, int]:
    """(w, h) in pixels from a name, which ends as MMPose writes it: HxW."""
    height, width = re.search(r'-(\d+)x(\d+)(?:\.py)?$', name).groups()
    return int(width), int(height)


def datasets_of(dataset: dict, pipeline: tuple = ()) -> Iterator[tuple[dict, list]]:
    """Yield what a dataset is combined and repeated of, each with all its transforms."""
    if 'datasets' in dataset:
        for part in dataset['datasets']:
            yield from datasets_of(part, tuple(dataset['pipeline']))
    elif 'dataset' in dataset:
        yield from datasets_of(dataset['dataset'], pipeline)
    else:
        yield dataset, [*dataset.get('pipeline', ()), *pipeline]


def evaluators_of(config: Config) -> list[dict]:
    """The metrics of validation and test."""
    found = []
    for evaluator in (config.val_evaluator, config.test_evaluator):
        found += evaluator if isinstance(evaluator, list) else [evaluator]
    return found


def first_epochs_of_lower_rates(config: Config) -> list[int]:
    """Epochs, counted from 0, in which MMEngine first trains at a lower rate."""
    (schedule,) = config.param_scheduler
    options = {key: value for key, value in schedule.items() if key != 'type'}
    assert schedule.type == 'MultiStepLR'
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = MultiStepLR(optimizer, **options)
    rates = []
    for _ in range(config.train_cfg.max_epochs):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return [i for i in range(1, len(rates)) if rates[i] < rates[i - 1]]
