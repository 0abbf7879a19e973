"""Several processes: the same gradients and scores as one, and one that writes.

What each process measures is measured in two_processes.py; here is what must come out.
"""

import json
from pathlib import Path

import pytest
import torch
from mmpose.registry import MODELS
from small_recordings import write_recordings
from two_processes import METHODS, VALIDATED

from mmpose_ext.event_layout import write_split
from mmpose_ext.models.functional.coherence import flow_coherence
from mmpose_ext.models.losses.hemlets_loss import coordinate_error, map_error
from mmpose_ext.models.losses.posh_loss import labelled_mean

FRAMES = 21  # two clips of a recording
TOLERANCE = 1e-5


@pytest.fixture(scope='module')
def measured(mannequins, crowds, tmp_path_factory, run_python, root):
    """What the two processes measured, each and before they met."""
    folder = tmp_path_factory.mktemp('two_processes')
    recordings = folder / 'recordings'
    names = [
        dict(name=name, subject='s0', action='walk')
        for name in write_recordings(recordings, lengths=[FRAMES] * 3)
    ]
    write_split(recordings, 'test', names)
    run_python('tests/two_processes.py', mannequins, crowds, recordings, folder, timeout=300)
    return [json.loads((folder / f'rank{rank}.json').read_text()) for rank in range(2)]


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


@pytest.fixture
def ranks(measured, method):
    """What each process measured of a method."""
    return [found['together'][method] for found in measured]


def test_gradients_are_those_of_the_joint_batch(ranks):
    for found in ranks:
        assert found['wrapper'] == 'MMDistributedDataParallel'
        assert len(found['errors']) > 50  # weights; one without a gradient would be NaN
        wrong = {k: error for k, error in found['errors'].items() if not error <= TOLERANCE}
        assert not wrong


def test_scores_are_those_of_one_process(measured, ranks, method):
    (alone,) = (found['alone'][method] for found in measured if method in found['alone'])
    assert alone
    assert any(value not in (-1, 0, 1) for value in alone.values())
    for found in ranks:
        assert found['scores'] == pytest.approx(alone, rel=TOLERANCE, nan_ok=True)


def test_weights_stay_the_same_in_both(ranks):
    assert [found['steps'] for found in ranks] == [2, 2]
    assert ranks[0]['weights'] == ranks[1]['weights']


def test_only_the_first_process_writes(ranks, method):
    files, others = ([Path(name) for name in found['files']] for found in ranks)
    names = {path.name for path in files}
    wanted = {'iter_2.pth', 'last_checkpoint', 'scalars.json', Path(METHODS[method].config).name}
    wanted |= {'hsjp_backbone.pth'} if method == 'hsjp' else set()
    wanted |= {'curves.png'} if METHODS[method].draws_curves else set()
    assert wanted <= names
    assert any(path.suffix == '.png' for path in files if 'vis_image' in path.parts)
    # MMEngine 0.10.7 itself lets each process write the scores of a test.
    assert [path.name for path in others if path.name != f'{path.parts[0]}.json'] == []


def test_processes_have_different_numbers_of_samples():
    assert VALIDATED % 2  # else nothing above would ask for it


def numbers(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)))


# Of four samples the first two have fewer labels than the last two.
LABELS = torch.tensor([[1, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 0]]).float()


def simdr(kind, reduction):
    loss = MODELS.build(dict(type=kind, reduction=reduction))
    labels = (LABELS * 3).long() if 'Smoothing' in kind else numbers(4, 3, 8).softmax(-1)
    return lambda of: loss((numbers(4, 3, 8)[of],) * 2, (labels[of],) * 2, LABELS[of])


def associative_embedding(reduction):
    loss = MODELS.build(dict(type='BatchedAssociativeEmbeddingLoss', reduction=reduction))
    people = [torch.tensor([[[1, 1], [2, 1]]] * n).reshape(n, 2, 2) for n in (0, 1, 2, 3)]
    return lambda of: sum(loss(numbers(4, 2, 3, 3)[of], people[of]))


