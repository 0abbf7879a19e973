import pytest
import torch

from mmpose_ext.models.functional import soft_argmax_3d, volume_grid


def naive(logits, align='corner'):
    """Softmax, then an expectation of each axis, joint by joint."""
    coords = []
    for volume in logits.flatten(0, 1):
        p = volume.flatten().softmax(0).view_as(volume)
        axes = []
        for axis in (2, 1, 0):  # x, y, z of a volume indexed z, y, x
            size = volume.shape[axis]
            steps = size - 1 if align == 'corner' else size
            grid = torch.tensor([i / steps - 0.5 for i in range(size)], dtype=p.dtype)
            others = [other for other in range(3) if other != axis]
            axes.append((p.sum(others) * grid).sum())
        coords.append(torch.stack(axes))
    return torch.stack(coords).view(*logits.shape[:2], 3)


def test_equal_logits_are_in_the_middle():
    """The corner grid is symmetric; that of Integral Human Pose is not."""
    logits = torch.full((1, 2, 64, 64, 64), 3.0)
    torch.testing.assert_close(soft_argmax_3d(logits), torch.zeros(1, 2, 3), rtol=0, atol=1e-7)
    expected = torch.full((1, 2, 3), -0.0078125)
    torch.testing.assert_close(soft_argmax_3d(logits, 'left'), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize('requires_grad', [False, True])
def test_a_peak_is_read_as_x_y_z(requires_grad):
    logits = torch.zeros(1, 1, 64, 64, 64)
    logits[0, 0, 10, 20, 30] = 1000.0
    coords = soft_argmax_3d(logits.requires_grad_(requires_grad))
    expected = torch.tensor([[[-0.0238095, -0.1825397, -0.3412698]]])
    torch.testing.assert_close(coords.detach(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('align', 'ends'), [('corner', (-0.5, 0.5)), ('left', (-0.5, 0.484375))])
def test_grid(align, ends):
    grid = volume_grid(64, align, dtype=torch.float64)
    assert (grid[0].item(), grid[-1].item()) == ends
    torch.testing.assert_close(grid.diff(), grid.diff()[:1].expand(63))


@pytest.mark.parametrize('align', ['corner', 'left'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('shape', [(1, 1, 2, 3, 4), (3, 5, 7, 6, 9), (2, 18, 16, 16, 16)])
def test_equals_the_naive_form(shape, dtype, align):
    logits = 5 * torch.randn(shape, dtype=dtype)
    expected = naive(logits, align)
    assert expected.std() > 0.01
    coords = soft_argmax_3d(logits, align)
    assert coords.shape == (*shape[:2], 3)
    torch.testing.assert_close(coords, expected)

    upstream = torch.randn_like(coords)
    mine, theirs = (logits.clone().requires_grad_() for _ in range(2))
    coords = soft_argmax_3d(mine, align)
    torch.testing.assert_close(coords.detach(), expected)
    (coords * upstream).sum().backward()
    (naive(theirs, align) * upstream).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('align', ['corner', 'left'])
def test_gradcheck(align):
    logits = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: soft_argmax_3d(x, align), logits)


def test_gradcheck_of_a_transposed_volume():
    logits = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: soft_argmax_3d(x.transpose(2, 4)), logits)


def test_a_constant_changes_nothing_and_large_logits_are_finite():
    logits = torch.randn(1, 2, 4, 4, 4)
    torch.testing.assert_close(soft_argmax_3d(logits + 20), soft_argmax_3d(logits))
    large = (1e4 * logits).requires_grad_()
    coords = soft_argmax_3d(large)
    coords.sum().backward()
    assert coords.isfinite().all()
    assert coords.abs().max() <= 0.5
    assert large.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('requires_grad', [False, True])
def test_half_precision_is_summed_in_float32(dtype, requires_grad):
    logits = (5 * torch.randn(2, 3, 16, 16, 16)).to(dtype).requires_grad_(requires_grad)
    coords = soft_argmax_3d(logits)
    assert coords.dtype == torch.float32
    torch.testing.assert_close(coords.detach(), naive(logits.detach().float()))
    if requires_grad:
        coords.square().sum().backward()
        assert logits.grad.dtype == dtype
        assert logits.grad.any()


@pytest.mark.parametrize('requires_grad', [False, True])
def test_autocast_changes_nothing(requires_grad):
    logits = (5 * torch.randn(2, 3, 16, 16, 16)).requires_grad_(requires_grad)
    expected = soft_argmax_3d(logits)
    with torch.autocast('cpu', torch.bfloat16):
        coords = soft_argmax_3d(logits)
    torch.testing.assert_close(coords, expected, rtol=0, atol=0)


def test_keeps_one_volume_for_the_backward_pass():
    saved = []
    logits = torch.randn(2, 3, 8, 8, 8, requires_grad=True)

    def pack(tensor):
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        soft_argmax_3d(logits)
    assert sum(numel == logits.numel() for numel in saved) == 1
    assert sum(saved) < 1.1 * logits.numel()


@pytest.mark.parametrize('shape', [(2, 8, 8, 8), (2, 18 * 8, 8, 8), (1, 2, 3, 4, 5, 6)])
def test_refuses_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r'\(B, J, D, H, W\)') as error:
        soft_argmax_3d(torch.zeros(shape))
    assert str(shape) in str(error.value)


def test_refuses_other_grids():
    with pytest.raises(ValueError, match=r"align .*'center'"):
        soft_argmax_3d(torch.zeros(1, 1, 4, 4, 4), align='center')
    with pytest.raises(ValueError, match='at least 2 voxels, got 1'):
        soft_argmax_3d(torch.zeros(1, 1, 1, 4, 4))
