"""Whether a module is to be had, without importing it."""

import sys
from importlib.util import find_spec


def is_absent(name: str) -> bool:
    """Whether module ``name`` is neither imported nor to be found.

    Args:
        name (str): Full name; its parent packages are imported to look inside.
    """
    return name not in sys.modules and find_spec(name) is None
