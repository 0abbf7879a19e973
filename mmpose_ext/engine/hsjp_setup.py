"""Whether a jigsaw puzzle (HSJP) is set up so that a network can learn from it.

Training on a puzzle that is put together wrongly runs without an error and ends in a useless
backbone. What is looked for here is our choice; the paper does not speak of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.datasets.transforms import GenerateTarget, RandomFlip, RandomHalfBody, TopdownAffine
from mmpose.evaluation import CocoMetric
from torch import nn

from mmpose_ext.codecs.functional.jigsaw import cell_size
from mmpose_ext.datasets.transforms.hsjp_shuffle import HSJPShuffle
from mmpose_ext.evaluation.metrics.hsjp_accuracy import HSJPAccuracy

Grid = tuple[int, int]

# What a network trained on one puzzle must share with another to go on from it.
COMPARED = ('grid', 'sigma', 'input_size')


def pipelines_of(dataset: Any, after: Sequence[Any] = ()) -> Iterator[list[Any]]:
    """Find the transforms that the samples of a dataset pass, through all its wrappers.

    Args:
        dataset (Any): A dataset, or a wrapper that has ``dataset`` or ``datasets``, which may
            have a pipeline of its own, as MMPose's ``CombinedDataset`` has.
        after (Sequence[Any]): Transforms that follow.

    Yields:
        list[Any]: The transforms of each dataset inside, in their order.
    """
    own = [*getattr(getattr(dataset, 'pipeline', None), 'transforms', ()), *after]
    inside = getattr(dataset, 'datasets', None)
    if inside is None and hasattr(dataset, 'dataset'):
        inside = [dataset.dataset]
    if inside is None:
        yield own
    for part in inside or ():
        yield from pipelines_of(part, own)


def grids_of(dataset: Any) -> list[Grid]:
    """Grids of all puzzles in a dataset, each once.

    Args:
        dataset (Any): A dataset or a wrapper.

    Returns:
        list[tuple[int, int]]: (rows, columns) of each.
    """
    found = [_grid(t) for chain in pipelines_of(dataset) for t in chain if _is_puzzle(t)]
    return list(dict.fromkeys(found))


def hsjp_fingerprint(model: nn.Module, dataset: Any) -> dict[str, Any]:
    """What a network's weights are the solution of, for its checkpoints.

    Args:
        model (nn.Module): The pose estimator.
        dataset (Any): A dataset of puzzles or a wrapper.

    Returns:
        dict[str, Any]: ``grid`` [rows, columns], ``sigma`` in px of the heatmap, ``input_size``
        and ``heatmap_size`` [w, h] px, ``codec`` and ``jitter`` px; numbers, strings and lists.
        None where the model or the dataset has none, or has several.
    """
    puzzles = [t for chain in pipelines_of(dataset) for t in chain if _is_puzzle(t)]
    grids = grids_of(dataset)
    jitters = {int(puzzle.jitter) for puzzle in puzzles}
    return {
        'grid': list(grids[0]) if len(grids) == 1 else None,
        **_codec_values(getattr(getattr(model, 'head', None), 'decoder', None)),
        'jitter': jitters.pop() if len(jitters) == 1 else None,
    }


def fingerprint_differences(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Compare two fingerprints in what matters to the weights.

    Args:
        first (dict[str, Any]): Of a checkpoint.
        second (dict[str, Any]): Of this run.

    Returns:
        list[str]: Each that differs, such as ``'grid is [4, 3] there and [2, 2] here'``.
    """
    return [
        f'{key} is {first[key]} there and {second[key]} here'
        for key in COMPARED
        if None not in (first.get(key), second.get(key))
        and _plain(first[key]) != _plain(second[key])
    ]


def hsjp_setup_problems(
    model: nn.Module,
    train_dataset: Any,
    val_dataset: Any = None,
    grid: Grid | None = None,
    val_metrics: Sequence[Any] = (),
) -> list[str]:
    """Find all that is wrong with a puzzle.

    Args:
        model (nn.Module): The pose estimator, not wrapped.
        train_dataset (Any): What it is trained on; wrappers are looked into.
        val_dataset (Any, optional): What it is validated on.
        grid (tuple[int, int], optional): (rows, columns) that is meant.
        val_metrics (Sequence[Any]): What it is scored by in validation.

    Returns:
        list[str]: A sentence with the cure for each problem; empty if there is none.
    """
    problems: list[str] = []
    for chain in pipelines_of(train_dataset):
        problems += _order_problems(chain) + _size_problems(chain, model)
    for chain in pipelines_of(val_dataset):
        problems += [f'In validation: {problem}' for problem in _size_problems(chain, model)]
        problems += _metric_problems(val_metrics, chain)
    grids = grids_of(train_dataset)
    for name, found in (('train', grids), ('val', grids_of(val_dataset))):
        wanted = grid or (grids[0] if grids else None)
        problems += [
            f'The {name} pipeline has a puzzle of {other}, not of {wanted}: give every '
            'HSJPShuffle the same grid.'
            for other in found
            if other != wanted
        ]
    if val_dataset is not None and not grids_of(val_dataset):
        problems.append('The val pipeline has no HSJPShuffle: add one with a seed.')
    problems += _model_problems(model, grids, train_dataset)
    return list(dict.fromkeys(problems))  # parts of a combined dataset often share one


