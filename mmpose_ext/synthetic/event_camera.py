"""An event camera: pictures in, events out."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

# What a display or an ordinary camera does to linear intensity, roughly sRGB.
_GAMMA = 2.2


class Events(NamedTuple):
    """Events in the order of time.

    Attributes:
        t (np.ndarray): Times (N,) int64 in microseconds, not falling.
        x (np.ndarray): Columns (N,) int16.
        y (np.ndarray): Rows (N,) int16.
        p (np.ndarray): Polarities (N,) uint8: 1 brighter, 0 darker.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray


class EventCamera:
    """A camera whose pixels report changes of the logarithm of what they see.

    The rule is that of ESIM (Rebecq et al., CoRL 2018): each pixel remembers the level at its
    last event; whenever log(I + eps), linear in time between two pictures, has moved by the
    threshold, there is an event and the remembered level moves along. Thresholds differ from
    pixel to pixel and between the two polarities, as in v2e (Hu et al., CVPRW 2021). An event
    within the refractory time of the pixel's last one is lost.

    Args:
        threshold (float): Mean change of log(I + eps) that makes an event. Defaults to 0.15.
        threshold_noise (float): Standard deviation of the thresholds, none of which is below a
            tenth of their mean. Defaults to 0.
        refractory_us (float): Microseconds for which a pixel rests after an event. Defaults to 0.
        log_eps (float): Intensity eps that keeps the dark from being noisy. Defaults to 0.02.
        seed (int | np.random.SeedSequence): Seed of the thresholds. Defaults to 0.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> camera = EventCamera()
        >>> len(camera.see(np.full((2, 2), 0.1), 0).t)
        0
        >>> len(camera.see(np.full((2, 2), 0.2), 1000).t)
        12
    """

    def __init__(
        self,
        threshold: float = 0.15,
        threshold_noise: float = 0.0,
        refractory_us: float = 0.0,
        log_eps: float = 0.02,
        seed: int | np.random.SeedSequence = 0,
    ) -> None:
        for name, value in (('threshold', threshold), ('log_eps', log_eps)):
            if not 0 < value < np.inf:
                raise ValueError(f'{name} should be positive and finite, got {value}')
        for name, value in (('threshold_noise', threshold_noise), ('refractory_us', refractory_us)):
            if not 0 <= value < np.inf:
                raise ValueError(f'{name} should be 0 or more and finite, got {value}')
        self.threshold = threshold
        self.threshold_noise = threshold_noise
        self.refractory_us = refractory_us
        self.log_eps = log_eps
        self.seed = seed
        self._time = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was seen; the thresholds of the next first picture are the same again."""
        self._shape = (0, 0)

    def see(self, image: np.ndarray, time_us: int) -> Events:
        """Look at the next picture.

        Args:
            image (np.ndarray): Linear intensity (H, W), 0 black to 1 white.
            time_us (int): Its time in microseconds.

        Returns:
            Events: The events since the picture before, at times from that one's to just before
            this one's; none for the first picture.

        Raises:
            ValueError: If the picture has another shape than the one before, is negative or not
                finite, or is not later.
        """
        image = np.asarray(image, dtype=np.float64)
        if image.ndim != 2 or not image.size:
            raise ValueError(f'need a picture (H, W), got {image.shape}')
        # A NaN is neither.
        if not (image.min() >= 0 and image.max() < np.inf):
            raise ValueError('intensities should be finite and not negative; 1 is white')
        level = np.log(image + self.log_eps).ravel()
        if self._shape == (0, 0):
            self._begin(level, (image.shape[0], image.shape[1]), time_us)
            return Events(*(np.zeros(0, kind) for kind in (np.int64, np.int16, np.int16, np.uint8)))
        if image.shape != self._shape:
            raise ValueError(f'the pictures before were {self._shape}, this one is {image.shape}')
        if time_us <= self._time:
            raise ValueError(f'times should rise: {time_us} us after {self._time} us')
        events = self._compare(level, time_us)
        self._level, self._time = level, time_us
        return events

    def _begin(self, level: np.ndarray, shape: tuple[int, int], time_us: int) -> None:
        """Take the first picture as the level of all pixels."""
        rng = np.random.default_rng(self.seed)
        noise = self.threshold_noise * rng.standard_normal((2, level.size))
        self._thresholds = np.maximum(self.threshold + noise, 0.1 * self.threshold)
        self._shape, self._time = shape, time_us
        self._level, self._reference = level, level.copy()
        self._last = np.full(level.size, -np.inf)

    def _compare(self, level: np.ndarray, time_us: int) -> Events:
        """Give the events between the picture before and this one."""
        change = level - self._reference
        steps = self._thresholds[(change > 0).astype(np.intp), np.arange(level.size)]
        counts = (np.abs(change) / steps).astype(np.int64)
        pixels = np.flatnonzero(counts)
        counts, step, brighter = counts[pixels], steps[pixels], change[pixels] > 0
        step = np.where(brighter, step, -step)
        # Share of the time between the pictures at the first event, and from one to the next.
        slope = level[pixels] - self._level[pixels]
        flat = slope == 0  # only if rounding alone reaches the threshold
        slope[flat] = 1
        first = np.clip((self._reference[pixels] + step - self._level[pixels]) / slope, 0, 1)
        gap = np.where(flat, 0, step / slope)
        self._reference[pixels] += counts * step

        owner = np.repeat(np.arange(len(pixels)), counts)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        span = time_us - self._time
        times = self._time + span * (first[owner] + number * gap[owner])
        if self.refractory_us:
            awake = self._awake(pixels, self._time + span * first, span * gap, owner, number)
            owner, times = owner[awake], times[awake]
        # Of several events of a pixel the last is kept.
        self._last[pixels[owner]] = times
        return self._sort(times, pixels[owner], brighter[owner], time_us)

    def _awake(
        self,
        pixels: np.ndarray,
        first: np.ndarray,
        gap: np.ndarray,
        owner: np.ndarray,
        number: np.ndarray,
    ) -> np.ndarray:
        """Tell which events (N,) do not fall into their pixel's refractory time.

        The events of a pixel are evenly spaced, so that from the first awake one on it is every
        so manieth.
        """
        gap = np.maximum(gap, 1e-9)
        rest = self._last[pixels] + self.refractory_us - first
        begin = np.ceil(np.maximum(rest, 0) / gap)
        every = np.maximum(np.ceil(self.refractory_us / gap), 1)
        after = number - begin[owner]
        return (after >= 0) & (after % every[owner] == 0)

    def _sort(
        self, times: np.ndarray, pixels: np.ndarray, brighter: np.ndarray, time_us: int
    ) -> Events:
        """Bring events into the order of whole microseconds, those of one in raster order."""
        t = np.minimum(np.floor(times).astype(np.int64), time_us - 1)
        order = np.argsort(t, kind='stable')
        y, x = np.divmod(pixels[order], self._shape[1])
        return Events(
            t[order], x.astype(np.int16), y.astype(np.int16), brighter[order].astype(np.uint8)
        )


def frames_to_events(
    images: Iterable[np.ndarray], times_us: Iterable[int], camera: EventCamera
) -> Events:
    """Turn a video into events.

    Args:
        images (Iterable[np.ndarray]): Linear intensities (H, W), 0 to 1. Between two of them
            log(I + eps) is taken as linear in time: where things move by more than a pixel from
            one to the next, put pictures between them; see :func:`.inbetween.inbetweens`.
        times_us (Iterable[int]): Their times in microseconds, rising.
        camera (EventCamera): The camera; it goes on from what it has seen.

    Returns:
        Events: All events.

    Raises:
        ValueError: If there is no picture, there are not as many times, or the camera refuses one.
    """
    seen = [camera.see(image, time) for image, time in zip(images, times_us, strict=True)]
    if not seen:
        raise ValueError('a video should have at least one picture')
    return Events(*(np.concatenate(part) for part in zip(*seen, strict=True)))


def binary_frames(events: Events, edges_us: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mark the pixels that have an event, of either polarity, in each of several bins of time.

    Args:
        events (Events): The events.
        edges_us (np.ndarray): Rising edges (N + 1,) of the bins in microseconds. A bin holds its
            lower edge and not its upper one; events outside all bins are left out.
        shape (tuple[int, int]): Height and width.

    Returns:
        np.ndarray: (N, H, W) uint8 of 0 and 1.
    """
    frames = np.zeros((len(edges_us) - 1, *shape), np.uint8)
    bins = np.searchsorted(edges_us, events.t, side='right') - 1
    held = (bins >= 0) & (bins < len(frames))
    frames[bins[held], events.y[held], events.x[held]] = 1
    return frames


def to_linear(gray: np.ndarray) -> np.ndarray:
    """Turn gray levels of ordinary pictures, 0 to 255, into linear intensities 0 to 1."""
    return (np.asarray(gray, dtype=np.float32) / 255) ** _GAMMA


def to_gray(intensity: np.ndarray) -> np.ndarray:
    """Turn linear intensities, cut off at 0 and 1, into gray levels of ordinary pictures, uint8."""
    return np.rint(255 * np.clip(intensity, 0, 1) ** (1 / _GAMMA)).astype(np.uint8)
