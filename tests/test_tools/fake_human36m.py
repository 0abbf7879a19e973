"""A tiny Human3.6M in its official form, for the tests of its preparation.

Two subjects, one training and one test, two actions each before the four cameras. Poses are
.cdf files where spacepy writes them, else the .npz files that ``STAND_IN`` reads.
"""

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np

CAMERAS = ('54138969', '55011271', '58860488', '60457274')
SUBJECTS = ('S1', 'S9')
ACTIONS = ('Directions 1', 'Directions')
FRAMES, SIZE = 12, 32

# In place of spacepy.pycdf where that is not installed. CRASH_AFTER=n kills the process while it
# writes picture n, leaving a half file as a power cut would.
STAND_IN = """
import os, signal
import cv2
import numpy as np

class CDF:
    def __init__(self, path):
        self.path = path
    def __enter__(self):
        return np.load(self.path)
    def __exit__(self, *error):
        pass

left, write = int(os.environ.get('CRASH_AFTER', 0)), cv2.imwrite

def crash(path, image):
    global left
    left -= 1
    if left == 0:
        with open(path, 'wb') as file:
            file.write(b'half a picture')
        os.kill(os.getpid(), signal.SIGKILL)
    return write(path, image)

if left:
    cv2.imwrite = crash
"""


def install_stand_in(folder: Path) -> None:
    (folder / 'spacepy').mkdir(parents=True)
    (folder / 'spacepy/__init__.py').touch()
    (folder / 'spacepy/pycdf.py').write_text(STAND_IN)


def pose(subject: str, action: str, camera: str, dims: int) -> np.ndarray:
    """Poses (1, FRAMES, 32 * dims): pixels, or millimetres in the camera's space."""
    seed = [SUBJECTS.index(subject), ACTIONS.index(action), CAMERAS.index(camera), dims]
    return np.random.default_rng(seed).uniform(0, 1000, (1, FRAMES, 32 * dims))


def write_npz(file: Path, values: np.ndarray) -> None:
    with file.open('wb') as stream:
        np.savez(stream, Pose=values)


def write_cdf(file: Path, values: np.ndarray) -> None:
    from spacepy import pycdf

    with pycdf.CDF(str(file), '') as cdf:
        cdf['Pose'] = values


def write_video(path: Path, frames: int) -> None:
    size = (SIZE, SIZE)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 50, size)
    for value in range(frames):
        writer.write(np.full((SIZE, SIZE, 3), 20 * value, np.uint8))
    writer.release()


def write_metadata(path: Path) -> None:
    rows = [('', '', *(f'S{n}' for n in range(1, 12)))]
    for action, subaction, prefix in (
        ('1', '1', '_ALL 1'),
        ('2', '1', ACTIONS[0]),
        ('2', '2', ACTIONS[1]),
    ):
        rows.append((action, subaction, *[prefix] * 11))
    table = ''.join(f'<tr>{"".join(f"<td>{cell}</td>" for cell in row)}</tr>' for row in rows)
    numbers = ' '.join(f'{0.5 + 0.01 * i:.2f}' for i in range(300))
    cameras = ''.join(f'<id>{camera}</id>' for camera in CAMERAS)
    path.write_text(
        f'<metadata><mapping>{table}</mapping>'
        '<actionnames><a>_ALL</a><a>Directions</a></actionnames>'
        f'<dbcameras><index2id>{cameras}</index2id></dbcameras><w0>[{numbers}]</w0></metadata>'
    )


def write_official_files(folder: Path, write_pose, short_video: str = '') -> None:
    """Write metadata.xml and the three archives of each subject.

    Args:
        folder (Path): Where to.
        write_pose (Callable): ``write_npz`` or ``write_cdf``.
        short_video (str): Sequence, such as ``'S1/Directions.54138969'``, whose video ends early.
    """
    tree = folder / 'tree'
    for subject in SUBJECTS:
        features = tree / subject / 'MyPoseFeatures'
        for name in ('Videos', 'MyPoseFeatures/D2_Positions', 'MyPoseFeatures/D3_Positions_mono'):
            (tree / subject / name).mkdir(parents=True)
        for action in ACTIONS:
            for camera in CAMERAS:
                base = f'{action}.{camera}'
                for kind, dims in (('D2_Positions', 2), ('D3_Positions_mono', 3)):
                    write_pose(features / kind / f'{base}.cdf', pose(subject, action, camera, dims))
                frames = 3 if f'{subject}/{base}' == short_video else FRAMES + 1
                write_video(tree / subject / f'Videos/{base}.mp4', frames)
        for archive, content in (
            (f'Videos_{subject}', 'Videos'),
            (f'Poses_D2_Positions_{subject}', 'MyPoseFeatures/D2_Positions'),
            (f'Poses_D3_Positions_mono_{subject}', 'MyPoseFeatures/D3_Positions_mono'),
        ):
            with tarfile.open(folder / f'{archive}.tgz', 'w:gz') as tar:
                tar.add(tree / subject / content, f'{subject}/{content}')
    write_metadata(folder / 'metadata.xml')


def evil_archive(path: Path) -> None:
    """Write an archive with a member that wants to lie outside."""
    with tarfile.open(path, 'w:gz') as tar:
        member = tarfile.TarInfo('../evil.txt')
        member.size = 4
        tar.addfile(member, io.BytesIO(b'evil'))
