"""A small well-made file for each reader."""

import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch

from mmpose_ext.apis.export.metadata import ExportMetadata, write_metadata
from mmpose_ext.datasets.datasets.event_recordings import LABEL_SHAPES
from mmpose_ext.event_layout import write_split

RNG = np.random.default_rng(0)
NAMES = np.array(['S1_A_1.54138969_000001.jpg', 'S1_A_1.54138969_000006.jpg'])


def as_json(content: Any) -> Callable[[Path], object]:
    """Writer of a JSON file."""
    return lambda path: path.write_text(json.dumps(content))


def as_pickle(content: Any) -> Callable[[Path], object]:
    """Writer of a pickle as Python 2 writes them."""
    return lambda path: path.write_bytes(pickle.dumps(content, 2))


def as_npz(**arrays: np.ndarray) -> Callable[[Path], object]:
    """Writer of an npz file."""
    return lambda path: np.savez_compressed(path, **arrays)


def as_npy(array: np.ndarray) -> Callable[[Path], object]:
    """Writer of a npy file."""
    return lambda path: np.save(path, array)


def as_hdf5(**arrays: np.ndarray) -> Callable[[Path], object]:
    """Writer of an HDF5 file; a__b is b in the group a."""

    def write(path: Path) -> None:
        with h5py.File(path, 'w') as file:
            for name, array in arrays.items():
                file[name.replace('__', '/')] = array

    return write


def both(*writers: Callable[[Path], object]) -> Callable[[Path], object]:
    """Writer of all that several write."""
    return lambda path: [write(path) for write in writers]


def beside(name: str, write: Callable[[Path], object]) -> Callable[[Path], object]:
    """Writer of another file, by its path from the folder of the first."""

    def write_beside(path: Path) -> None:
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        write(path.parent / name)

    return write_beside


def picture(path: Path) -> None:
    """Write a picture of noise."""
    cv2.imwrite(str(path), RNG.integers(0, 255, (20, 24, 3), dtype=np.uint8))


