"""Modules that stand in for missing ones, and the finder that offers them.

The sources beside this file are loaded under the name of the module which they
replace, never under their own.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

__all__ = ['StandInFinder', 'offer']


class StandInFinder:
    """A finder of last resort for one module.

    Python asks the finders of ``sys.meta_path`` in turn. Appended to its end, this one
    is asked only when the module is nowhere else, so a real one always goes first.

    Args:
        name (str): Full name of the missing module, such as ``'mmcv._ext'``.
        source (Path): The file which to execute under that name.
    """

    def __init__(self, name: str, source: Path) -> None:
        self.name = name
        self.source = source

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the stand-in's spec if ``name`` is the missing module."""
        if name != self.name:
            return None
        return spec_from_file_location(name, self.source)


def offer(name: str, source_name: str) -> None:
    """Let ``import name`` find ``stand_ins/<source_name>`` where nothing else has it.

    Args:
        name (str): Full name of the missing module.
        source_name (str): File name of the stand-in beside this file.
    """
    sys.meta_path.append(StandInFinder(name, Path(__file__).with_name(source_name)))
