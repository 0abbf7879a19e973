import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.functional import photometric_error

NAMES = ('EPE', 'EPE-zero', 'outliers', 'AAE', 'cos')


def evaluate(samples, **metric):
    built = METRICS.build(metric)
    for sample in samples:
        built.process(None, [sample.to_dict()])
    return built.evaluate(len(samples))


def sample(pred=(0, 0), gt=(0, 0), size=(4, 6), **fields):
    """A sample of constant flows; the left half is the body, the upper half has events."""
    made = PoseDataSample(metainfo=dict(id=7, recording='walk', frame_ids=(2, 4)))
    pred, gt = (
        torch.tensor(f, dtype=torch.float32).view(2, 1, 1).expand(2, *size) for f in (pred, gt)
    )
    body, event_mask = torch.zeros(2, 1, *size)
    body[..., : size[1] // 2] = 1
    event_mask[..., : size[0] // 2, :] = 1
    made.pred_fields = PixelData(flow=pred.clone())
    made.gt_fields = PixelData(
        **{**dict(flow=gt.clone(), body=body.bool(), event_mask=event_mask.byte()), **fields}
    )
    return made


def test_epe_by_hand():
    first, second = sample((3, 0), (0, 4)), sample((0, 2), (0, 2.5))
    scores = evaluate([first, second], type='FlowEPE')
    suffixes = ('', '-body', '-events')
    assert set(scores) == {f'flow/{name}{suffix}' for name in NAMES for suffix in suffixes}
    for suffix in suffixes:
        assert scores[f'flow/EPE{suffix}'] == pytest.approx((5 + 0.5) / 2)
        assert scores[f'flow/EPE-zero{suffix}'] == pytest.approx((4 + 2.5) / 2)
        assert scores[f'flow/outliers{suffix}'] == 0.5
        assert scores[f'flow/cos{suffix}'] == 0.5


def test_regions():
    made = sample((1, 0), (0, 0))
    made.gt_fields.flow[0, :, :3] = 1
    scores = evaluate([made], type='FlowEPE', regions=['body', 'all'])
    assert set(scores) == {f'flow/{name}{suffix}' for name in NAMES for suffix in ('', '-body')}
    assert scores['flow/EPE-body'] == 0
    assert scores['flow/EPE'] == 0.5
    assert scores['flow/EPE-zero'] == 0.5
    assert scores['flow/AAE'] == pytest.approx(45 / 2)


def test_means_are_over_pixels_not_samples():
    """The body of the second sample is a single pixel."""
    tiny = torch.zeros(1, 4, 6, dtype=torch.bool)
    tiny[0, 0, 0] = True
    made = [sample((2, 0)), sample((8, 0), body=tiny)]
    scores = evaluate(made, type='FlowEPE', regions='body')
    assert scores['flow/EPE-body'] == pytest.approx((12 * 2 + 8) / 13)


def test_cosine_is_of_moving_pixels():
    slow = sample((0, 1), (0.5, 0))
    assert np.isnan(evaluate([slow], type='FlowEPE', regions='all')['flow/cos'])
    fast = sample((0, 1), (0, 1.5))
    assert evaluate([slow, fast], type='FlowEPE', regions='all')['flow/cos'] == 1


def test_threshold():
    made = [sample((2, 0))]
    for threshold, share in ((1.9, 1), (2, 0)):
        scores = evaluate(made, type='FlowEPE', regions='all', threshold=threshold)
        assert scores['flow/outliers'] == share


def test_photometric():
    torch.manual_seed(0)
    made, pairs = [], 255 * torch.rand(3, 2, 8, 10)
    for pair in pairs.byte():
        made.append(sample((1, -2), size=(8, 10), gray=pair))
    scores = evaluate(made, type='FlowPhotometricMetric')
    first, second = pairs.byte().float().split(1, dim=1)
    flow = torch.stack([m.pred_fields.flow for m in made])
    error = photometric_error(first, second, flow).item()
    still = photometric_error(first, second, torch.zeros_like(flow)).item()
    assert scores == pytest.approx(
        {'flow/photometric': error, 'flow/photometric-zero': still, 'flow/gain': 1 - error / still},
        rel=1e-4,
    )


def test_both_metrics_in_one_evaluator():
    gray = torch.randint(0, 255, (2, 4, 6), dtype=torch.uint8)
    evaluator = Evaluator([dict(type='FlowEPE'), dict(type='FlowPhotometricMetric')])
    evaluator.process([sample((1, 0), (2, 0), gray=gray)])
    scores = evaluator.evaluate(1)
    assert len(scores) == 15 + 3
    assert all(np.isfinite(score) for score in scores.values())


def test_refuses_samples():
    for field, metric in (('flow', 'FlowEPE'), ('event_mask', 'FlowEPE')):
        made = sample()
        made.gt_fields.pop(field)
        with pytest.raises(
            ValueError, match=rf'sample 7 \(walk, \(2, 4\)\) lacks gt_fields.{field}'
        ):
            evaluate([made], type=metric)
    with pytest.raises(ValueError, match=r'lacks gt_fields.gray. The dataset must have it'):
        evaluate([sample()], type='FlowPhotometricMetric')
    made = sample()
    del made.pred_fields
    with pytest.raises(ValueError, match=r'lacks pred_fields.flow. Evaluate a model that'):
        evaluate([made], type='FlowEPE')
    with pytest.raises(ValueError, match=r'pred_fields.flow of sample 7 .* must be finite'):
        evaluate([sample((np.nan, 0))], type='FlowEPE')
    made = sample()
    made.pred_fields = PixelData(flow=torch.zeros(2, 8, 6))
    with pytest.raises(ValueError, match=r'gt_fields.flow of sample 7 .* is \(2, 4, 6\); with'):
        evaluate([made], type='FlowEPE')


def test_refuses_a_region_without_pixels():
    made = sample(body=torch.zeros(1, 4, 6, dtype=torch.bool))
    with pytest.raises(ValueError, match='none of the 1 samples has a pixel for EPE-body'):
        evaluate([made], type='FlowEPE')


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(regions=['hands']), r"regions must be some of .* got \('hands',\)"),
        (dict(regions=[]), 'regions must be some of'),
        (dict(threshold=-1), 'threshold must be a distance in px, got -1'),
    ],
)
def test_refuses_options(options, match):
    with pytest.raises(ValueError, match=match):
        METRICS.build(dict(type='FlowEPE', **options))
