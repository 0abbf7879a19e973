"""Choosing which intervals of a recording a sample is made of."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS


def block_weights(counts: np.ndarray, skip: int, max_blocks: int, max_events: int) -> np.ndarray:
    """Weigh the blocks of intervals at which a window of events may end.

    The authors': the end is j blocks ahead with a probability proportional to the events of block
    j; the list of blocks is cut when the running sum of events passes a limit. The block that
    passes it is left out, but for the first (our reading). Where no block has events all weigh
    the same.

    Args:
        counts (np.ndarray): Events of the next intervals, (n,), n at least ``skip``.
        skip (int): Intervals of a block.
        max_blocks (int): How many blocks there may be.
        max_events (int): The limit.

    Returns:
        np.ndarray: Probabilities (b,) of the first b blocks, 1 <= b <= ``max_blocks``.

    Raises:
        ValueError: If there is no whole block.
    """
    blocks = min(len(counts) // skip, max_blocks)
    if blocks < 1:
        raise ValueError(f'{len(counts)} intervals are no block of {skip}')
    events = np.asarray(counts[: blocks * skip], dtype=np.float64).reshape(blocks, skip).sum(1)
    within = np.cumsum(events) <= max_events
    within[0] = True
    events = events[within]
    total = events.sum()
    weights: np.ndarray = events / total if total else np.full(len(events), 1 / len(events))
    return weights


def step_ends(num_steps: int, max_steps: int, skip: int, random: Any = None) -> np.ndarray:
    """Choose where the steps of a clip end.

    Args:
        num_steps (int): Steps T.
        max_steps (int): Among how many steps' ends T are drawn, without replacement.
        skip (int): Intervals from one end to the next.
        random (Any): numpy's generator to draw from. Defaults to None: the first T ends.

    Returns:
        np.ndarray: Frames after the first, rising, int64 (T,): ``skip``, 2 ``skip``, ... where
        ``max_steps`` is T.

    Raises:
        ValueError: If there are fewer steps to choose from than wanted.
    """
    if max_steps < num_steps:
        raise ValueError(f'max_steps should be at least num_steps {num_steps}, got {max_steps}')
    if random is None:
        return skip * np.arange(1, num_steps + 1)
    ends: np.ndarray = skip * (1 + np.sort(random.choice(max_steps, num_steps, replace=False)))
    return ends


@TRANSFORMS.register_module()
class SampleEventInterval(BaseTransform):
    """Choose how many blocks of intervals a sample of the flow network spans.

    Required keys: ``frame``, ``event_counts`` (n,), ``test_mode``. Added keys: ``frame_ids``
    int64 (2,), the first frame and the last; ``dt`` (int): how many blocks lie between them.

    Args:
        skip (int, optional): Intervals of a block. Defaults to None: the dataset's ``skip``.
        max_blocks (int): How many blocks at most. Defaults to 4, the authors'.
        max_events (int): See :func:`block_weights`. Defaults to 60000, the authors' at 256 px.

    Raises:
        ValueError: If an argument is below 1, or fewer intervals follow than a block has.
    """

    def __init__(
        self, skip: int | None = None, max_blocks: int = 4, max_events: int = 60000
    ) -> None:
        _check_positive(skip=1 if skip is None else skip)
        _check_positive(max_blocks=max_blocks, max_events=max_events)
        self.skip, self.max_blocks, self.max_events = skip, max_blocks, max_events

    @cache_randomness
    def draw(self, weights: np.ndarray) -> int:
        """Draw the number of blocks from their probabilities (b,)."""
        return 1 + int(np.random.choice(len(weights), p=weights))  # noqa: NPY002

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the end of a sample's window; in test mode one block.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        skip = self.skip or results['skip']
        try:
            weights = block_weights(results['event_counts'], skip, self.max_blocks, self.max_events)
        except ValueError as error:
            raise ValueError(
                f'{results["recording"]}, frame {results["frame"]}: {error}. Let the dataset and '
                'SampleEventInterval have the same skip.'
            ) from error
        blocks = 1 if results['test_mode'] else self.draw(weights)
        results['frame_ids'] = results['frame'] + np.array([0, blocks * skip])
        results['dt'] = blocks
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(skip={self.skip}, max_blocks={self.max_blocks}, '
            f'max_events={self.max_events})'
        )


@TRANSFORMS.register_module()
class SampleClipSteps(BaseTransform):
    """Choose where the steps of a clip end, see :func:`step_ends`.

    Required keys: ``frame``, ``num_steps``, ``max_steps``, ``skip``, ``test_mode``. Added key:
    ``frame_ids`` int64 (T + 1,): the first frame and the ends of the steps.

    Args:
        num_steps (int, optional): Steps T. Defaults to None: the dataset's.
        max_steps (int, optional): Among how many they are drawn in training. Defaults to None: the
            dataset's.
        skip (int, optional): Intervals of a step. Defaults to None: the dataset's.

    Raises:
        ValueError: If an argument is below 1, or the steps reach farther than the dataset's clips.
    """

    def __init__(
        self,
        num_steps: int | None = None,
        max_steps: int | None = None,
        skip: int | None = None,
    ) -> None:
        given = {'num_steps': num_steps, 'max_steps': max_steps, 'skip': skip}
        self.given = {name: value for name, value in given.items() if value is not None}
        _check_positive(**self.given)

    @cache_randomness
    def draw(self, num_steps: int, max_steps: int, skip: int) -> np.ndarray:
        """Draw the ends (T,) of steps."""
        return step_ends(num_steps, max_steps, skip, np.random)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the steps of a clip; in test mode the regular ones.

        Args:
            results: The sample, see the class.

        Returns:
            The sample.
        """
        known = {name: results[name] for name in ('num_steps', 'max_steps', 'skip')}
        wanted = {**known, **self.given}
        if results['test_mode']:
            wanted['max_steps'] = wanted['num_steps']
        reach, span = (n['max_steps'] * n['skip'] for n in (wanted, known))
        if reach > span:
            raise ValueError(
                f'SampleClipSteps reaches {reach} intervals ahead, the clips of the dataset have '
                f'{span}: give num_steps, max_steps and skip to the dataset instead.'
            )
        if results['test_mode'] or wanted['max_steps'] == wanted['num_steps']:
            ends = step_ends(wanted['num_steps'], wanted['num_steps'], wanted['skip'])
        else:
            ends = self.draw(**wanted)
        results['frame_ids'] = results['frame'] + np.concatenate([[0], ends])
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{name}={value}' for name, value in self.given.items())
        return f'{type(self).__name__}({options})'


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f'{name} should be a whole number, 1 or more, got {value!r}')
