"""mmcv without its compiled ops: ``No module named 'mmcv._ext'``.

Cause: mmcv publishes no wheels for torch later than 2.4, and mmcv-lite, which needs no
compiler, leaves the extension module out. MMDetection and parts of MMPose import
``mmcv.ops`` all the same, whether or not they call an op.
Upstream: open (mmcv issues 2059, 3310, 3319); no release of mmcv since 2024-04.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from mmpose_ext.compat.lookup import is_absent

_NAME = 'mmcv._ext'
_SOURCE = Path(__file__).with_name('ops') / 'extension.py'


class ExtensionFinder:
    """Finds :mod:`mmpose_ext.compat.ops.extension` under the name ``mmcv._ext``.

    Python asks the finders of ``sys.meta_path`` in turn. Appended to its end, this one is
    asked only where no other has the module, so compiled ops always go first. Unlike a bare
    entry in ``sys.modules`` it gives a module with a spec, which MMEngine looks for.
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the stand-in if ``name`` is ``mmcv._ext``."""
        return spec_from_file_location(name, _SOURCE) if name == _NAME else None


def is_needed() -> bool:
    """Whether mmcv is here and its extension module is not."""
    return not is_absent('mmcv') and is_absent(_NAME)


def apply() -> None:
    """Offer the fallback ops as ``mmcv._ext``."""
    sys.meta_path.append(ExtensionFinder)