def hsjp_setup_warnings(model: nn.Module, train_dataset: Any, val_dataset: Any = None) -> list[str]:
    """Find what is unusual about a puzzle, though a network can learn from it.

    Args:
        model (nn.Module): The pose estimator, not wrapped.
        train_dataset (Any): What it is trained on; wrappers are looked into.
        val_dataset (Any, optional): What it is validated on.

    Returns:
        list[str]: A sentence for each.
    """
    warnings = [
        f'The heatmaps of neighbouring patches overlap: 6 * sigma + 1 = {6 * sigma + 1:g} px is '
        f'more than the smaller side of a cell, {side:g} px. Choose a smaller sigma or grid.'
        for sigma, side in _windows_and_cells(model, train_dataset)
        if 6 * sigma + 1 > side
    ]
    if _is_pretrained(getattr(getattr(model, 'backbone', None), 'init_cfg', None)):
        warnings.append(
            'The backbone starts from the weights of its init_cfg. To pretrain from nothing, '
            'which is what the method is for, set model.backbone.init_cfg=None.'
        )
    for name, dataset, seeded in (('train', train_dataset, True), ('val', val_dataset, False)):
        puzzles = [t for chain in pipelines_of(dataset) for t in chain if _is_puzzle(t)]
        if any((puzzle.seed is not None) == seeded for puzzle in puzzles):
            effect, cure = (
                ('is always the same puzzle', 'seed=None')
                if seeded
                else ('is another puzzle each time, and scores do not compare', 'seed=0')
            )
            warnings.append(f'HSJPShuffle of the {name} pipeline: a crop {effect}. Use {cure}.')
    return warnings


def _order_problems(chain: list[Any]) -> list[str]:
    """The puzzle is made of an upright crop, once, before targets are made of it."""
    puzzles = _places(chain, HSJPShuffle)
    if len(puzzles) != 1:
        return [
            f'The train pipeline has {len(puzzles)} HSJPShuffle: one is wanted, after '
            'TopdownAffine and before GenerateTarget.'
        ]
    (puzzle,) = puzzles
    problems = []
    affine, target = _places(chain, TopdownAffine), _places(chain, GenerateTarget)
    if not affine or max(affine) > puzzle:
        problems.append('HSJPShuffle must come after TopdownAffine, which makes the crop.')
    if not target or min(target) < puzzle:
        problems.append('HSJPShuffle must come before GenerateTarget, which needs its places.')
    if _places(chain, RandomHalfBody):
        problems.append('RandomHalfBody needs labelled keypoints: remove it from the pipeline.')
    flips = _places(chain, RandomFlip)
    if flips and max(flips) > min([*affine, puzzle]):
        problems.append('RandomFlip must come before TopdownAffine: a puzzle has no mirror image.')
    return problems


def _size_problems(chain: list[Any], model: nn.Module) -> list[str]:
    """Crop, patches, targets and the network's decoder are of one size."""
    decoder = getattr(getattr(model, 'head', None), 'decoder', None)
    size = _codec_values(decoder)['input_size']
    problems = []
    for transform in chain:
        if isinstance(transform, TopdownAffine) and size not in (None, [*transform.input_size]):
            problems.append(
                f'TopdownAffine makes crops of {[*transform.input_size]}, but model.head.decoder '
                f'has input_size {size}: use one codec.'
            )
        if isinstance(transform, GenerateTarget):
            problems += _encoder_problems(transform.encoder, decoder)
        if _is_puzzle(transform) and size is not None:
            try:
                cell_size(transform.grid, size)
            except ValueError as error:
                problems.append(f'HSJPShuffle: {error}')
        if hasattr(transform, 'use_udp') and isinstance(decoder, MSRAHeatmap | UDPHeatmap):
            udp = isinstance(decoder, UDPHeatmap)
            if transform.use_udp != udp:
                problems.append(
                    f'{type(transform).__name__} has use_udp={transform.use_udp}, which does not '
                    f'go with {type(decoder).__name__}: set use_udp={udp}.'
                )
    return problems


