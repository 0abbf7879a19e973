"""``_delete_=True`` stays in a config: ``unexpected keyword argument '_delete_'``.

Cause: MMEngine 0.10.7 takes the mark out of a dict that replaces another, but not out of one
that replaces nothing. So ``--cfg-options model.backbone.init_cfg._delete_=True ...`` works on a
config that has an ``init_cfg``, and fails on one that has none.
Upstream: as it is in 0.10.7, the newest release.
"""

import functools
from typing import Any

from mmengine.config import Config
from mmengine.config.config import DELETE_KEY


def is_needed() -> bool:
    """Whether a mark stays where there is nothing to delete."""
    return DELETE_KEY in Config._merge_a_into_b({'new': {DELETE_KEY: True}}, {})['new']


def apply() -> None:
    """Let :class:`mmengine.Config` take out every mark when it merges."""
    original = Config._merge_a_into_b

    @functools.wraps(original)
    def merge(a: dict, b: Any, allow_list_keys: bool = False) -> Any:
        merged = original(a, b, allow_list_keys)
        for key in a:
            if isinstance(merged, dict):
                _forget(merged[key])
        return merged

    Config._merge_a_into_b = staticmethod(merge)


def _forget(value: Any) -> None:
    if isinstance(value, dict):
        value.pop(DELETE_KEY, None)
        for part in value.values():
            _forget(part)
