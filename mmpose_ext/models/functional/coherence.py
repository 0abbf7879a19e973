"""EventHPE's coherence of a moving mesh with the optical flow of the events."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, max_pool2d

from mmpose_ext.models.options import check_option

REDUCTIONS = ('all', 'valid')
SAMPLINGS = ('legacy', 'exact')
# Width in px of the images that the authors' threshold is meant for.
_THRESHOLD_WIDTH = 256
# A point farther outside than this many image sizes is outside all the same, and stays finite.
_FAR = 4.0


def flow_coherence(
    verts_px: Tensor,
    flow: Tensor,
    threshold: float = 4.0,
    reduction: str = 'all',
    sample: str = 'legacy',
    detach_previous: bool = False,
    visible: Tensor | None = None,
    scale_threshold: bool = False,
    min_motion: float = 1e-8,
) -> Tensor:
    r"""Compare the direction in which vertices move in the image with the flow there.

    The flow coherence loss of EventHPE (`ICCV 2021 <https://arxiv.org/abs/2108.06819>`_), as its
    code has it, with :math:`s_t = p_{t+1} - p_t` and :math:`f_t` the flow sampled at :math:`p_t`:

    .. math:: mean_{b,t,v} \; [\,|f_t| > threshold\,] \; (1 - \cos(s_t, f_t))

    It is between 0 and 2; only directions count, and a vertex that stands still costs 1 where
    there is flow. The flow and the places where it is sampled get no gradient.

    Args:
        verts_px (Tensor): Projected vertices (B, T + 1, V, 2) in px, the first those of the
            beginning pose.
        flow (Tensor): Flow (B, T, 2, H, W) of the steps in px, (u, v).
        threshold (float): Flow in px that counts must be longer.
        reduction (str): ``'all'``: mean over all vertices, those without flow counting 0, as in
            the authors' code. ``'valid'``: mean over those with flow; 0 where there are none.
        sample (str): ``'legacy'``: the flow at p - 0.5 px, as in the authors' code. ``'exact'``:
            at p. Outside the image it is 0.
        detach_previous (bool): Whether :math:`p_t` gets no gradient, only :math:`p_{t+1}`.
        visible (Tensor | None): Which vertices count, bool (B, T, V), see
            :func:`visible_vertices`. None: all, hidden ones too, as in the authors' code.
        scale_threshold (bool): Whether the threshold is meant for images 256 px wide, and becomes
            ``threshold * W / 256``.
        min_motion (float): Motion in px below which the cosine fades to 0. The authors' 1e-8 has
            gradients of up to 1e8 per px where a mesh stands still, as it does before a head that
            begins with "nothing moves" has learnt: our configs say 0.1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ValueError: If an option is none or the shapes do not belong together.
    """
    check_option('reduction', reduction, REDUCTIONS)
    check_option('sample', sample, SAMPLINGS)
    _check_shapes(verts_px, flow, visible)
    # Vectors of a few px squared and summed over thousands of vertices: not in half precision.
    with torch.autocast(flow.device.type, enabled=False):
        verts_px = verts_px if verts_px.dtype == torch.float64 else verts_px.float()
        previous, following = verts_px[:, :-1], verts_px[:, 1:]
        with torch.no_grad():
            image_flow = sample_flow(flow.to(verts_px.dtype), previous, sample)
            length = image_flow.norm(dim=-1)
            scale = flow.shape[-1] / _THRESHOLD_WIDTH if scale_threshold else 1.0
            valid = length > threshold * scale
            if visible is not None:
                valid = valid & visible
            direction = image_flow / length.clamp(min=1e-8)[..., None]
        motion = following - (previous.detach() if detach_previous else previous)
        # Not a product with 0 where nothing counts: what is far outside may overflow.
        motion = torch.where(valid[..., None], motion, torch.zeros_like(motion))
        cosine = (motion * direction).sum(-1) / motion.norm(dim=-1).clamp(min=min_motion)
        total = torch.where(valid, 1 - cosine, torch.zeros_like(cosine)).sum()
        return total / (valid.numel() if reduction == 'all' else valid.sum().clamp(min=1))


def sample_flow(flow: Tensor, points: Tensor, sample: str = 'exact') -> Tensor:
    """Read flow fields at points, bilinearly.

    Args:
        flow (Tensor): Flow (B, T, 2, H, W).
        points (Tensor): Points (B, T, V, 2) in px.
        sample (str): See :func:`flow_coherence`.

    Returns:
        Tensor: Flow at the points, (B, T, V, 2), 0 outside the image.
    """
    height, width = flow.shape[-2:]
    size = points.new_tensor([width, height])
    points = torch.minimum(torch.maximum(points, -_FAR * size), _FAR * size)
    exact = sample == 'exact'
    grid = 2 * points / (size - 1).clamp(min=1) - 1 if exact else 2 * points / size - 1
    sampled = grid_sample(
        flow.flatten(0, 1), grid.flatten(0, 1)[:, None], padding_mode='zeros', align_corners=exact
    )
    return sampled[:, :, 0].mT.unflatten(0, flow.shape[:2])


@torch.no_grad()
def visible_vertices(
    points: Tensor, depth: Tensor, size: tuple[int, int], cell: float, tolerance: float = 0.05
) -> Tensor:
    """Tell which vertices are seen, by a z-buffer of points (ours).

    Each vertex is drawn into a coarse grid; it is seen if no other in its cell or the eight around
    it is nearer by more than the tolerance. Without faces a hidden vertex is found only where the
    mesh is finer than the cells.

    Args:
        points (Tensor): Projected vertices (N, V, 2) in px.
        depth (Tensor): Their depths (N, V) in metres.
        size (tuple[int, int]): Width and height of the image in px.
        cell (float): Width of a cell in px.
        tolerance (float): How much nearer another vertex must be to hide one, in metres.

    Returns:
        Tensor: Whether each vertex is in the image and seen, bool (N, V).

    Raises:
        ValueError: If the cell's width or the tolerance is not positive.
    """
    if not cell > 0 or not tolerance > 0:
        raise ValueError(f'cell and tolerance must be positive, got {cell} and {tolerance}.')
    width, height = size
    columns, rows = int(-(-width // cell)), int(-(-height // cell))
    x, y = points.unbind(-1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (depth > 0)
    index = torch.where(inside, (y // cell) * columns + x // cell, 0).long()
    depth = torch.where(inside, depth, torch.inf)
    nearest = torch.full((len(points), rows * columns), torch.inf).to(depth)
    nearest.scatter_reduce_(1, index, depth, 'amin')
    around = -max_pool2d(-nearest.view(-1, 1, rows, columns), 3, stride=1, padding=1)
    return inside & (depth <= around.flatten(1).gather(1, index) + tolerance)


def _check_shapes(verts_px: Tensor, flow: Tensor, visible: Tensor | None) -> None:
    if flow.ndim != 5 or flow.shape[2] != 2:
        raise ValueError(f'flow must have the shape (B, T, 2, H, W), got {tuple(flow.shape)}.')
    batch, steps = flow.shape[:2]
    expected = (batch, steps + 1, *verts_px.shape[2:3], 2)
    if tuple(verts_px.shape) != expected or not verts_px.shape[2]:
        raise ValueError(
            f'verts_px must have the shape ({batch}, {steps + 1}, V, 2) with this flow, got '
            f'{tuple(verts_px.shape)}.'
        )
    if visible is not None and (
        visible.dtype != torch.bool or visible.shape != (batch, steps, verts_px.shape[2])
    ):
        raise ValueError(
            f'visible must be bool ({batch}, {steps}, {verts_px.shape[2]}), got {visible.dtype} '
            f'{tuple(visible.shape)}.'
        )
