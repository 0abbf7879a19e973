"""setuptools without ``pkg_resources``: ``No module named 'pkg_resources'``.

Cause: setuptools 82 (2026-02) dropped the module. MMEngine 0.10.7 looks for the folders of
installed packages with it, so configs that inherit ``mmpose::...`` die, and
``import mmpose.apis`` with them.
Upstream: MMEngine's main branch went over to ``importlib.metadata``, unreleased and with
a wrong path (it takes one parent folder too many).
"""

from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from mmengine.utils import package_utils

from mmpose_ext.compat.lookup import is_absent

# The modules of MMEngine that hold the two functions by the time of a config.
_HOLDERS = ('mmengine.utils.package_utils', 'mmengine.utils', 'mmengine.config.config')


def is_needed() -> bool:
    """Whether there is no ``pkg_resources`` and MMEngine fails for want of it."""
    if not is_absent('pkg_resources'):
        return False
    try:
        package_utils.get_installed_path('mmengine')
    except ModuleNotFoundError:
        return True
    return False


def apply() -> None:
    """Give MMEngine functions that do without."""
    for holder in map(import_module, _HOLDERS):
        for function in (get_installed_path, is_installed):
            setattr(holder, function.__name__, function)


def get_installed_path(package: str) -> str:
    """Return the folder of a package, as ``mmengine.utils.get_installed_path`` does.

    Args:
        package (str): Name of the module, or on the package index, such as ``'mmcv-lite'``.

    Raises:
        importlib.metadata.PackageNotFoundError: If there is none.
        RuntimeError: If it has no folder: a namespace package, or one without modules.
    """
    spec = find_spec(package)
    if spec is None:
        modules = (metadata.distribution(package).read_text('top_level.txt') or '').split()
        spec = find_spec(modules[0]) if modules else None
    if spec is None or spec.origin is None:
        raise RuntimeError(f'{package} has no folder of its own: a namespace package?')
    return str(Path(spec.origin).parent)


def is_installed(package: str) -> bool:
    """Whether there is such a package, as ``mmengine.utils.is_installed`` does.

    Args:
        package (str): Name of the module, or on the package index.
    """
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        return True
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
