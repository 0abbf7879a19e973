import math

import pytest
import torch
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS

from mmpose_ext.codecs import SimDRLabel
from mmpose_ext.models import SimDRKLLoss, SimDRSmoothingLoss
from mmpose_ext.models.losses.simdr_loss import dense_kl, smoothed_kl

SMOOTHINGS = [0.0, 0.1, 0.4, 1.0]
REDUCTIONS = ['sum', 'mean', 'batch_sum']


def logits(batch=3, joints=5, bins=(24, 32), dtype=torch.float32):
    return tuple(2 * torch.randn(batch, joints, n, dtype=dtype) for n in bins)


def index_labels(pred):
    return tuple(torch.randint(p.shape[-1], p.shape[:2]) for p in pred)


def dense_labels(pred):
    """Gaussians, some cut by the border, and some zeros."""
    labels = []
    for p in pred:
        center = torch.rand(*p.shape[:2], 1) * p.shape[-1]
        label = torch.exp(-((torch.arange(p.shape[-1]) - center) ** 2) / 18) / 7.5
        label[0, 0] = 0
        labels.append(label.to(p.dtype))
    return tuple(labels)


def weights(pred):
    weight = torch.rand(pred[0].shape[:2])
    weight[-1, 1] = 0
    return weight


def smooth(label, bins, e):
    q = [e / (bins - 1)] * bins
    q[label] = 1 - e
    return q


def slow_loss(pred, target, weight, reduction, e=None):
    """Both axes by loops over the published formulas: q (ln q - l), with q = 0 adding 0."""
    total = 0.0
    for p, t in zip(pred, target, strict=True):
        B, K, N = p.shape
        for b in range(B):
            for k in range(K):
                z = p[b, k].tolist()
                log_norm = math.log(sum(math.exp(v) for v in z))
                q = t[b, k].tolist() if e is None else smooth(int(t[b, k]), N, e)
                kl = sum(
                    a * (math.log(a) - (v - log_norm)) for a, v in zip(q, z, strict=True) if a > 0
                )
                bins, joints = (1, 1) if reduction == 'sum' else (N, K)
                batch = 1 if reduction == 'batch_sum' else B
                total += kl * float(weight[b, k]) / bins / joints / batch
    return total


@pytest.mark.parametrize('reduction', REDUCTIONS)
@pytest.mark.parametrize('e', SMOOTHINGS)
@pytest.mark.parametrize('batch', [1, 3])
def test_smoothing_loss_equals_loops(reduction, e, batch):
    pred = logits(batch)
    target, weight = index_labels(pred), weights(pred)
    loss = SimDRSmoothingLoss(e, reduction)(pred, target, weight)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slow_loss(pred, target, weight, reduction, e), rel=1e-5)


@pytest.mark.parametrize('reduction', REDUCTIONS)
@pytest.mark.parametrize('batch', [1, 3])
def test_kl_loss_equals_loops(reduction, batch):
    pred = logits(batch)
    target, weight = dense_labels(pred), weights(pred)
    loss = SimDRKLLoss(reduction)(pred, target, weight)
    assert loss.item() == pytest.approx(slow_loss(pred, target, weight, reduction), rel=1e-5)


def test_published_values_of_zero_logits():
    pred = torch.zeros(1, 1, 384), torch.zeros(1, 1, 512)
    target = torch.tensor([[21]]), torch.tensor([[41]])
    weight = torch.ones(1, 1)
    nmt = SimDRSmoothingLoss(0.1, 'sum')(pred, target, weight)
    norm = SimDRSmoothingLoss(0.1, 'mean')(pred, target, weight)
    assert nmt.item() == pytest.approx(10.320361, rel=1e-6)
    assert norm.item() == pytest.approx(0.02343219, rel=1e-6)


def test_without_smoothing_it_is_the_cross_entropy():
    pred = logits()
    target = index_labels(pred)
    expected = sum(
        torch.nn.functional.cross_entropy(p.flatten(0, 1), t.flatten(), reduction='sum')
        for p, t in zip(pred, target, strict=True)
    )
    loss = SimDRSmoothingLoss(0, 'sum', use_target_weight=False)(pred, target)
    torch.testing.assert_close(loss, expected / len(pred[0]))


def test_lowest_value_is_zero():
    e, bins = 0.1, 50
    target = torch.tensor([[7]])
    best = torch.full((1, 1, bins), math.log(e / (bins - 1)))
    best[..., 7] = math.log(1 - e)
    assert smoothed_kl(best, target, e).abs().item() < 1e-6
    assert smoothed_kl(best + 0.1 * torch.randn(bins), target, e).item() > 1e-5


@pytest.mark.parametrize('labels', ['gaussian', 'standard'])
def test_batch_sum_equals_mmpose(labels):
    keypoints = torch.rand(4, 17, 2).numpy() * 190
    options = {'label_smooth_weight': 0.1} if labels == 'standard' else {'sigma': 6}
    codec = SimDRLabel((192, 256), labels, **options)
    *target, weight = (torch.as_tensor(v) for v in codec.encode(keypoints).values())
    weight[0, :4] = 0
    weight[1, :4] = 0.5
    ours = [p.requires_grad_() for p in logits(4, 17, (384, 512))]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    loss = SimDRKLLoss('batch_sum')(ours, target, weight)
    expected = KLDiscretLoss()(theirs, target, weight)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-8)
    published = SimDRKLLoss('mean')(ours, target, weight)
    torch.testing.assert_close(published * 4, expected, rtol=1e-5, atol=0)


