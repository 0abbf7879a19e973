"""Small recordings of an event camera in our layout, of random numbers."""

import numpy as np

from mmpose_ext.event_layout import (
    write_dataset_file,
    write_event_frames,
    write_gray_frames,
    write_npz,
    write_split,
)
from mmpose_ext.flow_file import write_flow

SIZE = 32


def write_recording(root, name, frames=7, seed=0, poses=True):
    """Write events, gray pictures, flow and poses of a recording; give what was written."""
    random = np.random.default_rng(seed)
    events = (random.random((frames - 1, 4, SIZE, SIZE)) < 0.1).astype(np.uint8)
    gray = random.integers(0, 256, (frames, SIZE, SIZE)).astype(np.uint8)
    arrays = write_event_frames(root, name, events)
    write_gray_frames(root, name, gray)
    flow = random.integers(-300, 300, (frames - 2, 2, SIZE, SIZE)).astype(np.float32) / 100
    body = random.random((frames - 2, SIZE, SIZE)) < 0.5
    for k in range(frames - 2):
        write_flow(root / f'true_flow_{SIZE}' / name / f'flow{k:04d}.npz', flow[k], body[k])
        write_flow(root / f'pred_flow_events_{SIZE}' / name / f'flow{k:04d}.npz', flow[k])
    shapes = {'theta': (72,), 'betas': (10,), 'transl': (3,), 'joints': (24, 3)}
    shapes['keypoints'] = (24, 2)
    labels = {key: random.normal(size=(frames, *shape)) for key, shape in shapes.items()}
    if poses:
        arrays.update(labels, frames=np.arange(frames))
    write_npz(root / 'annotations' / f'{name}.npz', **arrays)
    return dict(events=events, gray=gray, flow=flow, body=body, **labels)


def write_recordings(root, lengths=(7, 7, 9), **options):
    """Write a root folder whose training split has recordings of so many frames."""
    names = [f'rec{k}' for k in range(len(lengths))]
    written = {
        name: write_recording(root, name, frames, seed=k, **options)
        for k, (name, frames) in enumerate(zip(names, lengths, strict=True))
    }
    write_dataset_file(root, (SIZE, SIZE), (42.0, 42.0), (16.0, 15.0), 15.0, 'test')
    entries = [dict(name=name, subject='s0', action='walk') for name in names]
    write_split(root, 'train', entries)
    return written
