"""Readers of files, as users call them."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from hostile_samples import (
    ALL_EVENTS,
    ANNOTATION,
    BODY,
    COCO,
    DETECTIONS,
    EVENTS,
    LABELS,
    LOG,
    MPII,
    NAMES,
    PARAMETERS,
    POINTS,
    POSES,
    RECORDING,
    SEQUENCE,
    SIZE,
    SMPL_IMAGES,
    SOURCE,
    SPIN,
    TEMPLATE,
    archive,
    as_hdf5,
    as_json,
    as_npy,
    as_npz,
    as_pickle,
    beside,
    both,
    csv,
    dat,
    dhp19,
    metadata,
    picture,
    video,
    weights,
)
from scipy.io import savemat

from mmpose_ext.apis.box_files import BoxFile
from mmpose_ext.apis.checkpoint_conversion import load_state_dict
from mmpose_ext.apis.export.metadata import read_metadata
from mmpose_ext.apis.picture_files import read_picture
from mmpose_ext.apis.video_files import read_video
from mmpose_ext.archives import extract_archive
from mmpose_ext.datasets.datasets.camera_file import load_cameras
from mmpose_ext.datasets.datasets.dhp19 import DHP19Dataset
from mmpose_ext.datasets.datasets.dhp19_camera import read_camera
from mmpose_ext.datasets.datasets.event_recordings import (
    read_event_source,
    read_poses,
    read_recordings,
)
from mmpose_ext.datasets.datasets.hsjp_coco import HSJPCocoDataset
from mmpose_ext.datasets.datasets.human36m_file import read_human36m
from mmpose_ext.datasets.datasets.lsp import read_lsp
from mmpose_ext.datasets.datasets.part_polarity import load_part_polarity, write_part_polarity
from mmpose_ext.datasets.datasets.smpl_image_file import read_smpl_images
from mmpose_ext.datasets.datasets.smpl_parameters import read_parameters
from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset
from mmpose_ext.datasets.datasets.strict_mpii import StrictMpiiDataset
from mmpose_ext.datasets.transforms.hsjp_shuffle import load_permutations
from mmpose_ext.datasets.transforms.loading import StrictLoadImage
from mmpose_ext.datasets.validation.files import validate_coco_file
from mmpose_ext.event_layout import read_split
from mmpose_ext.events import open_events
from mmpose_ext.flow_file import read_flow, write_flow
from mmpose_ext.models.body_models.joint_sets import joint_set
from mmpose_ext.models.body_models.model_file import read_model_file
from mmpose_ext.skeletons import human36m18
from mmpose_ext.visualization.curves import read_history
from mmpose_ext.visualization.sheets import read_photo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'dataset_converters'))
import mmhpsd_sources
import own_coco
import smpl_sources
import threedpw


@dataclass(frozen=True)
class Reader:
    """A reader of ours.

    Attributes:
        name (str): What the page calls it.
        file (str): The file, below a folder of its own.
        write (Callable): Writes it and what lies beside it, given the file's path.
        read (Callable): Reads it, given the path, as users do: what comes out is looked at.
        slow (bool): Whether a file takes tens of milliseconds: fewer of them are tried.
    """

    name: str
    file: str
    write: Callable[[Path], object]
    read: Callable[[Path], object]
    slow: bool = False


def _samples(dataset: Any) -> list[dict]:
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def _read_events(path: Path) -> object:
    size = (16, 12) if path.suffix in ('.csv', '.dat') else None
    with open_events(path, size) as recording:
        first = islice(recording.windows(1000), 100)
        return [len(window) for window in first], len(recording.read())


def _read_dhp19(path: Path) -> object:
    root = str(path.parent)
    return _samples(DHP19Dataset(data_root=root, num_steps=2, flip_v=False, pipeline=[]))


def _coco_class(kind: Any, **options: Any) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        dataset = kind(ann_file=str(path), data_prefix={'img': ''}, pipeline=[], **options)
        return _samples(dataset)

    return read


def _read_detections(path: Path) -> object:
    ann_file = str(path.with_name('images.json'))
    options = dict(data_prefix={'img': ''}, test_mode=True, pipeline=[])
    return _samples(HSJPCocoDataset(ann_file=ann_file, bbox_file=str(path), **options))


def _read_boxes(path: Path) -> object:
    boxes = BoxFile(path)
    return [boxes.find(name, None, (100, 100)) for name in list(boxes._entries)]


def _read_own_coco(path: Path) -> object:
    return own_coco.main([str(path), '--out', str(path.parent / 'out')])


def _read_network(path: Path) -> object:
    return mmhpsd_sources.labels(path.parents[2], 'a')


def _read_recordings(root: Path) -> object:
    return read_recordings(read_event_source(root), root / 'train.json')


READERS = (
    Reader('COCO', 'people.json', as_json(COCO), _coco_class(StrictCocoDataset), slow=True),
    Reader(
        'COCO, bottom-up',
        'people.json',
        as_json(COCO),
        _coco_class(StrictCocoDataset, data_mode='bottomup'),
        slow=True,
    ),
    Reader('COCO, for HSJP', 'people.json', as_json(COCO), _coco_class(HSJPCocoDataset), slow=True),
    Reader(
        'COCO, detections',
        'found.json',
        both(as_json(DETECTIONS), beside('images.json', as_json(COCO))),
        _read_detections,
    ),
    Reader(
        'COCO, validation', 'people.json', as_json(COCO), lambda p: validate_coco_file(p, p.parent)
    ),
    Reader('COCO, own data', 'people.json', as_json(COCO), _read_own_coco),
    Reader('boxes, COCO', 'people.json', as_json(COCO), _read_boxes),
    Reader('boxes, results', 'found.json', as_json(DETECTIONS), _read_boxes),
    Reader('boxes, corners', 'boxes.json', as_json({'a.jpg': [[1, 2, 30, 40, 0.5]]}), _read_boxes),
    Reader('MPII', 'mpii.json', as_json(MPII), _coco_class(StrictMpiiDataset), slow=True),
    Reader(
        'part polarity',
        'polarity.json',
        lambda path: write_part_polarity(
            path, [1], ['1.jpg'], np.zeros((1, len(human36m18.PARTS)), int)
        ),
        load_part_polarity,
    ),
    Reader(
        'LSP',
        'joints.mat',
        lambda path: savemat(path, {'joints': np.ones((3, 14, 2))}),
        lambda path: read_lsp(str(path), False),
    ),
    Reader(
        'Human3.6M', 'h36m.npz', as_npz(imgname=NAMES, S=POINTS), lambda p: read_human36m(str(p))
    ),
    Reader(
        'cameras',
        'cameras.pkl',
        as_pickle({('S1', '1'): {'f': np.ones(2), 'c': np.ones(2)}}),
        lambda path: load_cameras(str(path)),
    ),
    Reader('SMPL images', 'smpl.npz', SMPL_IMAGES, lambda path: read_smpl_images(str(path))),
    Reader(
        'SMPL parameters',
        'smpl.npz',
        as_npz(imgname=NAMES, **PARAMETERS),
        lambda path: read_parameters(str(path), NAMES.tolist()),
    ),
    Reader('SPIN', 'spin.npz', SPIN, lambda path: smpl_sources.spin_arrays(str(path))),
    Reader('3DPW', 'sequence.pkl', as_pickle(SEQUENCE), threedpw.read_sequence),
    Reader('body model, npz', 'body.npz', as_npz(**BODY), read_model_file),
    Reader('body model, pickle', 'body.pkl', as_pickle(BODY), read_model_file),
    Reader(
        'joint regressor',
        'regressor.npy',
        as_npy(np.eye(17)),
        lambda path: joint_set('h36m17', {'v_template': TEMPLATE}, path),
    ),
    Reader(
        'permutations, npy',
        'order.npy',
        as_npy(np.array([[1, 0, 2, 3], [3, 2, 1, 0]])),
        lambda path: load_permutations(path, 4),
    ),
    Reader(
        'permutations, JSON',
        'order.json',
        as_json([[1, 0, 2, 3], [3, 2, 1, 0]]),
        lambda path: load_permutations(path, 4),
    ),
    Reader('DHP19, labels', 'S1_session1_mov1_label.h5', dhp19, _read_dhp19),
    Reader('DHP19, frames', 'S1_session1_mov1.h5', dhp19, _read_dhp19),
    Reader('DHP19, camera', 'P4.npy', dhp19, lambda path: read_camera(path, None)),
    Reader('recordings, root', 'dataset.json', SOURCE, lambda p: read_event_source(p.parent)),
    Reader(
        'recordings, split',
        'train.json',
        both(SOURCE, RECORDING, beside('annotations/a.npz', ANNOTATION)),
        lambda path: (read_split(path.parent, 'train'), _read_recordings(path.parent)),
    ),
    Reader(
        'recordings, poses',
        'annotations/a.npz',
        both(
            ANNOTATION,
            *(beside('../x', lambda _: None),),
            lambda path: (SOURCE(path.parent), RECORDING(path.parent)),
        ),
        lambda path: _read_recordings(path.parents[1]),
    ),
    Reader(
        'poses of a network',
        'poses.npz',
        as_npz(frames=np.arange(3), **{k: POSES[k] for k in ('theta', 'betas', 'transl')}),
        read_poses,
    ),
    Reader(
        'MMHPSD, labels',
        'pose_events/a/pose0000.pkl',
        both(as_pickle(LABELS), beside('pose_info.pkl', as_pickle([0]))),
        _read_network,
    ),
    Reader(
        'flow', 'flow.npz', lambda p: write_flow(p, np.ones((2, 4, 5)), np.ones((4, 5))), read_flow
    ),
    Reader('events, npz', 'events.npz', as_npz(**EVENTS, **SIZE), _read_events),
    Reader('events, HDF5', 'events.h5', as_hdf5(**ALL_EVENTS), _read_events),
    Reader('events, CSV', 'events.csv', csv, _read_events),
    Reader('events, DAT', 'events.dat', dat, _read_events),
    Reader('pictures, PNG', 'a.png', picture, read_picture),
    Reader('pictures, JPEG', 'a.jpg', picture, read_picture),
    Reader(
        'pictures, PNG, training',
        'a.png',
        picture,
        lambda path: StrictLoadImage().transform({'img_path': str(path)}),
    ),
    Reader(
        'pictures, JPEG, training',
        'a.jpg',
        picture,
        lambda path: StrictLoadImage().transform({'img_path': str(path)}),
    ),
    Reader('pictures, sheets', 'a.png', picture, read_photo),
    Reader('videos', 'a.avi', video, lambda path: sum(1 for _ in read_video(path)), slow=True),
    Reader('checkpoints', 'model.pth', weights, load_state_dict, slow=True),
    Reader('exported model', 'model.json', metadata, read_metadata),
    Reader(
        'training log',
        'a/vis_data/scalars.json',
        lambda path: path.write_text(''.join(f'{json.dumps(line)}\n' for line in LOG)),
        lambda path: read_history(path.parents[2]),
    ),
    Reader(
        'archives',
        'a.tgz',
        archive,
        lambda path: extract_archive(path, path.parent / 'out'),
        slow=True,
    ),
)
