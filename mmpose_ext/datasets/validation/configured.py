"""Checks of the datasets that a config trains, validates and tests with."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope
from mmpose.datasets.datasets import CocoDataset
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from mmpose_ext.datasets.validation.coco_file import Keypoints
from mmpose_ext.datasets.validation.files import validate_coco_file
from mmpose_ext.datasets.validation.findings import Report
from mmpose_ext.datasets.validation.pictures import Picture, Progress, check_pictures

SPLITS = ('train', 'val', 'test')
# Heads whose option says how many keypoints they predict.
_HEADS = {
    'HeatmapHead': 'out_channels',
    'RTMCCHead': 'out_channels',
    'SimCCHead': 'out_channels',
    'SimDRHead': 'out_channels',
    'AssociativeEmbeddingHead': 'num_keypoints',
    'SWAHRHead': 'num_keypoints',
}


def validate_config(
    config: Config,
    splits: Sequence[str] = SPLITS,
    *,
    read: bool = True,
    progress: Progress = iter,
) -> list[Report]:
    """Find what breaks a training, validation or test with the datasets of a config.

    COCO files are checked entry by entry. Other datasets are built, which for those of this
    package checks their files, and their samples' boxes, keypoints and pictures looked at.

    Args:
        config (Config): The config.
        splits (Sequence[str]): Of ``'train'``, ``'val'`` and ``'test'``. Defaults to all.
        read (bool): Whether the pictures are read; else only looked for. Defaults to True.
        progress (Progress): Wraps an iterable, for a progress bar. Defaults to none.

    Returns:
        list[Report]: One for each file; a file of two splits is looked at once.

    Raises:
        ValueError: If a split is unknown, or the config has no dataset for any of them.
    """
    unknown = set(splits) - set(SPLITS)
    if unknown:
        raise ValueError(f'splits are {SPLITS}, got {sorted(unknown)}')
    scope = config.get('default_scope', 'mmpose')
    init_default_scope(scope)
    reports: dict[str, Report] = {}
    used: dict[str, list[str]] = {}
    for split in splits:
        for options, steps in _datasets_of(config.get(f'{split}_dataloader') or {}):
            key = repr([options.get(k) for k in ('type', 'data_root', 'ann_file', 'data_prefix')])
            if key not in reports:
                reports[key] = _validate_dataset(options, scope, read, progress)
                _check_model(config, options, steps, reports[key])
            used.setdefault(key, []).append(split)
            _check_evaluator(config, split, options, reports[key])
    if not reports:
        raise ValueError(f'the config has no dataset for {", ".join(splits)}')
    training = {p.resolve() for k, r in reports.items() if 'train' in used[k] for p in r.pictures}
    for key, report in reports.items():
        report.source += f' ({", ".join(dict.fromkeys(used[key]))})'
        if set(used[key]) != {'train'}:
            for path in report.pictures:
                if path.resolve() in training:
                    report.add('splits-share', str(path), 'it is in the training data')
    return list(reports.values())


def _datasets_of(part: Mapping[str, Any], steps: tuple = ()) -> Iterator[tuple[dict, tuple]]:
    """The datasets that a loader's one is combined and repeated of, with their transforms."""
    steps = (*steps, *(part.get('pipeline') or ()))
    inner = [*part.get('datasets', ()), *([part['dataset']] if 'dataset' in part else [])]
    for dataset in inner:
        yield from _datasets_of(dataset, steps)
    if not inner and 'type' in part:
        yield dict(part), steps


def _validate_dataset(
    options: Mapping[str, Any], scope: str, read: bool, progress: Progress
) -> Report:
    report = Report(str(options.get('ann_file') or options['type']))
    options = {**options, 'pipeline': []}
    # MMDet's and MMPose's CocoDataset are not the same.
    with DATASETS.switch_scope_and_registry(options.pop('_scope_', scope)) as registry:
        kind = registry.get(options['type'])
        coco = kind is not None and _reads_coco(kind)
        try:
            # pycocotools prints that it reads.
            with redirect_stdout(StringIO()):
                dataset = registry.build({**options, 'lazy_init': True} if coco else options)
        except Exception as error:  # whatever the options make it raise is what is to be reported
            report.add('dataset', report.source, f'{type(error).__name__}: {error}')
            return report
    if not coco:
        return _validate_samples(dataset, report, read, progress)
    names = dataset.metainfo['keypoint_id2name']
    keypoints = Keypoints(len(names), tuple(names[index] for index in sorted(names, key=int)))
    folder = dataset.data_prefix['img']
    report = validate_coco_file(dataset.ann_file, folder, keypoints, read=read, progress=progress)
    if dataset.bbox_file and not Path(dataset.bbox_file).is_file():
        report.add('dataset', report.source, f'there is no bbox_file {dataset.bbox_file}')
    return report


def _reads_coco(kind: Any) -> bool:
    """Whether a kind of dataset reads COCO keypoint files; some of the family have others."""
    if not issubclass(kind, BaseCocoStyleDataset):
        return False
    if kind.load_data_list is not BaseCocoStyleDataset.load_data_list:
        return False
    own = kind._load_annotations is not BaseCocoStyleDataset._load_annotations
    return issubclass(kind, CocoDataset) or not own


def _validate_samples(
    dataset: BaseDataset, report: Report, read: bool, progress: Progress
) -> Report:
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    report.counts['samples'] = len(samples)
    pictures: dict[str, Picture] = {}
    for index, sample in enumerate(samples):
        path = sample.get('img_path')
        where = f'sample {index}'
        if isinstance(path, str):
            where += f' ({Path(path).name})'
            pictures.setdefault(path, Picture(Path(path), where))
        box = sample.get('bbox')
        if box is not None and not (np.isfinite(box).all() and (box[:, 2:] > box[:, :2]).all()):
            report.add('box-zero', where, f'bbox {np.asarray(box).tolist()}')
        points, visible = sample.get('keypoints'), sample.get('keypoints_visible')
        if points is not None and visible is not None:
            shown = np.asarray(visible).reshape(*points.shape[:2], -1)[..., 0] > 0
            if not np.isfinite(points[shown]).all():
                report.add('keypoints', where, 'a visible keypoint is not finite')
    check_pictures(list(pictures.values()), report, read=read, progress=progress)
    return report


def _check_model(
    config: Config, options: Mapping[str, Any], steps: Sequence[Mapping], report: Report
) -> None:
    """See that the head predicts as many keypoints as the file has, where no step converts them."""
    head = (config.get('model') or {}).get('head') or {}
    option = _HEADS.get(str(head.get('type')), '')
    wanted = head.get(option)
    number = report.counts.get('keypoints each')
    if wanted is None or number is None or any('Converter' in str(s.get('type')) for s in steps):
        return
    if wanted != number:
        message = f'{head["type"]}.{option} is {wanted}, the dataset has {number} keypoints'
        report.add('model-keypoints', f'model.head of {options["type"]}', message)


def _check_evaluator(
    config: Config, split: str, options: Mapping[str, Any], report: Report
) -> None:
    evaluators = config.get(f'{split}_evaluator') or []
    for evaluator in [evaluators] if isinstance(evaluators, Mapping) else evaluators:
        file = evaluator.get('ann_file')
        mine = os.path.join(options.get('data_root') or '', options.get('ann_file') or '')
        if file and os.path.normpath(file) != os.path.normpath(mine):
            where = f'{split}_evaluator ({evaluator["type"]})'
            report.add('evaluator-file', where, f'{file}, the dataset reads {mine}')
