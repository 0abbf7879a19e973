"""Two lines of warning before all that a command prints: ``pkg_resources is deprecated``.

Cause: setuptools from 80.9 on warns whoever imports the module, and MMEngine 0.10.7 does, and
loads it anew, wherever it looks for a package. Its users can do nothing about it.
Upstream: see :mod:`mmpose_ext.compat.missing_pkg_resources`.
"""

import sys
import warnings
from importlib import import_module

from mmpose_ext.compat.lookup import is_absent

_MODULE = 'pkg_resources'


def is_needed() -> bool:
    """Whether the module is there and has not been imported yet."""
    return _MODULE not in sys.modules and not is_absent(_MODULE)


def apply() -> None:
    """Import it without that warning, now and later; other warnings are shown as ever."""
    warnings.filterwarnings('ignore', message=f'{_MODULE} is deprecated')
    import_module(_MODULE)
