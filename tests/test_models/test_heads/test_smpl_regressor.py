import io
import pickle

import numpy as np
import pytest
import torch

from mmpose_ext.models.body_models.rotations import rotation_6d_to_matrix
from mmpose_ext.models.heads.smpl_regressor import SMPLRegressor

SMALL = {'conv_channels': (16, 8), 'hidden_channels': 32}


def inputs(batch=2, channels=5):
    torch.manual_seed(0)
    return torch.randn(batch, channels, 8, 8), torch.rand(batch, 18, 3) - 0.5


def write_mean_params(path, **changes):
    rng = np.random.default_rng(0)
    arrays = {
        'pose': rng.normal(size=144).astype(np.float32),
        'shape': rng.normal(size=10).astype(np.float32),
        'cam': np.array([0.8, 0.1, -0.2], np.float32),
        **changes,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


def without_decoders(regressor):
    for decoder in regressor.decoders.values():
        torch.nn.init.zeros_(decoder.weight)
    return regressor


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_full_size():
    """The spec's layers: 1280 -> 512 -> 512 -> 512 channels, 566 + 157 inputs, 1024 units."""
    with torch.device('meta'):
        regressor = SMPLRegressor(1280, mean_params=None)
    convolutions = 9 * (1280 * 512 + 2 * 512 * 512) + 3 * 2 * 512
    linear = (512 + 54 + 144 + 10 + 3) * 1024 + 1024 + 1024 * 1024 + 1024
    decoders = (1024 + 1) * (144 + 10 + 3)
    assert count(regressor.encoder) == convolutions
    assert count(regressor.layers) == linear
    assert count(regressor.decoders) == decoders


def test_initialization():
    regressor = SMPLRegressor(None)
    for decoder in regressor.decoders.values():
        bound = 0.01 * (6 / (1024 + decoder.out_features)) ** 0.5
        assert 0.9 * bound < decoder.weight.abs().max() <= bound
        assert not decoder.bias.any()


@pytest.mark.parametrize('num_iters', [1, 3])
def test_without_corrections_the_mean_is_returned(num_iters):
    """Golden case 33."""
    pred = without_decoders(SMPLRegressor(5, num_iters=num_iters, **SMALL))(*inputs())
    facing = torch.eye(3).repeat(2, 24, 1, 1)
    facing[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    torch.testing.assert_close(pred['pose'], facing)
    assert not pred['betas'].any()
    torch.testing.assert_close(pred['camera'], torch.tensor([[0.9, 0, 0]] * 2))


def test_mean_parameters_of_a_file(tmp_path):
    """Golden case 33, with the file that SPIN starts from."""
    arrays = write_mean_params(tmp_path / 'mean.npz')
    regressor = SMPLRegressor(5, mean_params=tmp_path / 'mean.npz', **SMALL)
    pred = without_decoders(regressor)(*inputs())
    pose = rotation_6d_to_matrix(torch.tensor(arrays['pose']).view(24, 6), 'interleaved')
    torch.testing.assert_close(pred['pose'], pose.expand(2, -1, -1, -1))
    torch.testing.assert_close(pred['betas'], torch.tensor(arrays['shape']).expand(2, -1))
    torch.testing.assert_close(pred['camera'], torch.tensor(arrays['cam']).expand(2, -1))


@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'pool': 2},
        {'conv_channels': ()},
        {'activation': None},
        {'num_iters': 1, 'feedback': False},
        {'num_betas': 4},
    ],
)
def test_shapes(batch, options):
    regressor = SMPLRegressor(5, **{**SMALL, **options}).eval()
    pred = regressor(*inputs(batch))
    assert pred['pose'].shape == (batch, 24, 3, 3)
    assert pred['betas'].shape == (batch, options.get('num_betas', 10))
    assert pred['camera'].shape == (batch, 3)
    identity = pred['pose'] @ pred['pose'].mT
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(pred['pose']), torch.ones(batch, 24))


@pytest.mark.parametrize('value', [0.0, 1.0, 1e4])
def test_any_estimate_is_a_rotation(value):
    """Golden case 32: six equal numbers are two parallel columns."""
    regressor = without_decoders(SMPLRegressor(None, **SMALL)).eval()
    regressor.mean_pose.fill_(value)
    pose = regressor(None, inputs()[1])['pose']
    torch.testing.assert_close(torch.linalg.det(pose), torch.ones(2, 24))
    identity = pose @ pose.mT
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)


