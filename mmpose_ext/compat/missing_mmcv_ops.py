"""mmcv without its compiled ops: ``No module named 'mmcv._ext'``.

Cause: mmcv publishes no wheels for torch later than 2.4, and mmcv-lite, which needs no
compiler, leaves the extension module out. MMDetection and parts of MMPose import
``mmcv.ops`` all the same, whether or not they call an op.
Upstream: open (mmcv issues 2059, 3310, 3319); no release of mmcv since 2024-04.
"""

from importlib.util import find_spec

from mmpose_ext.compat.stand_ins import offer


def is_needed() -> bool:
    """Whether mmcv is here and its extension module is not."""
    return find_spec('mmcv') is not None and find_spec('mmcv._ext') is None


def apply() -> None:
    """Offer :mod:`mmpose_ext.compat.stand_ins.mmcv_ext` as ``mmcv._ext``."""
    offer('mmcv._ext', 'mmcv_ext.py')
