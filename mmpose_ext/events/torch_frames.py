"""Events to frames on any device, with the numbers of :mod:`mmpose_ext.events.frames`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpose_ext.events.frames import bin_edges, check_frame_options, check_polarity_range
from mmpose_ext.events.pixel_tables import Pad, PixelTables, pixel_tables


def events_to_frames_torch(
    t: Tensor,
    x: Tensor,
    y: Tensor,
    p: Tensor | None,
    sensor: Sequence[int],
    num_bins: int = 4,
    size: Sequence[int] | None = None,
    reduce: str = 'max',
    pad: Pad = 0,
    t_range: tuple[int, int] | None = None,
    rotate180: bool = False,
    polarity: bool = False,
    drop_last: bool = True,
    percentile: float = 98.0,
) -> Tensor:
    """Turn the events of a window into frames, on the device that they are on.

    Args:
        t (Tensor): Times in microseconds, int64 (N,), in any order.
        x (Tensor): Columns, whole numbers (N,).
        y (Tensor): Rows, whole numbers (N,).
        p (Tensor, optional): Polarities 0 and 1 (N,); needed for ``polarity`` only.
        sensor (Sequence[int]): Width and height of the sensor in pixels.
        num_bins (int): As in :func:`mmpose_ext.events.frames.events_to_frames`, and so below.
        size (Sequence[int], optional): Width and height of the frames in pixels.
        reduce (str): ``'nearest'``, ``'max'``, ``'count'`` or ``'voxel'``.
        pad (int | Sequence[int]): Pixels added to the sensor.
        t_range (tuple[int, int], optional): Times t0 and t1 in microseconds.
        rotate180 (bool): Whether the sensor is mounted upside down.
        polarity (bool): Whether darker and brighter events get frames of their own.
        drop_last (bool): Whether, without ``t_range``, the events at t1 are dropped.
        percentile (float): Of the voxels that are not 0.

    Returns:
        Tensor: ``(num_bins, H, W)``, or ``(2 num_bins, H, W)``: uint8 of 0 and 1, float32 for
        counts and voxels.

    Raises:
        ValueError: If an argument is not one of these, an event is outside of the sensor, or with
            ``polarity`` one is neither 0 nor 1.
    """
    check_frame_options(num_bins, reduce, percentile)
    if polarity and p is None:
        raise ValueError('frames of both polarities need p')
    if t_range is not None and t_range[1] <= t_range[0]:
        raise ValueError(f't_range is (start, end) in us with start < end, got {t_range}')
    tables = pixel_tables(sensor, size, reduce == 'nearest', pad, rotate180)
    width, height = tables.size
    channels = num_bins * (1 + polarity)
    if not len(t):
        kind = torch.float32 if reduce in ('count', 'voxel') else torch.uint8
        return torch.zeros(channels, height, width, dtype=kind, device=t.device)
    includes_end = t_range is None and (not drop_last or reduce == 'voxel')
    start, end = (int(t.min()), int(t.max())) if t_range is None else t_range
    cells = _cells_of(x, y, tables)
    if polarity and p is not None:
        check_polarity_range(p.min().item(), p.max().item())
        cells = cells + p.long() * tables.num_cells
    inside = (t >= start) & (t < end + includes_end)
    t, cells = t[inside], cells[inside]
    block = (1 + polarity) * tables.num_cells
    if reduce == 'voxel':
        flat = _shared(t, cells, start, max(end - start, 1), num_bins, block)
    else:
        edges = torch.as_tensor(bin_edges((start, end), num_bins), device=t.device)
        index = torch.searchsorted(edges[1:-1].contiguous(), t, right=True)
        flat = torch.bincount(cells + index * block, minlength=num_bins * block)
    frames = flat.view(-1, tables.num_cells)[:channels, : width * height]
    frames = frames.reshape(channels, height, width)
    if reduce == 'count':
        return frames.float().log1p()
    if reduce == 'voxel':
        return _normalized(frames, percentile)
    return (frames > 0).to(torch.uint8)


def _cells_of(x: Tensor, y: Tensor, tables: PixelTables) -> Tensor:
    for name, places, table in (('x', x, tables.columns), ('y', y, tables.rows)):
        if places.min() < 0 or places.max() >= len(table):
            raise ValueError(
                f'{name} from {int(places.min())} to {int(places.max())} is outside of a sensor '
                f'of {len(table)} pixels: let check_events look at the events first'
            )
    columns, rows = (
        torch.tensor(table, device=x.device) for table in (tables.columns, tables.rows)
    )
    return columns[x.long()] + rows[y.long()]


def _shared(t: Tensor, cells: Tensor, start: int, span: int, num_bins: int, block: int) -> Tensor:
    """Voxels: each event shared between the points of time before and after it, float64."""
    place = (t - start).double() * ((num_bins - 1) / span)
    before = place.long()
    after_share = place - before
    cells, length = cells + before * block, (num_bins + 1) * block
    voxels = torch.bincount(cells, 1 - after_share, length)
    return voxels + torch.bincount(cells + block, after_share, length)


def _normalized(voxels: Tensor, percentile: float) -> Tensor:
    """Voxels clipped at the percentile of those that are not 0, and divided by it."""
    found = voxels[voxels > 0].sort().values  # torch.quantile refuses more than 16 million
    if not len(found):
        return voxels.float()
    place = (len(found) - 1) * percentile / 100
    below = int(place)
    above = min(below + 1, len(found) - 1)
    limit = torch.lerp(found[below], found[above], place - below)
    return (voxels.clamp(max=limit) / limit).float()
