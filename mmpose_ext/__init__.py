"""HEMlets, PoSh, EventHPE, HSJP, SWAHR and SimDR as a plugin of MMPose.

Importing the package mends what today's torch, numpy and setuptools break in
OpenMMLab 2.x (:mod:`mmpose_ext.compat`) and registers the package's modules in
MMPose's registries. A config asks for it with
``custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)``.
A program that also imports MMPose imports this package first.
"""

import sys
from importlib import import_module

from mmpose_ext.version import __version__

__all__ = ['__version__']

_REGISTERED_PARTS = ('codecs', 'datasets', 'engine', 'evaluation', 'models', 'visualization')


def _started_as_doctor() -> bool:
    """Whether ``python -m mmpose_ext.doctor`` runs: it must start where imports fail."""
    return sys.argv[:1] == ['-m'] and 'mmpose_ext.doctor' in sys.orig_argv


def _register() -> None:
    """Mend, then import every part that registers modules."""
    try:
        import_module('mmpose_ext.compat').install()
        for part in _REGISTERED_PARTS:
            import_module(f'mmpose_ext.{part}')
    except Exception as error:  # numpy 2 gives a ValueError, mmcv 2.2 an AssertionError
        raise ImportError(
            f'mmpose_ext cannot be imported: {error}. '
            'Run "python -m mmpose_ext.doctor" to see what is wrong and how to cure it.'
        ) from error


if not _started_as_doctor():
    _register()