PERSON = {
    **{'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 50, 80], 'area': 4000},
    **{'iscrowd': 0, 'num_keypoints': 17, 'score': 0.5, 'segmentation': [[1, 1, 9, 1, 9, 9]]},
    'keypoints': [float(v) for k in range(17) for v in (10 + k, 20 + k, 2)],
}
COCO = {
    'images': [
        {'id': number, 'file_name': f'{number}.jpg', 'width': 100, 'height': 100}
        for number in (1, 2)
    ],
    'categories': [
        {
            **{'id': 1, 'name': 'person', 'skeleton': [[1, 2]]},
            'keypoints': [f'left_{k}' if k % 2 else f'right_{k - k % 2 + 1}' for k in range(17)],
        }
    ],
    'annotations': [PERSON, {**PERSON, 'id': 6, 'image_id': 2}],
}
MPII = [
    {
        **{'image': '01.jpg', 'center': [50.0, 60.0], 'scale': 1.5},
        **{'joints': [[10.0 + k, 20.0 + k] for k in range(16)], 'joints_vis': [1] * 16},
    }
]
POINTS = np.ones((2, 17, 4)) * (0.1, 0.2, 5, 1)
PARAMETERS = dict(
    global_orient=np.zeros((2, 3)), body_pose=np.zeros((2, 69)), betas=np.zeros((2, 10))
)
JOINTS = np.ones((2, 18, 4)) * (0.1, 0.2, 5, 1)
CAMERA = np.array([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])
SMPL_IMAGES = as_npz(
    imgname=NAMES,
    bbox=np.array([[0.0, 0, 50, 50]] * 2),
    **PARAMETERS,
    keypoints_2d=np.ones((2, 18, 3)),
    joints_3d=JOINTS,
    K=np.stack([CAMERA] * 2),
    gender=np.array(['f', '']),
)
SPIN = as_npz(
    imgname=NAMES,
    **dict(center=np.ones((2, 2)), scale=np.ones(2), part=np.ones((2, 24, 3))),
    **dict(S=np.ones((2, 24, 4)), pose=np.zeros((2, 72)), shape=np.zeros((2, 10))),
)
BODY = dict(
    v_template=RNG.normal(size=(6, 3)),
    f=np.array([[0, 1, 2], [3, 4, 5]]),
    weights=np.full((6, 2), 0.5),
    J_regressor=np.full((2, 6), 1 / 6),
    shapedirs=np.zeros((6, 3, 2)),
    posedirs=np.zeros((6, 3, 9)),
    kintree_table=np.array([[-1, 0], [0, 1]]),
)
EVENTS = dict(
    t=np.arange(0, 5000, 100), x=np.arange(50) % 16, y=np.arange(50) % 12, p=np.arange(50) % 2
)
SIZE = dict(width=np.array(16), height=np.array(12))
SOURCE = beside(
    'dataset.json',
    as_json({'size': [16, 16], 'focal': [9, 9], 'principal_pt': [8, 8], 'fps': 15, 'bins': 4}),
)
POSES = {name: np.zeros((3, *shape)) for name, shape in LABEL_SHAPES.items()}
ANNOTATION = as_npz(
    event_frames=np.arange(2), event_counts=np.ones(2, int), frames=np.arange(3), **POSES
)
SEQUENCE = {
    **{'sequence': 'a', 'cam_poses': np.stack([np.eye(4)] * 2), 'cam_intrinsics': CAMERA},
    **{'poses': [np.zeros((2, 72))], 'betas': [np.zeros(10)], 'trans': [np.zeros((2, 3))]},
    **{'jointPositions': [np.ones((2, 72))], 'poses2d': [np.ones((2, 3, 18))]},
    **{'campose_valid': [np.ones(2)], 'genders': ['f']},
}
LABELS = tuple(np.zeros(size) for size in (10, 72, 3, (24, 3), (24, 2)))
LOG = [
    {'lr': 0.1, 'loss': 1.0, 'epoch': 1, 'iter': 5, 'step': 5},
    {'AP': 0.5, 'step': 1},
]


def metadata(path: Path) -> None:
    """Write the description of an exported model."""
    size = [32, 32]
    crop = {'type': 'TopdownAffine', 'input_size': size}
    meta = {'num_keypoints': 1, 'keypoint_id2name': {'0': 'nose'}, 'sigmas': [0.1]}
    codec = {'type': 'SimDRLabel', 'input_size': size}
    texts = dict(name='a', head='SimDRHead', kind='top-down', sha256='0' * 64)
    write_metadata(
        ExportMetadata(
            **texts,
            **dict(input={'size': size}, preprocessing=[crop], codec=codec, outputs={'a': 'b'}),
            **dict(not_in_graph={}, body=None, versions={}, dataset_meta=meta),
        ),
        path,
    )


def video(path: Path) -> None:
    """Write four frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (32, 24))
    for value in range(4):
        writer.write(np.full((24, 32, 3), 60 * value, np.uint8))
    writer.release()


def archive(path: Path) -> None:
    """Write an archive of one file."""
    with tarfile.open(path, 'w:gz') as tar:
        tar.add(__file__, 'a.py')


# A vertex for each of Human3.6M's joints, the left ones at +x.
TEMPLATE = np.zeros((17, 3))
TEMPLATE[[4, 5, 6, 11, 12, 13], 0], TEMPLATE[[1, 2, 3, 14, 15, 16], 0] = 1, -1


def dat(path: Path) -> None:
    """Write events as Prophesee's DAT."""
    events = np.zeros(50, [('t', '<u4'), ('place', '<u4')])
    events['t'], events['place'] = EVENTS['t'], EVENTS['x'] | EVENTS['y'] << 14
    path.write_bytes(b'% Width 16\n% Height 12\n' + bytes([0, 8]) + events.tobytes())


def csv(path: Path) -> None:
    """Write events as CeleX-V does."""
    rows = np.stack([EVENTS[name] for name in 'yxttp'], 1)
    np.savetxt(path, rows, '%d', delimiter=',')


def weights(path: Path) -> None:
    """Write a checkpoint."""
    torch.save({'meta': {'epoch': 1}, 'state_dict': {'a.weight': torch.zeros(3, 2)}}, path)


def dhp19(path: Path) -> None:
    """Write a recording of DHP19 and its cameras."""
    xyz = RNG.normal(size=(4, 3, 13)).astype(np.float32)
    xyz[:, 2] += 9
    as_hdf5(DVS=np.zeros((4, 8, 9, 4), np.uint8))(path.with_name('S1_session1_mov1.h5'))
    as_hdf5(XYZ=xyz)(path.with_name('S1_session1_mov1_label.h5'))
    for number in range(1, 5):
        np.save(path.with_name(f'P{number}.npy'), np.eye(3, 4) * (9, 9, 1, 1))


DETECTIONS = [{k: PERSON[k] for k in ('image_id', 'category_id', 'bbox', 'score')}]
ALL_EVENTS = {f'events__{k}': v for k, v in {**EVENTS, **SIZE}.items()}
RECORDING = beside('train.json', lambda path: write_split(path.parent, 'train', [{'name': 'a'}]))
