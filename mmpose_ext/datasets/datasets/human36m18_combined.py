"""People with 3D labels, weak labels and 2D labels in one dataset."""

from collections.abc import Sequence
from typing import Any

from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from mmpose_ext.skeletons import human36m18


@DATASETS.register_module()
class Human36m18CombinedDataset(CombinedDataset):
    """:class:`mmpose.datasets.CombinedDataset` of samples with the 18 joints of HEMlets.

    A combined dataset overwrites what its samples say about flips by its own meta information;
    that of the 18 joints lies in no file that MMPose could find, so it is given here. Each
    dataset brings its own keypoints to 18 (``Human36m18Converter``) and its own box to a crop
    (``GetBBoxCenterScale``) in its own pipeline, the rest is common.

    Args:
        datasets (Sequence[dict]): Configs of the datasets.
        pipeline (Sequence): Transforms for all samples. Defaults to none.
        metainfo (dict, optional): Other meta information of the 18 joints. Defaults to None.
        **kwargs: Further arguments of ``CombinedDataset``.

    Raises:
        ValueError: If there are no datasets.
    """

    METAINFO: dict = human36m18.METAINFO

    def __init__(
        self,
        datasets: Sequence[dict],
        pipeline: Sequence = (),
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not datasets:
            raise ValueError('datasets should name at least one dataset, got none')
        super().__init__(
            metainfo=metainfo or self.METAINFO,
            datasets=list(datasets),
            pipeline=list(pipeline),
            **kwargs,
        )