def test_index_and_dense_labels_give_the_same_loss_and_gradient():
    keypoints = torch.rand(4, 17, 2).numpy() * 260 - 30
    visible = (torch.rand(4, 17) < 0.7).float().numpy()
    size = (192, 256)
    index = SimDRLabel(size).encode(keypoints, visible)
    dense = SimDRLabel(size, 'standard', label_smooth_weight=0.1).encode(keypoints, visible)
    results = []
    pred = logits(4, 17, (384, 512))
    for loss, encoded in ((SimDRSmoothingLoss(0.1), index), (SimDRKLLoss('sum'), dense)):
        leaves = [p.clone().requires_grad_() for p in pred]
        *target, weight = (torch.as_tensor(value) for value in encoded.values())
        value = loss(leaves, target, weight)
        value.backward()
        results.append((value, *(leaf.grad for leaf in leaves)))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('e', SMOOTHINGS)
def test_gradient_of_smoothed_kl(e):
    pred = logits(2, 3, (6, 9), torch.float64)[0].requires_grad_()
    target = torch.randint(6, (2, 3))
    assert torch.autograd.gradcheck(lambda z: smoothed_kl(z, target, e), pred)
    assert torch.autograd.gradgradcheck(lambda z: smoothed_kl(z, target, e), pred)


def test_gradient_of_dense_kl():
    pred = logits(2, 3, (6, 9), torch.float64)[0].requires_grad_()
    target = torch.rand(2, 3, 6, dtype=torch.float64)
    target[0, 0, :3] = 0
    assert torch.autograd.gradcheck(lambda z: dense_kl(z, target), pred)
    assert torch.autograd.gradgradcheck(lambda z: dense_kl(z, target), pred)


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_gradient_of_the_whole_loss(reduction):
    pred = [p.requires_grad_() for p in logits(2, 3, (6, 9), torch.float64)]
    target, weight = index_labels(pred), weights(pred).double()
    loss = SimDRSmoothingLoss(0.1, reduction, loss_weight=3.0)
    assert torch.autograd.gradcheck(lambda *z: loss(z, target, weight), pred)


CASES = [
    (SimDRSmoothingLoss(0.1), index_labels),
    (SimDRSmoothingLoss(0, 'mean'), index_labels),
    (SimDRKLLoss(), dense_labels),
]


@pytest.mark.parametrize(('loss', 'labels'), CASES)
@pytest.mark.parametrize('large', [1e4, 1e38])
def test_keypoints_of_weight_0_add_exactly_0(loss, labels, large):
    pred = logits()
    target = labels(pred)
    weight = torch.ones(3, 5)
    weight[1] = 0
    without = loss([p[::2] for p in pred], [t[::2] for t in target], weight[::2])
    leaves = [p.clone() for p in pred]
    for p in leaves:
        p[1] = large * torch.randn(5, p.shape[-1]).clamp(-3, 3)
        p.requires_grad_()
    value = loss(leaves, target, weight)
    value.backward()
    torch.testing.assert_close(value, without * 2 / 3)
    for p in leaves:
        assert (p.grad[1] == 0).all()
        assert p.grad[0].any()


@pytest.mark.parametrize(('loss', 'labels'), CASES)
@pytest.mark.parametrize('value', [math.inf, -math.inf, math.nan])
def test_broken_logits_spread_only_where_there_is_weight(loss, labels, value):
    pred = logits()
    target, weight = labels(pred), torch.ones(3, 5)
    weight[1, 2] = 0
    for p in pred:
        p[1, 2] = value
        p.requires_grad_()
    result = loss(pred, target, weight)
    result.backward()
    assert torch.isfinite(result)
    assert all((p.grad[1, 2] == 0).all() for p in pred)
    assert all(torch.isfinite(p.grad).all() and p.grad[0].any() for p in pred)
    leaves = [p.detach().requires_grad_() for p in pred]
    loss(leaves, target, torch.ones(3, 5)).backward()
    assert all(p.grad[1, 2].isnan().any() and p.grad[0].isfinite().all() for p in leaves)


@pytest.mark.parametrize('label', [-1, 24])
def test_refuses_labels_outside_the_bins(label):
    pred = logits(bins=(24, 24))
    target = index_labels(pred)
    target[1][2, 3] = label
    with pytest.raises(ValueError, match=rf'\[0, 24\), got {label}'):
        SimDRSmoothingLoss()(pred, target, torch.ones(3, 5))


