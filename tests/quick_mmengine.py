"""What MMEngine does several times in each small run, and no test looks at.

Half of the time of a training of four steps is yapf, which sets the config in neat lines for the
log and for each checkpoint, seven times. And a config that inherits one of MMPose's reads the 148
metafiles of MMPose, to find where that one lies.
"""

from functools import cache
from typing import Any

from mmengine.config import config, utils
from yapf.yapflib import yapf_api


def install() -> None:
    """Leave the text of configs as it comes, and read each metafile once in this process."""
    config.FormatCode = yapf_api.FormatCode = unformatted  # OneDL's asks yapf_api each time
    if not hasattr(utils.load, 'cache_info'):
        utils.load = cache(utils.load)


def unformatted(text: str, **_: Any) -> tuple[str, bool]:
    """As yapf's FormatCode, less the formatting."""
    return text, False
