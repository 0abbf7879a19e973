"""Turn an ordinary video into a recording of an event camera: gray frames and events.

The events are those that a simulated camera would have seen (see mmpose_ext.synthetic), from the
video and pictures guessed between its own. There are no poses and no true flow: what comes out
trains and tests optical flow without labels. Several recordings can share a folder.

Examples:
    python tools/dataset_converters/video_events.py street.mp4 --out data/street --name whole
    python tools/dataset_converters/video_events.py street.mp4 --out data/street --name s --crops 9
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

# One core: set before numpy is imported.
for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

from mmpose_ext.event_layout import (  # noqa: E402
    SPLITS,
    check_recording_name,
    intrinsics,
    read_split,
    write_dataset_file,
    write_event_frames,
    write_gray_frames,
    write_npz,
    write_raw_events,
    write_split,
)
from mmpose_ext.refusals import refusing  # noqa: E402
from mmpose_ext.synthetic import EventCamera  # noqa: E402
from mmpose_ext.synthetic.video_recording import VideoRecording, record_video  # noqa: E402

_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png')


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='a video, or a folder of images in the order of names')
    parser.add_argument('--out', required=True, help='root of the data; recordings are added to it')
    parser.add_argument('--name', required=True, help='name of the recording')
    parser.add_argument('--split', choices=SPLITS, default='train')
    parser.add_argument('--size', type=int, default=64, help='width and height stored, pixels (64)')
    parser.add_argument('--fps', type=float, help="pictures a second; default: the video's own")
    parser.add_argument('--every', type=int, default=1, help='use every so manieth picture (1)')
    parser.add_argument('--frames', type=int, help='use no more pictures than this')
    parser.add_argument(
        '--crops', type=int, default=0, help='write so many random squares, each a recording'
    )
    parser.add_argument('--crop-size', type=int, help='their width in pixels of the video')
    parser.add_argument('--seed', type=int, default=0, help='seed of squares and camera')
    parser.add_argument('--raw', action='store_true', help='write the events themselves, too')
    parser.add_argument('--threshold', type=float, default=0.15, help="the camera's (0.15)")
    parser.add_argument('--threshold-noise', type=float, default=0.02)
    parser.add_argument('--refractory-us', type=float, default=500.0)
    return parser.parse_args(args)


class Source:
    """A video or a folder of images.

    Args:
        path (Path): The video or the folder.
        fps (float | None): Pictures a second; None for a video's own.
        every (int): Keep every so manieth picture.
        most (int | None): Keep no more pictures than this.

    Attributes:
        fps (float): Pictures kept a second.
        count (int): Number of pictures kept, about.
        size (tuple[int, int]): Width and height in pixels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no picture that can be read, or its frame rate is not known.
    """

    def __init__(self, path: Path, fps: float | None, every: int, most: int | None) -> None:
        if not path.exists():
            raise FileNotFoundError(f'there is no {path}')
        if every < 1 or (most is not None and most < 2):
            raise ValueError(f'need --every >= 1 and --frames >= 2, got {every} and {most}')
        self._path, self._every, self._most = path, every, most
        own, count = 0.0, 0
        if path.is_dir():
            self._names = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES)
            count = len(self._names)
        else:
            video = cv2.VideoCapture(str(path))
            own, count = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            video.release()
        if not (fps or own):
            raise ValueError(f'{path} does not say how many pictures it has a second: give --fps')
        self.fps = (fps or own) / every
        if not 0 < self.fps <= 1e6:
            raise ValueError(f'--fps should be above 0 and up to 1000000, got {self.fps * every}')
        self.count = min(-(-count // every), most or count)
        first = next(iter(self), None)
        if first is None:
            raise ValueError(f'{path} holds no picture that OpenCV reads')
        self.size = (first.shape[1], first.shape[0])

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give the pictures kept, (H, W) uint8."""
        pictures = self._images() if self._path.is_dir() else self._video()
        for kept, picture in enumerate(pictures):
            if kept == self._most:
                return
            yield picture

    def _images(self) -> Iterator[np.ndarray]:
        """Read a folder."""
        for name in self._names[:: self._every]:
            with refusing(name, 'picture'):
                picture = cv2.imread(str(name), cv2.IMREAD_GRAYSCALE)
            if picture is None:
                raise ValueError(f'{name} is no image that OpenCV reads')
            yield picture

    def _video(self) -> Iterator[np.ndarray]:
        """Read a video."""
        video = cv2.VideoCapture(str(self._path))
        try:
            index = 0
            while video.grab():
                if index % self._every == 0:
                    yield cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2GRAY)
                index += 1
        finally:
            video.release()