@pytest.mark.parametrize(('loss', 'labels'), CASES)
def test_copies_of_a_sample_do_not_change_the_mean(loss, labels):
    pred = logits(1)
    target, weight = labels(pred), torch.ones(1, 5)
    copies = loss(
        [p.repeat(4, 1, 1) for p in pred],
        [t.repeat(4, *[1] * (t.ndim - 1)) for t in target],
        weight.repeat(4, 1),
    )
    torch.testing.assert_close(copies, loss(pred, target, weight))


@pytest.mark.parametrize(('loss', 'labels'), CASES)
def test_order_of_the_keypoints_does_not_matter(loss, labels):
    pred = logits()
    target, weight, order = labels(pred), weights(pred), torch.randperm(5)
    mixed = loss([p[:, order] for p in pred], [t[:, order] for t in target], weight[:, order])
    torch.testing.assert_close(mixed, loss(pred, target, weight))


@pytest.mark.parametrize(('loss', 'labels'), CASES)
def test_use_target_weight_false_ignores_the_weights(loss, labels):
    pred = logits()
    target = labels(pred)
    plain = type(loss)(reduction='mean', use_target_weight=False)
    weighted = type(loss)(reduction='mean')
    expected = weighted(pred, target, torch.ones(3, 5))
    torch.testing.assert_close(plain(pred, target, weights(pred)), expected)
    torch.testing.assert_close(plain(pred, target), expected)


@pytest.mark.parametrize(('loss', 'labels'), CASES)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(loss, labels, dtype):
    pred = [p.to(dtype).requires_grad_() for p in logits(bins=(384, 512))]
    target, weight = labels([p.detach().float() for p in pred]), weights(pred)
    expected = loss([p.detach().float() for p in pred], target, weight)
    with torch.autocast('cpu', dtype=dtype):
        value = loss(pred, target, weight)
    value.backward()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)
    assert all(p.grad.dtype == dtype and torch.isfinite(p.grad).all() for p in pred)


@pytest.mark.parametrize(('loss', 'labels'), CASES)
def test_compiles_without_a_graph_break(loss, labels):
    # The backend that needs no C compiler traces forward and backward all the same.
    compiled = torch.compile(loss, backend='aot_eager', fullgraph=True)
    pred = [p.requires_grad_() for p in logits()]
    target, weight = labels(pred), weights(pred)
    value, expected = compiled(pred, target, weight), loss(pred, target, weight)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(
        torch.autograd.grad(value, pred), torch.autograd.grad(expected, pred)
    )


def test_backward_can_be_repeated():
    pred = [p.requires_grad_() for p in logits()]
    for loss, labels in CASES:
        value = loss(pred, labels([p.detach() for p in pred]), torch.ones(3, 5))
        first = torch.autograd.grad(value, pred, retain_graph=True)
        kept = [g.clone() for g in first]
        second = torch.autograd.grad(value, pred)
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(list(first), kept, rtol=0, atol=0)


def test_built_from_the_registry():
    loss = MODELS.build({'type': 'SimDRSmoothingLoss', 'label_smoothing': 0.2, 'loss_weight': 2.0})
    pred = logits()
    target, weight = index_labels(pred), weights(pred)
    expected = 2 * SimDRSmoothingLoss(0.2)(pred, target, weight)
    torch.testing.assert_close(loss(pred, target, weight), expected)
    assert isinstance(MODELS.build({'type': 'SimDRKLLoss'}), SimDRKLLoss)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: SimDRSmoothingLoss(-0.1), 'label_smoothing.*-0.1'),
        (lambda: SimDRSmoothingLoss(1.1), 'label_smoothing.*1.1'),
        (lambda: SimDRSmoothingLoss(reduction='none'), "reduction.*'none'"),
        (lambda: SimDRKLLoss('max'), "reduction.*'max'"),
    ],
)
def test_constructors_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_refuses_labels_of_the_other_kind():
    pred = logits()
    with pytest.raises(TypeError, match='SimDRKLLoss'):
        SimDRSmoothingLoss()(pred, dense_labels(pred), torch.ones(3, 5))
    with pytest.raises(TypeError, match='SimDRSmoothingLoss'):
        SimDRKLLoss()(pred, index_labels(pred), torch.ones(3, 5))


@pytest.mark.parametrize(
    ('loss', 'target_shape', 'weight_shape', 'message'),
    [
        (SimDRSmoothingLoss(), (3, 4), (3, 5), r'\(3, 4\)'),
        (SimDRSmoothingLoss(), (3, 5), (3, 4), r'target_weight.*\(3, 4\)'),
        (SimDRSmoothingLoss(), (3, 5), (3, 5, 1), r'target_weight.*\(3, 5, 1\)'),
        (SimDRKLLoss(), (3, 5, 25), (3, 5), r'\(3, 5, 25\)'),
        (SimDRKLLoss(), (3, 5, 24), None, 'target_weight is missing'),
    ],
)
def test_refuses_wrong_shapes(loss, target_shape, weight_shape, message):
    pred = logits(bins=(24, 24))
    target = torch.zeros(target_shape, dtype=torch.long if len(target_shape) == 2 else torch.float)
    weight = None if weight_shape is None else torch.ones(weight_shape)
    with pytest.raises(ValueError, match=message):
        loss(pred, (target, target), weight)