def test_feedback_corrects_what_was_corrected():
    """Iterations of the same layers: two of them are one, started from its result."""
    coords = inputs()[1][:1]
    twice = SMPLRegressor(None, num_iters=2, **SMALL).eval()
    for decoder in twice.decoders.values():
        decoder.weight.data.mul_(100)
    once = SMPLRegressor(None, num_iters=1, **SMALL).eval()
    once.load_state_dict(twice.state_dict())
    first = once(None, coords)
    # What the estimate was, before it became rotations
    hidden = once.layers(
        torch.cat(
            [
                coords.flatten(1),
                once.mean_pose[None],
                once.mean_betas[None],
                once.mean_camera[None],
            ],
            dim=1,
        )
    )
    for name, decoder in once.decoders.items():
        mean = getattr(once, f'mean_{name}')
        mean += decoder(hidden)[0].detach()
    second = once(None, coords)
    expected = twice(None, coords)
    for name, value in expected.items():
        torch.testing.assert_close(second[name], value)
        assert not torch.allclose(first[name], value)


@pytest.mark.parametrize(('channels', 'joints'), [(5, 18), (5, 0), (None, 18), (0, 18)])
def test_reads_what_it_is_told_to(channels, joints):
    regressor = SMPLRegressor(channels, num_joints=joints, **SMALL)
    for decoder in regressor.decoders.values():
        decoder.weight.data.mul_(100)
    features, coords = (value.requires_grad_() for value in inputs())
    pred = regressor(features if channels else None, coords if joints else None)
    sum(value.square().sum() for value in pred.values()).backward()
    assert (features.grad is not None) == bool(channels)
    assert (coords.grad is not None) == bool(joints)
    for name, parameter in regressor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_autocast():
    regressor = SMPLRegressor(5, **SMALL).eval()
    expected = regressor(*inputs())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        pred = regressor(*inputs())
    for name, value in pred.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, expected[name], atol=0.02, rtol=0.02)


# Refusals.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'in_channels': None, 'num_joints': 0}, 'nothing to read'),
        ({'num_iters': 3, 'feedback': False}, 'num_iters must be 1 without feedback'),
        ({'num_iters': 0}, 'num_iters'),
        ({'pool': 0}, 'pool'),
        ({'activation': 'gelu'}, "'gelu'"),
    ],
)
def test_refuses_invalid_options(options, message):
    with pytest.raises(ValueError, match=message):
        SMPLRegressor(**{'in_channels': 5, **SMALL, **options})


@pytest.mark.parametrize(
    'changes',
    [
        {'pose': np.zeros(72)},
        {'shape': None},
        {'cam': np.array([np.nan, 0, 0])},
        {'shape': np.zeros(300)},
        {'cam': np.array(['0.9', '0', '0'])},
    ],
)
def test_refuses_other_files(tmp_path, changes):
    write_mean_params(tmp_path / 'mean.npz', **changes)
    with pytest.raises(ValueError, match=r'mean\.npz (has no|must hold) .*smpl_mean_params'):
        SMPLRegressor(5, mean_params=tmp_path / 'mean.npz', **SMALL)


def test_refuses_files_with_code(tmp_path):
    write_mean_params(tmp_path / 'mean.npz', pose=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match='pickle'):
        SMPLRegressor(5, mean_params=tmp_path / 'mean.npz', **SMALL)


def damaged(content):
    """An archive whose list of arrays is whole, while one of them is not."""
    middle = len(content) // 3
    return content[:middle] + bytes(64) + content[middle + 64 :]


@pytest.mark.parametrize('kind', ['npy', 'pickle', 'half', 'damaged', 'empty', 'text'])
def test_refuses_what_is_no_npz(tmp_path, kind):
    path = tmp_path / 'mean.npz'
    write_mean_params(path)
    content = path.read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros(144))
    contents = dict(npy=array.getvalue(), pickle=pickle.dumps({'pose': np.zeros(144)}))
    contents |= dict(half=content[: len(content) // 2], damaged=damaged(content))
    path.write_bytes({**contents, 'empty': b'', 'text': b'pose'}[kind])
    with pytest.raises(ValueError, match=r'mean\.npz is no npz file .*smpl_mean_params\.npz'):
        SMPLRegressor(5, mean_params=path, **SMALL)


@pytest.mark.parametrize('missing', [0, 1])
def test_refuses_missing_inputs(missing):
    given = list(inputs())
    given[missing] = None
    with pytest.raises(ValueError, match=['no features', 'no coords'][missing]):
        SMPLRegressor(5, **SMALL)(*given)
