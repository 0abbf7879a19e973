"""The boxes that a user gives for his pictures, in any of their forms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mmpose_ext.apis.box_files import BoxFile
from mmpose_ext.apis.detection import Boxes
from mmpose_ext.apis.inputs import Frame, Source, count_inputs, is_single

# (N, 4) or (N, 5) for one picture; one of these for each; by name; a file of boxes.
BoxesGiven: TypeAlias = (
    Boxes | np.ndarray | Sequence[Any] | Mapping[str, Any] | BoxFile | str | Path | None
)


class BoxSource:
    """Finds the boxes of each picture.

    Args:
        boxes (BoxesGiven): For a single picture (N, 4) as x1, y1, x2, y2 in pixels, or (N, 5)
            with scores; for several a list of these, one for each picture or frame, a mapping of
            their names (a video's name stands for all of its frames), or a file that
            :class:`~mmpose_ext.apis.box_files.BoxFile` reads; None: there are none.
        source (Source): The pictures that they are for.

    Raises:
        ValueError: If the boxes cannot be those of the source.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, boxes: BoxesGiven, source: Source) -> None:
        self._by_name: Mapping[str, Any] | BoxFile | None = None
        self._in_order: Sequence[Any] | None = None
        if isinstance(boxes, str | Path):
            self._by_name = BoxFile(boxes)
        elif isinstance(boxes, Mapping | BoxFile):
            self._by_name = boxes
        elif is_single(source) and boxes is not None:
            self._in_order = [Boxes.of(boxes)]
        elif isinstance(boxes, Boxes) or (isinstance(boxes, np.ndarray) and boxes.ndim < 3):
            raise ValueError(
                'boxes (N, 4) are those of one picture: for several give a list with the boxes '
                'of each, or a mapping of their names'
            )
        elif boxes is not None:
            self._in_order = list(boxes)
            number = count_inputs(source)
            if number is not None and number != len(self._in_order):
                raise ValueError(f'{number} pictures need boxes of each, got {len(self._in_order)}')

    @property
    def is_empty(self) -> bool:
        """Whether no boxes were given at all."""
        return self._by_name is None and self._in_order is None

    def find(self, frame: Frame, position: int) -> Boxes:
        """Give the boxes of a picture.

        Args:
            frame (Frame): The picture.
            position (int): Which of the source's pictures it is, from 0.

        Returns:
            Boxes: Its boxes.

        Raises:
            ValueError: If there are none for it, they are no boxes or lie outside of it.
        """
        size = (frame.image.shape[1], frame.image.shape[0])
        return self._look_up(frame, position, size).within(size)

    def _look_up(self, frame: Frame, position: int, size: tuple[int, int]) -> Boxes:
        if isinstance(self._by_name, BoxFile):
            try:
                return self._by_name.find(frame.name, frame.index, size)
            except KeyError as error:
                raise ValueError(error.args[0]) from error
        if self._by_name is not None:
            if frame.name not in self._by_name:
                names = ', '.join(map(repr, list(self._by_name)[:3]))
                raise ValueError(f'no boxes are given for {frame.name!r}, only for {names} ...')
            return Boxes.of(self._by_name[frame.name])
        if self._in_order is None or position >= len(self._in_order):
            raise ValueError(f'no boxes are given for picture {position}, counted from 0')
        return Boxes.of(self._in_order[position])