def _metric_problems(metrics: Sequence[Any], chain: list[Any]) -> list[str]:
    """Puzzles are scored as they are made, and by nothing that wants keypoints."""
    problems = []
    for metric in metrics:
        if isinstance(metric, CocoMetric):
            problems.append(
                f'{type(metric).__name__} scores keypoints, which a puzzle has none of: use '
                'HSJPAccuracy in val_evaluator.'
            )
        if isinstance(metric, HSJPAccuracy):
            problems += [
                f'HSJPAccuracy has {key}={getattr(metric, key)}, HSJPShuffle in validation '
                f'{key}={getattr(puzzle, key)}: give them the same.'
                for puzzle in filter(_is_puzzle, chain)
                for key in ('grid', 'use_udp')
                if getattr(metric, key) != getattr(puzzle, key)
            ]
    return problems


def _encoder_problems(encoder: Any, decoder: Any) -> list[str]:
    if isinstance(encoder, list):
        return ['GenerateTarget has several encoders, but a puzzle has one: give the codec alone.']
    if decoder is not None and _codec_values(encoder) != _codec_values(decoder):
        return [
            f'GenerateTarget encodes with {_codec_values(encoder)}, model.head.decoder decodes '
            f'with {_codec_values(decoder)}: use one codec.'
        ]
    rounds = isinstance(encoder, UDPHeatmap) or (
        isinstance(encoder, MSRAHeatmap) and not encoder.unbiased
    )
    if rounds and not float(3 * encoder.sigma).is_integer():
        return [
            f'{type(encoder).__name__} with sigma={encoder.sigma} puts peaks near the border one '
            'pixel off: 3 * sigma must be a whole number, such as with sigma 1, 2 or 3.'
        ]
    return []


def _model_problems(model: nn.Module, grids: list[Grid], dataset: Any) -> list[str]:
    problems = []
    if not isinstance(getattr(model, 'backbone', None), nn.Module):
        problems.append('The model has no backbone, which is what is pretrained.')
    head = getattr(model, 'head', None)
    channels = getattr(head, 'out_channels', None)
    # A heatmap and two offsets for each patch.
    maps = 3 if getattr(getattr(head, 'decoder', None), 'heatmap_type', '') == 'combined' else 1
    keypoints = (getattr(dataset, 'metainfo', None) or {}).get('num_keypoints')
    for rows, columns in grids:
        count = rows * columns
        if channels != count * maps:
            problems.append(
                f'A puzzle of {(rows, columns)} has {count} patches, but model.head.out_channels '
                f'is {channels}: set it to {count * maps}.'
            )
        if keypoints not in (None, count):
            problems.append(
                f'A puzzle of {(rows, columns)} has {count} patches, but the dataset has '
                f'{keypoints} keypoints: give HSJPCocoDataset the same grid.'
            )
    if (getattr(model, 'test_cfg', None) or {}).get('flip_test', False):
        problems.append(
            'A puzzle has no mirror image to test on as well: set model.test_cfg.flip_test=False.'
        )
    return problems


def _windows_and_cells(model: nn.Module, dataset: Any) -> Iterator[tuple[float, float]]:
    """Sigma, and the smaller side of a cell in px of the heatmap."""
    codec = _codec_values(getattr(getattr(model, 'head', None), 'decoder', None))
    if isinstance(codec['sigma'], int | float) and codec['heatmap_size']:
        width, height = codec['heatmap_size']
        for rows, columns in grids_of(dataset):
            yield codec['sigma'], min(width / columns, height / rows)


def _codec_values(codec: Any) -> dict[str, Any]:
    """What targets depend on, as plain values."""
    values = {key: _plain(getattr(codec, key, None)) for key in ('input_size', 'heatmap_size')}
    name = type(codec).__name__ if codec is not None else None
    return {'sigma': _plain(getattr(codec, 'sigma', None)), **values, 'codec': name}


def _plain(value: Any) -> Any:
    """The same as numbers and lists, which torch loads without running code."""
    if value is None or isinstance(value, int | float | str):
        return value
    return [value_.item() if hasattr(value_, 'item') else value_ for value_ in value]


def _is_puzzle(transform: Any) -> bool:
    return isinstance(transform, HSJPShuffle)


def _grid(puzzle: HSJPShuffle) -> Grid:
    rows, columns = puzzle.grid
    return int(rows), int(columns)


def _places(chain: list[Any], kind: type) -> list[int]:
    return [index for index, transform in enumerate(chain) if isinstance(transform, kind)]


def _is_pretrained(init_cfg: Any) -> bool:
    configs = init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]
    return any((config or {}).get('type') == 'Pretrained' for config in configs)
