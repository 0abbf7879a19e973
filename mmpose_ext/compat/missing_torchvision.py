"""No torchvision: ``No module named 'torchvision'`` from MMPose's visualizer.

Cause: ``mmpose/visualization/simcc_vis.py`` imports ``ToPILImage`` unconditionally to turn
a heatmap into a picture. The package index has no torchvision for a CPU torch, and its
CUDA build does not load beside one.
Upstream: open.

The stand-in is there only while that one module is imported: whoever else asks for
torchvision (the ONNX exporter does) still learns that there is none.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np
from PIL import Image
from torch import Tensor

_USER = 'mmpose.visualization.simcc_vis'


class ToPILImage:
    """Turns a float tensor into a picture, as ``torchvision.transforms.ToPILImage`` does."""

    def __call__(self, pic: Tensor) -> Image.Image:
        """Convert one channel.

        Args:
            pic (Tensor): ``(1, H, W)`` or ``(H, W)``, floats in [0, 1].

        Returns:
            PIL.Image.Image: 8-bit grey, H x W.

        Raises:
            ValueError: If ``pic`` has another shape.
        """
        if pic.ndim == 3 and len(pic) == 1:
            pic = pic[0]
        if pic.ndim != 2:
            raise ValueError(
                f'a tensor (1, H, W) or (H, W) is expected, got {tuple(pic.shape)}; '
                'for more channels install torchvision'
            )
        return Image.fromarray(pic.mul(255).byte().cpu().numpy().astype(np.uint8))


def is_needed() -> bool:
    """Whether MMPose is here, torchvision is not, and MMPose still has to import it."""
    absent = 'torchvision' not in sys.modules and find_spec('torchvision') is None
    return absent and find_spec('mmpose') is not None and _USER not in sys.modules


def apply() -> None:
    """Import MMPose's visualizer with :class:`ToPILImage` in torchvision's place."""
    package, transforms = ModuleType('torchvision'), ModuleType('torchvision.transforms')
    transforms.ToPILImage = ToPILImage  # type: ignore[attr-defined]
    stand_ins = {package.__name__: package, transforms.__name__: transforms}
    sys.modules.update(stand_ins)
    try:
        import_module(_USER)
    finally:
        for name in stand_ins:
            del sys.modules[name]