def draw_squares(
    size: tuple[int, int], crops: int, crop_size: int | None, stored: int, seed: int
) -> list[tuple[int, int, int]]:
    """Choose which squares of a video are recorded.

    Args:
        size (tuple[int, int]): Width and height of the video.
        crops (int): Number of random squares; 0 for the largest one in the middle.
        crop_size (int | None): Width of the random squares; None for half the smaller side.
        stored (int): Width of what is stored.
        seed (int): Seed.

    Returns:
        list[tuple[int, int, int]]: Left column, top row and width of each.

    Raises:
        ValueError: If a square would be larger than the video or smaller than what is stored.
    """
    least = min(size)
    width = (crop_size or max(least // 2, stored)) if crops else least
    if crops < 0 or not stored <= width <= least:
        raise ValueError(
            f'need 0 or more squares of {stored} (--size) to {least} pixels (the video is '
            f'{size[0]}x{size[1]}), got {crops} of {width}'
        )
    if not crops:
        return [((size[0] - width) // 2, (size[1] - width) // 2, width)]
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, [size[0] - width + 1, size[1] - width + 1], (crops, 2))
    return [(int(left), int(top), width) for left, top in corners]


def write_recording(root: Path, name: str, recording: VideoRecording, raw: bool) -> None:
    """Write a recording without poses."""
    counts = write_event_frames(root, name, recording.events)
    write_gray_frames(root, name, recording.gray)
    write_npz(root / 'annotations' / f'{name}.npz', **counts)
    if raw:
        write_raw_events(root, name, recording.stream, recording.gray.shape[1:])


def convert(args: argparse.Namespace) -> list[str]:
    """Make what the command line asks for; give the names of the recordings."""
    root = Path(args.out)
    if args.size < 16 or args.size % 16:
        raise ValueError(f'--size should be a multiple of 16, got {args.size}')
    check_recording_name(args.name)
    source = Source(Path(args.source), args.fps, args.every, args.frames)
    squares = draw_squares(source.size, args.crops, args.crop_size, args.size, args.seed)
    names = [f'{args.name}_{k:03d}' for k in range(args.crops)] or [args.name]
    held = [{each['name'] for each in read_split(root, split)} for split in SPLITS]
    taken = sorted(set(names) & set().union(*held))
    if taken:
        raise FileExistsError(f'{root} has a recording {taken[0]} already: give another --name')
    cameras = [
        EventCamera(args.threshold, args.threshold_noise, args.refractory_us, seed=seed)
        for seed in np.random.SeedSequence(args.seed).spawn(len(names))
    ]
    focal, center = intrinsics(args.size)
    stored = (args.size, args.size)
    # The true camera is not known, and flow does not need it.
    write_dataset_file(root, stored, (focal,) * 2, (center,) * 2, source.fps, 'video')
    frames = tqdm(source, total=source.count, desc='video', unit='frame')
    recordings = record_video(frames, source.fps, squares, args.size, cameras)
    for name, recording in zip(names, recordings, strict=True):
        write_recording(root, name, recording, args.raw)
    # The list is written last: what it names is whole.
    new = [{'name': name, 'subject': args.name, 'action': 'video'} for name in names]
    for split in SPLITS:
        write_split(root, split, read_split(root, split) + (new if split == args.split else []))
    return names


def main() -> None:
    """Make what the command line asks for."""
    args = parse_args()
    try:
        names = convert(args)
    except (ValueError, OSError) as error:
        raise SystemExit(f'video_events: {error}') from error
    print(f'{args.out}: {len(names)} recordings more in {args.split}.json')


if __name__ == '__main__':
    main()
