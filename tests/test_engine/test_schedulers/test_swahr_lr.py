import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import PARAM_SCHEDULERS
from torch import nn

from mmpose_ext.engine.schedulers import SWAHRLR, swahr_lr_factor


def adam(*rates):
    groups = [{'params': [nn.Parameter(torch.zeros(1))], 'lr': lr} for lr in rates]
    return torch.optim.Adam(groups)


def rates_of(scheduler, optimizer, steps):
    """Rates that the steps run at, and the one that is left after the last."""
    rates = []
    for _ in range(steps):
        rates.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return [*rates, [group['lr'] for group in optimizer.param_groups]]


def build(optimizer, epoch_length, **options):
    config = {'type': 'SWAHRLR', 'by_epoch': True, 'convert_to_iter_based': True, **options}
    defaults = {'optimizer': optimizer, 'epoch_length': epoch_length}
    return PARAM_SCHEDULERS.build(config, default_args=defaults)


def test_published_rates():
    """Golden 12: w32, full rate 2e-3, warm-up of 3 epochs of 300."""
    optimizer = adam(2e-3)
    rates = [rate for (rate,) in rates_of(build(optimizer, 7, warmup=3, end=300), optimizer, 2100)]
    assert rates[0] == 2e-3  # nothing has been set yet
    assert rates[1] == pytest.approx(2e-4)  # that of step 0, set after it
    assert rates[1 + 21] == pytest.approx(2e-3)  # end of the warm-up
    assert max(rates[1:]) == rates[1 + 21]
    assert rates[-1] == pytest.approx(2e-3 / (2100 - 21))  # of the last step: nearly 0
    up, down = torch.tensor(rates[1:23]).diff(), torch.tensor(rates[22:]).diff()
    torch.testing.assert_close(up, torch.full_like(up, 2e-3 * 0.9 / 21), rtol=1e-3, atol=0)
    torch.testing.assert_close(down, torch.full_like(down, -2e-3 / 2079), rtol=1e-3, atol=0)


def test_first_step_at_the_start_of_the_warmup():
    optimizer, as_published = adam(1.0), adam(1.0)
    first, *others = rates_of(SWAHRLR(optimizer, 4, 20, first_step_full=False), optimizer, 9)
    assert first == [0.1]
    assert others == rates_of(SWAHRLR(as_published, 4, 20), as_published, 9)[1:]


@pytest.mark.parametrize(
    ('step', 'expected'), [(0, 0.1), (5, 0.55), (10, 1.0), (20, 0.5), (30, 0.0), (31, 0.0)]
)
def test_factor(step, expected):
    assert swahr_lr_factor(step, 10, 30) == pytest.approx(expected)


def test_groups_keep_their_ratio():
    optimizer = adam(1.0, 0.25)
    for whole, quarter in rates_of(SWAHRLR(optimizer, 2, 9, by_epoch=False), optimizer, 9):
        assert quarter == whole / 4


def test_without_warmup():
    optimizer = adam(1.0)
    rates = rates_of(SWAHRLR(optimizer, 0, 4, by_epoch=False), optimizer, 4)
    assert rates == [[1.0], [1.0], [0.75], [0.5], [0.25]]


def test_resumes():
    through, first, second = adam(1.0), adam(1.0), adam(1.0)
    expected = rates_of(SWAHRLR(through, 3, 12), through, 12)
    scheduler = SWAHRLR(first, 3, 12)
    rates = rates_of(scheduler, first, 5)
    resumed = SWAHRLR(second, 3, 12)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert rates[:-1] + rates_of(resumed, second, 7) == expected


def test_takes_the_wrapper_of_mmengine():
    optimizer = adam(2.0)
    assert SWAHRLR(OptimWrapper(optimizer), 1, 3).get_last_value() == [2.0]


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        ({'warmup': 3}, 'end is not known'),
        ({'warmup': -1, 'end': 3}, 'warmup must be .* got -1'),
        ({'warmup': 3, 'end': 3}, 'warmup must be from 0 to less than end=3, got 3'),
        ({'warmup': 1, 'end': 3, 'start_factor': 0}, 'start_factor must be .* got 0'),
    ],
)
def test_refusals(options, match):
    with pytest.raises(ValueError, match=match):
        SWAHRLR(adam(1.0), **options)


def test_refuses_to_convert_what_it_cannot():
    with pytest.raises(ValueError, match='by_epoch=True'):
        SWAHRLR.build_iter_from_epoch(adam(1.0), warmup=1, end=3, by_epoch=False, epoch_length=5)
    with pytest.raises(ValueError, match='epoch_length'):
        SWAHRLR.build_iter_from_epoch(adam(1.0), warmup=1, end=3)
    with pytest.raises(ValueError, match='end is not known'):
        SWAHRLR.build_iter_from_epoch(adam(1.0), warmup=1, epoch_length=5)
