"""Small sets of mannequins that the benchmarks of training load, made when they are asked for."""

from pathlib import Path

from mmpose_ext.synthetic import EventRequest, Request, write_dataset, write_event_dataset


class TrainingData:
    """Folders of mannequins; each is written once.

    Args:
        folder (Path): Where to write.
        images (int): Images of a set.
    """

    def __init__(self, folder: Path, images: int) -> None:
        self.folder = folder
        self.images = images

    def single(self, size: int) -> Path:
        """One person in each image of ``size`` x ``size`` pixels."""
        return self._pictures(f'single{size}', kind='single', size=size)

    def crowd(self, size: int, people: int) -> Path:
        """So many people in each image of ``size`` x ``size`` pixels."""
        return self._pictures(
            f'crowd{size}_{people}', kind='crowd', size=size, people=(people, people)
        )

    def events(self, size: int) -> Path:
        """Recordings of an event camera of ``size`` x ``size`` pixels, of 17 frames each."""
        out = self.folder / f'events{size}'
        recordings = max(1, self.images // 16)
        return write_event_dataset(out, EventRequest(num_train=recordings, num_test=1, size=size))

    def _pictures(self, name: str, **options: object) -> Path:
        request = Request(num_train=self.images, num_val=1, easy=True, **options)
        return write_dataset(self.folder / name, request)
