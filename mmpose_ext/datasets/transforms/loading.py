"""Loading images without taking half of one for a whole."""

from typing import Any

import mmcv
import mmcv.image.io
import mmengine.fileio
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS

_JPEG, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
_PNG, _PNG_END = b'\x89PNG', b'IEND'


def is_truncated(data: bytes) -> bool:
    """Whether a JPEG or PNG file lacks its end.

    Decoders fill the missing part with grey and say nothing. In the compressed data of a JPEG a
    marker cannot occur, so that an end marker after the last scan marker ends the image; the
    thumbnail that a camera puts into the header has both before it.

    Args:
        data (bytes): The whole file.

    Returns:
        bool: True if the end is missing; False for a complete file and for other formats.
    """
    if data.startswith(_JPEG):
        return data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN) or _JPEG_SCAN not in data
    return data.startswith(_PNG) and _PNG_END not in data[-64:]


@TRANSFORMS.register_module()
class StrictLoadImage(LoadImage):
    """:class:`mmpose.datasets.transforms.LoadImage` that refuses truncated images.

    Takes the arguments of ``LoadImage``.

    Raises:
        ValueError: If ``imdecode_backend`` is none of MMCV's.
        ImportError: If the library of ``imdecode_backend`` is missing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _check_backend(self.imdecode_backend)

    def transform(self, results: dict) -> dict | None:
        """Load the image of a sample.

        Args:
            results (dict): The sample; ``img_path`` names the file, unless ``img`` is there.

        Returns:
            dict: The sample with ``img`` (H, W, 3), ``img_shape`` and ``ori_shape``.

        Raises:
            OSError: If the file is missing, truncated or no image; names the file.
        """
        if 'img' not in results:
            path = results['img_path']
            data = mmengine.fileio.get(path, backend_args=self.backend_args)
            if is_truncated(data):
                raise OSError(f'{path} is truncated: its end is missing. Copy it again.')
            options = {'flag': self.color_type, 'backend': self.imdecode_backend}
            try:
                image = mmcv.imfrombytes(data, **options) if data else None
            except (ImportError, MemoryError):
                raise  # the file may be sound
            except Exception as error:  # decoders raise nearly anything
                raise OSError(f'{path} cannot be decoded: {error}') from error
            if image is None:
                raise OSError(f'{path} ({len(data)} bytes) is no image that can be decoded')
            results['img'] = image
        return super().transform(results)


def _check_backend(name: str | None) -> None:
    known = mmcv.image.io.supported_backends
    if name is None:
        return
    if name not in known:
        raise ValueError(f'imdecode_backend should be one of {known}, got {name!r}')
    before = mmcv.image.io.imread_backend
    try:
        mmcv.use_backend(name)  # which looks for its library, and without which turbojpeg fails
    finally:
        mmcv.image.io.imread_backend = before
