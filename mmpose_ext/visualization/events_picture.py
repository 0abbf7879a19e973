"""Events and optical flow as pictures. BGR throughout."""

import mmcv
import numpy as np

from mmpose_ext.visualization.captions import PAPER

# BGR: positive events red, negative ones blue, as the field draws them.
_POSITIVE, _NEGATIVE = (40, 40, 220), (220, 80, 30)
# Grey of the oldest and of the newest events of a window.
_OLDEST, _NEWEST = 205.0, 25.0
STYLES = ('time', 'polarity')


def draw_events(events: np.ndarray, style: str | None = None) -> np.ndarray:
    """Draw the events of a window on white.

    Args:
        events (np.ndarray): Event frames (C, H, W), the oldest first: 0 where nothing happened;
            of any sign where polarities are told apart, else not negative.
        style (str | None): ``'time'``: the newest event of a pixel counts, grey, darker the newer
            it is. ``'polarity'``: red where positive events prevail, blue where negative ones do,
            stronger the more they are. Defaults to None: polarity where a value is negative.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If the shape or the style is another, or a value is not finite.
    """
    events = np.asarray(events)
    if events.ndim != 3 or not events.size:
        raise ValueError(f'event frames are (C, H, W), got {events.shape}')
    if events.dtype.kind == 'f' and not np.isfinite(events).all():
        raise ValueError('event frames should be finite, got NaN or infinity')
    if style is None:
        style = 'polarity' if events.dtype.kind != 'b' and (events < 0).any() else 'time'
    if style == 'time':
        return _by_time(events != 0)
    if style == 'polarity':
        return _by_polarity(events)
    raise ValueError(f'style should be one of {STYLES} or None, got {style!r}')


def draw_flow(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Draw optical flow in the usual colour wheel (Baker et al., IJCV 2011): hue is direction.

    Args:
        flow (np.ndarray): Flow (2, H, W) in px, x to the right, y down; NaN or more than 1e6 px
            is unknown and drawn black.
        max_flow (float | None): Length in px that has full colour; longer flow is drawn as long
            as that. Defaults to None: the longest of the field.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8, white where nothing moves.

    Raises:
        ValueError: If the shape is another or ``max_flow`` is not positive.
    """
    flow = np.asarray(flow, dtype=np.float64)
    if flow.ndim != 3 or flow.shape[0] != 2 or not flow.size:
        raise ValueError(f'flow is (2, H, W), got {flow.shape}')
    if max_flow is not None and not max_flow > 0:
        raise ValueError(f'max_flow is a length in px, got {max_flow}')
    longest = longest_flow(flow) if max_flow is None else float(max_flow)
    if longest == 0:
        longest = 1.0
    lengths = np.hypot(*flow)
    shrink = np.where(_known(flow) & (lengths > longest), longest / np.maximum(lengths, 1e-12), 1)
    field = (flow * shrink).transpose(1, 2, 0)
    # mmcv scales by the longest flow of the field: a further row tells it which. It is longer by
    # a hair, since what rounding makes too long would be drawn darker.
    ruler = np.zeros((1, field.shape[1], 2))
    ruler[..., 0] = longest * (1 + 1e-6)
    painted = mmcv.flow2rgb(np.concatenate((field, ruler)))[:-1]
    return np.rint(255 * painted[..., ::-1]).astype(np.uint8)


def draw_flow_wheel(size: int) -> np.ndarray:
    """Draw the legend of :func:`draw_flow`: a disk whose points are drawn as the flow to them.

    Args:
        size (int): Side of the picture in pixels.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8, the disk on white.

    Raises:
        ValueError: If ``size`` is not positive.
    """
    if size < 1:
        raise ValueError(f'size should be positive, got {size}')
    radius = max((size - 1) / 2, 0.5)
    flow = np.stack(np.meshgrid(*(np.arange(size) - (size - 1) / 2,) * 2)) / radius
    picture = draw_flow(flow, 1.0)
    picture[np.hypot(*flow) > 1] = PAPER
    return picture


def longest_flow(flow: np.ndarray) -> float:
    """Measure the longest flow of fields.

    Args:
        flow (np.ndarray): Flow (..., 2, H, W) in px.

    Returns:
        float: Its length in px, of what is known; 0 where nothing is.
    """
    x, y = np.moveaxis(np.asarray(flow, dtype=np.float64), -3, 0)
    lengths = np.hypot(x, y)[_known(np.stack((x, y)))]
    return float(lengths.max(initial=0.0))


def _known(flow: np.ndarray) -> np.ndarray:
    """Tell where a flow (2, ...) is finite and no longer than mmcv has it."""
    return (np.abs(np.nan_to_num(flow, nan=np.inf)) <= 1e6).all(0)


def _by_time(happened: np.ndarray) -> np.ndarray:
    C = len(happened)
    shades = np.linspace(_OLDEST, _NEWEST, C) if C > 1 else np.array([_NEWEST])
    newest = C - 1 - happened[::-1].argmax(0)
    grey = np.where(happened.any(0), shades[newest], PAPER[0])
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def _by_polarity(events: np.ndarray) -> np.ndarray:
    total = events.astype(np.float64).sum(0)
    # A single event is seen well already.
    strength = np.where(total == 0, 0, 0.4 + 0.6 * np.abs(total) / max(np.abs(total).max(), 1e-12))
    color = np.where((total > 0)[..., None], _POSITIVE, _NEGATIVE)
    return np.rint(PAPER + strength[..., None] * (color - np.array(PAPER))).astype(np.uint8)