def swahr(of):
    loss = MODELS.build(dict(type='SWAHRHeatmapLoss'))
    maps = numbers(4, 3, 3, 3) * LABELS[..., None, None]
    mask = LABELS[:, :1, None, None].expand(-1, -1, 3, 3)
    return sum(loss(numbers(4, 3, 3, 3)[of], maps[of], mask[of], maps[of].sqrt()))


def hemlets(reduction):
    maps, xyz = numbers(4, 3, 5, 5), numbers(4, 3, 3)
    return lambda of: (
        map_error(maps[of], maps.mT[of], LABELS[of], reduction)
        + coordinate_error(xyz[of], xyz.mT[of], LABELS[of], LABELS[of], reduction=reduction)
    )


def heatmaps(of):
    loss = MODELS.build(dict(type='KeypointMSELoss', use_target_weight=True))
    maps = numbers(4, 3, 5, 5)
    return loss(maps[of], maps.mT[of], LABELS[of])


def photometric(valid_only):
    options = dict(scale_weights=[1], valid_only=valid_only)
    loss = MODELS.build(dict(type='FlowPhotometricLoss', **options))
    flow = 9 * numbers(4, 2, 8, 8) * LABELS[:, 1, None, None, None]
    return lambda of: loss([flow[of]], 255 * numbers(4, 2, 8, 8)[of])


def smoothness(of):
    loss = MODELS.build(dict(type='FlowSmoothnessLoss', scale_weights=[1]))
    return loss([numbers(4, 2, 8, 8)[of]])


def coherence(reduction):
    flow = 9 * numbers(4, 2, 2, 8, 8) * LABELS[:, 1, None, None, None, None]
    points = 8 * numbers(4, 3, 5, 2)
    return lambda of: flow_coherence(points[of], flow[of], reduction=reduction)


def labelled(of):
    points = numbers(4, 3, 3)
    return labelled_mean(torch.nn.functional.l1_loss, points[of], points.mT[of], LABELS[of])


ADDITIVE = {
    'SimDRSmoothingLoss sum': simdr('SimDRSmoothingLoss', 'sum'),
    'SimDRSmoothingLoss mean': simdr('SimDRSmoothingLoss', 'mean'),
    'SimDRKLLoss mean': simdr('SimDRKLLoss', 'mean'),
    'BatchedAssociativeEmbeddingLoss mean': associative_embedding('mean'),
    'SWAHRHeatmapLoss': swahr,
    'HEMletsLoss sum': hemlets('sum'),
    'HEMletsLoss mean': hemlets('mean'),
    'KeypointMSELoss': heatmaps,
    'FlowPhotometricLoss': photometric(False),
    'FlowSmoothnessLoss': smoothness,
    'FlowCoherenceLoss all': coherence('all'),
}
# docs/distributed.md names these.
NOT_ADDITIVE = {
    'SimDRKLLoss batch_sum': simdr('SimDRKLLoss', 'batch_sum'),
    'BatchedAssociativeEmbeddingLoss sum': associative_embedding('sum'),
    'FlowPhotometricLoss valid_only': photometric(True),
    'FlowCoherenceLoss valid': coherence('valid'),
    'PoShLoss, EventPoseLoss': labelled,
}


@pytest.mark.parametrize('name', [*ADDITIVE, *NOT_ADDITIVE])
def test_mean_over_two_halves_with_different_labels(name, root):
    """Whether the average of two processes' losses is the loss of their joint batch."""
    loss = {**ADDITIVE, **NOT_ADDITIVE}[name]
    joint = loss(slice(4))
    halves = (loss(slice(2)) + loss(slice(2, 4))) / 2
    assert joint > 0
    assert (abs(halves - joint) < 1e-5 * joint) == (name in ADDITIVE)
    if name in NOT_ADDITIVE:
        assert abs(halves - joint) > 1e-3 * joint
        text = (root / 'docs/distributed.md').read_text()
        assert all(word in text for word in name.replace(',', '').split())
