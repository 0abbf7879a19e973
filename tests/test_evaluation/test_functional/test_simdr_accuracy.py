import pytest
import torch
from mmpose.evaluation.functional import simcc_pck_accuracy

from mmpose_ext.evaluation.functional.simdr_accuracy import simdr_pck_accuracy


def data(size, ratio, batch=8):
    """Predictions near the labels, some keypoints unlabelled and one never labelled."""
    labels, preds = [], []
    for pixels in size:
        bins = int(pixels * ratio)
        label = torch.randint(bins, (batch, 17))
        peak = (label + 0.05 * bins * torch.randn(batch, 17)).round().clamp(0, bins - 1).long()
        pred = torch.randn(batch, 17, bins)
        pred.scatter_(-1, peak[..., None], 9.0)
        labels.append(label)
        preds.append(pred)
    weight = (torch.rand(batch, 17) < 0.7).float()
    weight[:, 3] = 0
    return tuple(preds), tuple(labels), weight


def mmpose_accuracy(preds, labels, ratio, weight):
    dense = [
        torch.nn.functional.one_hot(label, pred.shape[-1]).float().numpy()
        for pred, label in zip(preds, labels, strict=True)
    ]
    return simcc_pck_accuracy([p.numpy() for p in preds], dense, ratio, weight.numpy() > 0)[1]


@pytest.mark.parametrize(('size', 'ratio'), [((192, 256), 2), ((64, 64), 3), ((288, 384), 1.5)])
def test_equals_mmpose(size, ratio):
    preds, labels, weight = data(size, ratio)
    expected = mmpose_accuracy(preds, labels, ratio, weight)
    assert 0.2 < expected < 0.9
    assert simdr_pck_accuracy(preds, labels, ratio, weight).item() == pytest.approx(expected)
    dense = [
        torch.nn.functional.one_hot(label, pred.shape[-1])
        for pred, label in zip(preds, labels, strict=True)
    ]
    accuracy = simdr_pck_accuracy(preds, tuple(d.float() for d in dense), ratio, weight)
    assert accuracy.item() == pytest.approx(expected)


def test_negative_peaks_count_as_in_mmpose_only_where_asked():
    preds, labels, weight = data((192, 256), 2)
    preds = tuple(pred - 20 for pred in preds)
    expected = mmpose_accuracy(preds, labels, 2, weight)
    rejected = simdr_pck_accuracy(preds, labels, 2, weight, reject_nonpositive=True)
    assert rejected.item() == pytest.approx(expected)
    assert simdr_pck_accuracy(preds, labels, 2, weight).item() > expected + 0.2


@pytest.mark.parametrize(('peak', 'expected'), [(0.0, 0), (1e-6, 1)])
def test_a_peak_of_exactly_0_is_rejected(peak, expected):
    """As in MMPose, which puts it at bin -1: here 10 bins off."""
    labels = torch.full((1, 1), 9), torch.full((1, 1), 9)
    pred = torch.full((1, 1, 64), -1.0)
    pred[..., 9] = peak
    accuracy = simdr_pck_accuracy(
        (pred, pred), labels, 1, torch.ones(1, 1), reject_nonpositive=True
    )
    assert accuracy.item() == expected == mmpose_accuracy((pred, pred), labels, 1, torch.ones(1, 1))


def test_what_is_as_far_as_the_threshold_is_missed():
    one_hot = torch.nn.functional.one_hot
    preds = one_hot(torch.tensor([[15, 16]]), 64).float(), one_hot(torch.zeros(1, 2).long(), 64)
    labels = torch.zeros(1, 2).long(), torch.zeros(1, 2).long()
    accuracy = simdr_pck_accuracy(preds, labels, 1, torch.ones(1, 2), threshold=16 / 64)
    assert accuracy.item() == 0.5


def test_is_0_where_nothing_is_labelled():
    preds, labels, weight = data((192, 256), 2)
    assert simdr_pck_accuracy(preds, labels, 2, 0 * weight).item() == 0


def test_needs_no_gradient_and_takes_half_precision():
    preds, labels, weight = data((64, 64), 3)
    preds = tuple(pred.bfloat16().requires_grad_() for pred in preds)
    accuracy = simdr_pck_accuracy(preds, labels, 3, weight)
    assert not accuracy.requires_grad
    assert accuracy.shape == ()
