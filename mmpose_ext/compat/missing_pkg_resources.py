"""setuptools without ``pkg_resources``: ``No module named 'pkg_resources'``.

Cause: setuptools 82 (2026-02) dropped the module; MMEngine 0.10.7 looks for the folders
of installed packages with it, so that configs inheriting ``mmpose::...`` die, and
``import mmpose.apis`` with them.
Upstream: MMEngine's main branch went over to ``importlib.metadata``, unreleased and with
a wrong path (``get_installed_path`` takes one parent too many).
"""

from importlib.util import find_spec

from mmpose_ext.compat.stand_ins import offer


def is_needed() -> bool:
    """Whether there is no ``pkg_resources``."""
    return find_spec('pkg_resources') is None


def apply() -> None:
    """Offer :mod:`mmpose_ext.compat.stand_ins.pkg_resources` as ``pkg_resources``."""
    offer('pkg_resources', 'pkg_resources.py')
