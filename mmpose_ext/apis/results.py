"""What a model sees in many pictures."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np

from mmpose_ext.apis.inputs import InputError
from mmpose_ext.apis.people import People
from mmpose_ext.apis.pose_result import PoseResult
from mmpose_ext.apis.result_coco import coco_dataset, coco_results
from mmpose_ext.apis.result_json import results_json
from mmpose_ext.apis.result_writer import ResultWriter
from mmpose_ext.apis.video_files import read_video
from mmpose_ext.fileio import write_text

__all__ = ['People', 'PoseResult', 'PoseResults']


class PoseResults(Sequence[PoseResult]):
    """Results in the order of the inputs, and the inputs that gave none.

    Args:
        results (Iterable[PoseResult]): Results.
        errors (Iterable[InputError]): Inputs that gave no result. Defaults to none.
        model (str): Name of the model. Defaults to ``''``.
        dataset_meta (dict | None): Of the model. Defaults to None: of the first result.
        interrupted (bool): Whether somebody stopped the run, so that inputs are missing. Defaults
            to False.

    Attributes:
        errors (tuple[InputError, ...]): See above.
        model (str): See above.
        dataset_meta (dict): See above; empty where nothing is known.
        interrupted (bool): See above.
    """

    def __init__(
        self,
        results: Iterable[PoseResult],
        errors: Iterable[InputError] = (),
        *,
        model: str = '',
        dataset_meta: dict | None = None,
        interrupted: bool = False,
    ) -> None:
        self._results = tuple(results)
        self.errors = tuple(errors)
        self.model = model
        self.interrupted = interrupted
        first = self._results[0].dataset_meta if self._results else {}
        self.dataset_meta: dict = first if dataset_meta is None else dataset_meta

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> PoseResult: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[PoseResult, ...]: ...

    def __getitem__(self, index: int | slice) -> PoseResult | tuple[PoseResult, ...]:
        return self._results[index]

    def __repr__(self) -> str:
        people = sum(len(result) for result in self)
        stopped = ', interrupted' if self.interrupted else ''
        counts = f'{len(self)} pictures, {people} people, {len(self.errors)} errors'
        return f'PoseResults({counts}{stopped})'

    def to_json(self, path: str | Path | None = None) -> str:
        """Write everything as JSON.

        Args:
            path (str | Path | None): A file to write as well. Defaults to None.

        Returns:
            str: See :func:`~mmpose_ext.apis.result_json.results_json`.

        Raises:
            OSError: If the file cannot be written.
        """
        return results_json(
            (result.to_dict() for result in self),
            self.errors,
            model=self.model,
            dataset_meta=self.dataset_meta,
            interrupted=self.interrupted,
            path=path,
        )

    def to_coco(
        self,
        path: str | Path | None = None,
        image_ids: Mapping[str, int] | None = None,
        score_mode: str = 'bbox_keypoint',
    ) -> dict | list[dict]:
        """Give the results in one of COCO's formats.

        Args:
            path (str | Path | None): A JSON file to write as well. Defaults to None.
            image_ids (Mapping[str, int] | None): Ids of an annotation file's images by name. With
                them results for ``COCO.loadRes``, see
                :func:`~mmpose_ext.apis.result_coco.coco_results`. Defaults to None: a dataset for
                viewers and annotation tools, see
                :func:`~mmpose_ext.apis.result_coco.coco_dataset`.
            score_mode (str): ``'bbox_keypoint'`` or, as MMPose does for bottom-up models,
                ``'bbox'``. Defaults to ``'bbox_keypoint'``.

        Returns:
            dict | list[dict]: A dataset, or results.

        Raises:
            KeyError: If a picture has no id.
            ValueError: If two pictures have the same id, or ``score_mode`` is unknown.
            OSError: If the file cannot be written.
        """
        document: dict | list[dict]
        if image_ids is None:
            document = coco_dataset(self, self.dataset_meta, score_mode)
        else:
            document = coco_results(self, image_ids, score_mode)
        if path is not None:
            write_text(path, json.dumps(document, allow_nan=False))
        return document

    def plot(self, kpt_thr: float = 0.3) -> list[np.ndarray]:
        """Draw all results; to draw many, :meth:`save` needs less memory.

        Args:
            kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

        Returns:
            list[np.ndarray]: BGR images uint8.

        Raises:
            FileNotFoundError: If a picture was dropped and its file is not there any more.
            ValueError: If that is another picture now.
        """
        return [result.plot(kpt_thr) for result in self._with_pictures()]

    def save(
        self,
        folder: str | Path,
        *,
        pictures: bool = True,
        json: bool = True,
        kpt_thr: float = 0.3,
    ) -> list[Path]:
        """Write pictures, videos and ``results.json``.

        Args:
            folder (str | Path): Where they go; made if it is missing.
            pictures (bool): Whether pictures and videos are written. Defaults to True.
            json (bool): Whether ``results.json`` is written. Defaults to True.
            kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

        Returns:
            list[Path]: The files, see :class:`~mmpose_ext.apis.result_writer.ResultWriter`.

        Raises:
            FileNotFoundError: As :meth:`plot`.
            ValueError: As :meth:`plot`.
            OSError: If a file cannot be written.
        """
        with ResultWriter(
            folder,
            model=self.model,
            dataset_meta=self.dataset_meta,
            pictures=pictures,
            json=json,
            kpt_thr=kpt_thr,
        ) as writer:
            for result in self._with_pictures() if pictures else self:
                writer.add(result)
            for error in self.errors:
                writer.add(error)
            writer.interrupted = self.interrupted
        return writer.files

    def _with_pictures(self) -> Iterator[PoseResult]:
        """Give the results with their pictures; each video is read once."""
        name, following = '', 0
        video: Iterator[np.ndarray] = iter(())
        for result in self:
            if result.image is not None:
                yield result
            elif result.index is None:
                yield replace(result, image=result.picture())
            else:
                if name != result.name or following > result.index:
                    video, name, following = read_video(result.name), result.name, 0
                image = next(islice(video, result.index - following, None), None)
                if image is None:
                    raise ValueError(f'{name} has no frame {result.index} any more')
                following = result.index + 1
                yield replace(result, image=result.checked(image))
