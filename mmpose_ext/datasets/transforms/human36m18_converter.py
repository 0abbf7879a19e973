"""Other skeletons' 2D keypoints as the 18 joints of HEMlets."""

import numpy as np
from mmpose.datasets.transforms import KeypointConverter
from mmpose.registry import TRANSFORMS

from mmpose_ext.skeletons import human36m18

SOURCES = {
    'mpii': (16, human36m18.FROM_MPII),
    'coco': (17, human36m18.FROM_COCO),
    'lsp': (14, human36m18.FROM_LSP),
}


@TRANSFORMS.register_module()
class Human36m18Converter(KeypointConverter):
    """:class:`mmpose.datasets.transforms.KeypointConverter` to HEMlets' 18 joints.

    The stock transform makes flip indices out of the source's, which are wrong for other orders
    of joints (and an IndexError for LSP): here they are those of the 18 joints, so that flips
    may follow. Joints that the source lacks are not visible; pelvis and thorax are means of hips
    and shoulders where it lacks them (see :mod:`mmpose_ext.skeletons.human36m18`).

    Args:
        source (str): ``'mpii'``, ``'coco'`` or ``'lsp'``.

    Raises:
        ValueError: If there is no such source, or a sample has another number of keypoints.
    """

    def __init__(self, source: str) -> None:
        if source not in SOURCES:
            raise ValueError(f'source should be one of {sorted(SOURCES)}, got {source!r}')
        self.source = source
        self.num_source, table = SOURCES[source]
        super().__init__(human36m18.NUM_JOINTS, human36m18.keypoint_mapping(table))

    def transform(self, results: dict) -> dict:
        """Convert a sample.

        Args:
            results (dict): The sample, with ``keypoints`` (N, K, 2) px and
                ``keypoints_visible`` (N, K) or (N, K, 2).

        Returns:
            dict: The sample with ``keypoints`` (N, 18, 2) float32, ``keypoints_visible``
            (N, 18, 2) as ``KeypointConverter`` gives it, visibility first, and ``flip_indices``.

        Raises:
            ValueError: If it has not the source's number of keypoints.
        """
        shape = results['keypoints'].shape
        if len(shape) != 3 or shape[1:] != (self.num_source, 2):
            raise ValueError(
                f'{results.get("img_path")} (id {results.get("id")}): keypoints of source '
                f'{self.source!r} should be (N, {self.num_source}, 2), got {shape}'
            )
        results.pop('flip_indices', None)
        results = super().transform(results)
        for name in ('keypoints', 'keypoints_visible'):
            results[name] = results[name].astype(np.float32)
        results['flip_indices'] = list(human36m18.FLIP_INDICES)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(source={self.source!r})'
