"""Small recordings in the layouts that people have."""

import h5py
import numpy as np

from mmpose_ext.events import EventStream

SIZE = (64, 48)


def some_events(number=5000, seed=0):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, 200, number)).astype(np.int64)
    x, y = (rng.integers(0, side, number).astype(np.int16) for side in SIZE)
    return EventStream(t, x, y, rng.integers(0, 2, number).astype(np.uint8), SIZE)


def write_hdf5(path, events, names=('events/t', 'events/x', 'events/y', 'events/p'), **extra):
    with h5py.File(path, 'w') as file:
        for name, array in zip(names, events.arrays, strict=True):
            file.create_dataset(
                name, data=array, chunks=(min(1000, len(events)),), compression='gzip'
            )
        for name, value in extra.items():
            file[name] = value
    return path


def write_table(path, events, name='CD/events', geometry='64x48'):
    rows = np.zeros(len(events), [('x', '<u2'), ('y', '<u2'), ('p', '<i2'), ('t', '<i8')])
    for key in 'txyp':
        rows[key] = getattr(events, key)
    with h5py.File(path, 'w') as file:
        file[name] = rows
        file.attrs['geometry'] = geometry
    return path


def write_npz(path, events, **changed):
    arrays = {key: getattr(events, key) for key in 'txyp'}
    np.savez(path, **arrays | dict(width=events.size[0], height=events.size[1]) | changed)
    return path


def write_newer_npz(path, events):
    np.savez(path, xy=np.stack([events.x, events.y], 1), t=events.t, p=events.p)
    return path


def write_csv(path, events):
    rows = np.stack([events.y, events.x, events.t, events.t + 5, events.p], 1)
    np.savetxt(path, rows, fmt='%d', delimiter=',')
    return path


def write_dat(path, events):
    rows = np.zeros(len(events), [('t', '<u4'), ('place', '<u4')])
    rows['t'] = events.t
    rows['place'] = events.x.astype(np.uint32) | events.y.astype(np.uint32) << 14
    rows['place'] |= events.p.astype(np.uint32) << 28
    header = b'% Data file containing CD events.\n% Version 2\n% Height 48\n% Width 64\n'
    path.write_bytes(header + bytes([12, 8]) + rows.tobytes())
    return path


def write_evt2(path, events):
    """Prophesee's EVT 2.0: 32 bits an event, and a word with the time's upper bits before it."""
    words = np.zeros((len(events), 2), '<u4')
    words[:, 0] = 0x8 << 28 | events.t.astype(np.uint32) >> 6
    words[:, 1] = events.p.astype(np.uint32) << 28 | (events.t.astype(np.uint32) & 63) << 22
    words[:, 1] |= events.x.astype(np.uint32) << 11 | events.y.astype(np.uint32)
    path.write_bytes(b'% evt 2.0\n% geometry 64x48\n% end\n' + words.tobytes())
    return path


def write_evt3(path, events):
    """Prophesee's EVT 3.0: 16 bits for each part of the time (24 bits in all), row and column."""
    words = np.zeros((len(events), 4), '<u2')
    words[:, 0] = 0x8000 | (events.t >> 12 & 0xFFF)
    words[:, 1] = 0x6000 | (events.t & 0xFFF)
    words[:, 2] = events.y
    words[:, 3] = 0x2000 | events.p.astype(np.uint16) << 11 | events.x.astype(np.uint16)
    path.write_bytes(b'% evt 3.0\n% format EVT3;height=48;width=64\n% end\n' + words.tobytes())
    return path
