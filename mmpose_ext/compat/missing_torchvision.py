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
from types import ModuleType

from PIL import Image
from torch import Tensor

from mmpose_ext.compat.lookup import is_absent

_USER = 'mmpose.visualization.simcc_vis'


class ToPILImage:
    """Turns one channel into a picture, as ``torchvision.transforms.ToPILImage`` does."""

    def __call__(self, pic: Tensor) -> Image.Image:
        """Convert a tensor.

        Args:
            pic (Tensor): ``(1, H, W)`` or ``(H, W)``: floats in [0, 1], or uint8.

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
        if pic.is_floating_point():
            pic = pic.mul(255)
        return Image.fromarray(pic.byte().cpu().numpy())


def is_needed() -> bool:
    """Whether MMPose is here, torchvision is not, and MMPose still has to import it."""
    return is_absent('torchvision') and not is_absent('mmpose') and _USER not in sys.modules


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
