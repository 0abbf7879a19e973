import pytest
import torch

from mmpose_ext.models.body_models.cameras import project_perspective
from mmpose_ext.models.functional import flow_coherence, visible_vertices
from mmpose_ext.models.functional.coherence import sample_flow

SIZE = 256
FOCAL, CENTER = 1679.3 * SIZE / 1280, 641 * SIZE / 1280


def constant(u, v, steps=1, size=SIZE):
    return torch.tensor([float(u), float(v)])[:, None, None].expand(1, steps, 2, size, size)


def projected(move, number=20, offset=(0.0, 0.0, 3.0)):
    """Vertices around a point, before and after a move in metres: (1, 2, V, 2)."""
    torch.manual_seed(0)
    before = torch.rand(number, 3) * torch.tensor([0.4, 0.4, 0.0]) - torch.tensor([0.2, 0.2, 0])
    before = before + torch.tensor(offset)
    points = torch.stack([before, before + torch.tensor(move)])
    return project_perspective(points, FOCAL, torch.full((2, 2), CENTER))[None]


@pytest.mark.parametrize(
    ('move', 'flow', 'expected'),
    [
        ((0.1, 0, 0), (5, 0), 0.0),
        ((0.1, 0, 0), (-5, 0), 2.0),
        ((0.1, 0, 0), (0, 5), 1.0),
        ((0.1, 0, 0), (3, 3), 0.292893),
        ((0.1, 0, 0), (-4.01, 0), 2.0),
        ((0.1, 0, 0), (-3.99, 0), 0.0),
        ((0.1, 0.1, 0), (5, 0), 0.292893),
    ],
)
def test_authors_numbers(move, flow, expected):
    """Golden case 16: 11.195 px to the right."""
    verts = projected(move)
    if move == (0.1, 0, 0):
        assert (verts[0, 1] - verts[0, 0])[0].tolist() == pytest.approx([11.195, 0], abs=1e-3)
    assert flow_coherence(verts, constant(*flow)).item() == pytest.approx(expected, abs=1e-5)


def test_is_the_authors_formula():
    """Written out with torch's cosine, on random motions from nothing to some 10 px."""
    torch.manual_seed(0)
    start = torch.rand(2, 1, 60, 2) * torch.tensor([90.0, 50.0]) - 5
    motion = torch.randn(2, 3, 60, 2) * torch.logspace(-4, 1, 60)[:, None]
    verts = torch.cat([start, start + motion.cumsum(1)], 1)
    flow = torch.randn(2, 3, 2, 48, 80) * 6
    grid = (2 * verts[:, :-1] / torch.tensor([80, 48]) - 1).flatten(0, 1)[:, None]
    sampled = torch.nn.functional.grid_sample(flow.flatten(0, 1), grid, align_corners=False)
    sampled = sampled[:, :, 0].mT.unflatten(0, (2, 3))
    cosine = torch.cosine_similarity(verts[:, 1:] - verts[:, :-1], sampled, dim=-1)
    expected = ((sampled.norm(dim=-1) > 4) * (1 - cosine)).mean()
    torch.testing.assert_close(flow_coherence(verts, flow), expected)


def test_what_stands_still_costs_one():
    """Golden case 17."""
    still = projected((0.0, 0.0, 0.0))
    assert flow_coherence(still, constant(5, 0)).item() == pytest.approx(1, abs=1e-6)
    axis = torch.tensor([[[0.0, 0, 3]], [[0, 0, 2]]])
    ahead = project_perspective(axis, FOCAL, torch.full((2, 2), CENTER))[None]
    assert flow_coherence(ahead, constant(5, 0)).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(('min_motion', 'largest'), [(0.1, 10.0), (1e-8, 1e8)])
def test_gradient_where_a_mesh_stands_still(min_motion, largest):
    """Why ours fades: the authors' epsilon has a gradient of 1e8 at the pose that training starts
    from."""
    still = projected((0.0, 0.0, 0.0), number=1).requires_grad_()
    flow_coherence(still, constant(5, 0), min_motion=min_motion).backward()
    assert still.grad.abs().max().item() == pytest.approx(largest, rel=1e-3)


@pytest.mark.parametrize('reduction', ['all', 'valid'])
@pytest.mark.parametrize('case', ['outside', 'no flow', 'behind the camera'])
def test_nothing_to_compare(reduction, case):
    """Golden case 19."""
    offset = dict(outside=(50.0, 0, 3)).get(case, (0.0, 0, 3))
    verts = projected((0.1, 0, 0), offset=offset)
    if case == 'behind the camera':
        verts = verts * 1e9 + 1e9
    verts.requires_grad_()
    flow = constant(0, 0) if case == 'no flow' else constant(5, 0)
    loss = flow_coherence(verts, flow, reduction=reduction)
    loss.backward()
    assert loss.item() == 0
    assert not verts.grad.any()


def test_no_gradient_to_the_flow_or_the_places():
    """Golden case 21; the gradient is that of the motion alone, the flow's length is no matter."""
    torch.manual_seed(0)
    flow = (torch.randn(1, 1, 2, 32, 32, dtype=torch.float64) * 10).requires_grad_()
    verts = (torch.rand(1, 2, 9, 2, dtype=torch.float64) * 30).requires_grad_()
    loss = flow_coherence(verts, flow, threshold=0)
    loss.backward()
    assert flow.grad is None
    assert 0 <= loss.item() <= 2
    # Both ends of a motion pull equally: sampling at p_t adds nothing.
    torch.testing.assert_close(verts.grad[:, 0], -verts.grad[:, 1])
    torch.testing.assert_close(flow_coherence(verts, 3 * flow, threshold=0), loss)
    fixed = torch.zeros(1, 1, 9, 2, dtype=torch.float64)

    def loss_of_motion(after):
        return flow_coherence(torch.cat([fixed + 15, after], 1), flow.detach(), threshold=0)

    assert torch.autograd.gradcheck(loss_of_motion, verts[:, 1:].detach().requires_grad_())


