import pytest
import torch
from mmpose.registry import MODELS


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(type='TemporalGRU', **options))


def clip(batch=2, steps=8, channels=6):
    torch.manual_seed(1)
    return torch.randn(batch, steps, channels)


def test_is_the_gru_and_its_input():
    neck, x = build(in_channels=6, hidden_channels=6), clip()
    y, state = neck(x)
    torch.testing.assert_close(y, neck.gru(x)[0] + x)
    torch.testing.assert_close(state, neck.gru(x)[1][0])


def test_residual_only_where_it_fits():
    neck, x = build(in_channels=6, hidden_channels=4), clip()
    assert neck.out_channels == 4
    torch.testing.assert_close(neck(x)[0], neck.gru(x)[0])
    neck = build(in_channels=6, hidden_channels=6, residual=False)
    torch.testing.assert_close(neck(x)[0], neck.gru(x)[0])


def test_stream_is_the_clip():
    """Golden case 34: step by step, and two windows of 8 as one of 16."""
    neck, x = build(in_channels=6, hidden_channels=6), clip(steps=16)
    first = torch.randn(2, 6)
    whole, last = neck(x, first)
    state, steps = first, []
    for step in x.split(1, 1):
        y, state = neck(step, state)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(state, last, atol=1e-6, rtol=0)
    early, state = neck(x[:, :8], first)
    late, _ = neck(x[:, 8:], state)
    torch.testing.assert_close(torch.cat([early, late], 1), whole, atol=1e-6, rtol=0)
    again, _ = neck(x[:, 8:], first)
    assert (again - whole[:, 8:]).abs().max() > 1e-3


def test_authors_parameters():
    assert sum(p.numel() for p in build().parameters()) == 25_178_112
    names = {'weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'}
    assert build().state_dict().keys() == {f'gru.{name}' for name in names}


def test_refuses_bad_input():
    neck = build(in_channels=6, hidden_channels=4)
    with pytest.raises(ValueError, match=r'\(B, T, 6\)'):
        neck(torch.zeros(2, 6))
    with pytest.raises(ValueError, match=r'\(2, 4\)'):
        neck(clip(), torch.zeros(1, 4))
    with pytest.raises(ValueError, match='got 0 and 4'):
        build(in_channels=0, hidden_channels=4)
