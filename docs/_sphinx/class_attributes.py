"""mmcv's ``cache_randomness`` as an attribute of a class.

Sphinx looks at methods through their class; mmcv's decorator can only be looked at through an
instance (``TypeError: cannot create weak reference to 'NoneType' object``).
"""

from typing import Any

from mmcv.transforms.utils import cache_randomness
from sphinx.application import Sphinx

_get_from_instance = cache_randomness.__get__


def _get(self: cache_randomness, instance: Any, owner: type) -> cache_randomness:
    return self if instance is None else _get_from_instance(self, instance, owner)


def setup(app: Sphinx) -> dict[str, bool]:
    """Let the class answer; in the process that builds the pages only."""
    cache_randomness.__get__ = _get
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