def test_there_is_no_flow_outside_the_image():
    """A pixel beyond the edge nothing counts, however strong the flow at the edge."""
    verts = torch.tensor([[-2.0, 100.0], [-3, 100]]).view(1, 2, 1, 2)
    assert flow_coherence(verts, constant(50, 0)).item() == 0
    assert flow_coherence(verts + torch.tensor([4.0, 0]), constant(50, 0)).item() == 2


def test_detach_previous():
    verts = projected((0.1, 0.05, 0)).requires_grad_()
    flow_coherence(verts, constant(5, 0), detach_previous=True).backward()
    assert not verts.grad[:, 0].any()
    assert verts.grad[:, 1].any()


def test_order_and_number_of_vertices():
    """Golden case 22: no order, one vertex, more vertices than pixels."""
    torch.manual_seed(0)
    flow = torch.randn(1, 1, 2, 16, 16) * 8
    verts = torch.rand(1, 2, 300, 2) * 16
    mixed = verts[:, :, torch.randperm(300)]
    torch.testing.assert_close(flow_coherence(mixed, flow), flow_coherence(verts, flow))
    assert 0 <= flow_coherence(verts[:, :, :1], flow, threshold=0) <= 2


@pytest.mark.parametrize(('sample', 'at'), [('legacy', 3.5), ('exact', 4.0)])
def test_where_the_flow_is_read(sample, at):
    """The authors read it half a pixel up and left; the flow here is (x, y). Not square."""
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(12.0), indexing='ij')
    flow = torch.stack([x, y])[None, None]
    found = sample_flow(flow, torch.tensor([[[[4.0, 4.0]]]]), sample)
    torch.testing.assert_close(found.flatten(), torch.tensor([at, at]))


def test_reductions_and_visible():
    """Flow in the left half only, of a mesh that moves against it in both halves."""
    flow = constant(5, 0).clone()
    flow[..., SIZE // 2 :] = 0
    verts = torch.tensor([[50.0, 100.0], [60, 100], [200, 100], [210, 100]]).expand(1, 2, 4, 2)
    verts = verts.clone()
    verts[:, 1, :, 0] -= 3
    assert flow_coherence(verts, flow).item() == pytest.approx(1)
    assert flow_coherence(verts, flow, reduction='valid').item() == pytest.approx(2)
    visible = torch.tensor([[[True, False, True, True]]])
    seen = flow_coherence(verts, flow, visible=visible)
    assert seen.item() == pytest.approx(0.5)
    assert flow_coherence(verts, flow, visible=visible, reduction='valid').item() == (
        pytest.approx(2)
    )


def test_threshold_of_small_images():
    """4 px of 256 are 1 px of 64; the width counts."""
    verts = torch.tensor([[30.0, 30.0], [31.0, 30.0]]).view(1, 2, 1, 2)
    flow = constant(-1.5, 0, size=64).repeat(1, 1, 1, 2, 1)
    assert flow_coherence(verts, flow).item() == 0
    assert flow_coherence(verts, flow, scale_threshold=True).item() == pytest.approx(2)


def test_visible_vertices():
    """A wall 0.5 m before another, half as wide; points outside the image are not seen."""
    x, y = torch.meshgrid(torch.arange(0.5, 32), torch.arange(0.5, 32), indexing='xy')
    wall = torch.stack([x, y], -1).flatten(0, 1)
    front = wall[wall[:, 0] < 16]
    points = torch.cat([wall, front, torch.tensor([[-1.0, 5], [5, 40]])])[None]
    depth = torch.cat([torch.full((1024,), 3.0), torch.full((512,), 2.5), torch.ones(2)])[None]
    seen = visible_vertices(points, depth, (32, 32), cell=1.0)[0]
    hidden = wall[~seen[:1024]]
    assert hidden[:, 0].max() < 17.5
    assert len(hidden) >= 512
    assert seen[1024:1536].all()
    assert not seen[1536:].any()


@pytest.mark.parametrize(
    ('place', 'depth', 'is_hidden'),
    [
        ((5.5, 5.5), 2.9, True),
        ((5.5, 5.5), 2.96, False),  # within the tolerance
        ((6.5, 4.5), 2.0, True),  # one of the eight cells around
        ((7.5, 5.5), 2.0, False),
        ((21.5, 4.5), 2.0, False),
        ((5.5, 5.5), -1.0, False),  # behind the camera
    ],
)
def test_what_hides_a_vertex(place, depth, is_hidden):
    """One at (5.5, 5.5) px, 3 m away, in an image that is twice as wide as high."""
    points, depths = torch.tensor([[[5.5, 5.5], place]]), torch.tensor([[3.0, depth]])
    seen = visible_vertices(points, depths, (32, 16), cell=1.0)
    assert seen.tolist() == [[not is_hidden, depth > 0]]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(reduction='sum'), "reduction .* 'sum'"),
        (dict(sample='half'), "sample .* 'half'"),
        (dict(visible=torch.ones(1, 1, 20)), 'bool'),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        flow_coherence(projected((0.1, 0, 0)), constant(5, 0), **options)


def test_refuses_shapes():
    with pytest.raises(ValueError, match=r'\(1, 3, V, 2\)'):
        flow_coherence(projected((0.1, 0, 0)), constant(5, 0, steps=2))
    with pytest.raises(ValueError, match=r'\(B, T, 2, H, W\)'):
        flow_coherence(projected((0.1, 0, 0)), torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match='positive, got 0'):
        visible_vertices(torch.zeros(1, 1, 2), torch.ones(1, 1), (8, 8), cell=0)
