"""What a model sees in one picture."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mmpose_ext.apis.inputs import Frame
from mmpose_ext.apis.people import People
from mmpose_ext.apis.picture_files import read_picture
from mmpose_ext.apis.result_json import describe_people
from mmpose_ext.apis.result_pictures import draw_result, write_picture
from mmpose_ext.apis.video_files import read_video


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseResult(People):
    """The people of one picture, and the picture.

    Attributes:
        name (str): The input, see :class:`~mmpose_ext.apis.inputs.Frame`.
        index (int | None): Number of the frame of a video; None: a picture.
        size (tuple[int, int]): Width and height of the picture in pixels.
        dataset_meta (dict): Of the model: names of the keypoints, skeleton, colours, sigmas.
        image (np.ndarray | None): BGR image (H, W, 3) uint8; None where it can be read again.
    """

    name: str
    index: int | None
    size: tuple[int, int]
    dataset_meta: dict
    image: np.ndarray | None = None

    @classmethod
    def of(cls, frame: Frame, people: People, dataset_meta: dict) -> 'PoseResult':
        """Put a picture and its people together.

        Args:
            frame (Frame): The picture.
            people (People): Its people.
            dataset_meta (dict): Of the model.

        Returns:
            PoseResult: The result; it holds the picture.
        """
        H, W = frame.image.shape[:2]
        seen = {name: getattr(people, name) for name in People.__dataclass_fields__}
        return cls(
            **seen,
            name=frame.name,
            index=frame.index,
            size=(W, H),
            dataset_meta=dataset_meta,
            image=frame.image,
        )

    def without_image(self) -> 'PoseResult':
        """Drop the picture to save memory, where it can be read again.

        Returns:
            PoseResult: Without the picture of a file; a picture of a webcam or an array is kept.
        """
        return replace(self, image=None) if Path(self.name).is_file() else self

    def picture(self) -> np.ndarray:
        """Give the picture, which is read again where it was dropped.

        Of a video all frames up to this one are read for that, which is exact, and slow: to draw
        all, take :meth:`PoseResults.plot <mmpose_ext.apis.results.PoseResults.plot>`.

        Returns:
            np.ndarray: BGR image (H, W, 3) uint8.

        Raises:
            FileNotFoundError: If the file is not there any more.
            ValueError: If it is no picture any more, or one of another size.
        """
        if self.image is not None:
            return self.image
        if self.index is None:
            return self.checked(read_picture(self.name))
        for image in islice(read_video(self.name), self.index, self.index + 1):
            return self.checked(image)
        raise ValueError(f'{self.name} has no frame {self.index} any more')

    def checked(self, image: np.ndarray) -> np.ndarray:
        """Refuse a picture that is not the one the people were found in.

        Args:
            image (np.ndarray): BGR image (H, W, 3) uint8, read again.

        Returns:
            np.ndarray: The picture.

        Raises:
            ValueError: If it is of another size.
        """
        H, W = image.shape[:2]
        if self.size != (W, H):
            raise ValueError(
                f'{self.name} has {W} x {H} pixels, but had {self.size[0]} x {self.size[1]} when '
                'people were looked for; run the model again'
            )
        return image

    def to_dict(self) -> dict:
        """Say everything in plain values, ready for JSON.

        Returns:
            dict: ``name``, ``index``, ``size`` and ``people`` as in :func:`describe_people`.
        """
        return dict(
            name=self.name,
            index=self.index,
            size=[int(side) for side in self.size],
            people=describe_people(self),
        )

    def plot(self, kpt_thr: float = 0.3) -> np.ndarray:
        """Draw the result.

        Args:
            kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

        Returns:
            np.ndarray: BGR image uint8, see :func:`~mmpose_ext.apis.result_pictures.draw_result`.

        Raises:
            FileNotFoundError: If the picture was dropped and its file is not there any more.
            ValueError: If that is another picture now.
        """
        return draw_result(self.picture(), self, self.dataset_meta, kpt_thr)

    def save(self, path: str | Path, kpt_thr: float = 0.3) -> Path:
        """Draw the result into a file.

        Args:
            path (str | Path): The file; its suffix says the format.
            kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

        Returns:
            Path: The file.

        Raises:
            FileNotFoundError: As :meth:`plot`.
            ValueError: As :meth:`plot`, or if the suffix is none of a picture, or the file is the
                picture itself.
            OSError: If the file cannot be written.
        """
        path = Path(path)
        if path.exists() and Path(self.name).exists() and path.samefile(self.name):
            raise ValueError(f'{path} is the picture itself; take another name')
        return write_picture(path, self.plot(kpt_thr))
