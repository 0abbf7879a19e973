"""Events in the files that cameras write, through libraries that are optional."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from mmpose_ext.events.array_files import read_percent_header
from mmpose_ext.events.event_file import ArraySource
from mmpose_ext.events.opened import Opened


def open_aedat4(path: str) -> Opened:
    """Read an AEDAT 4 of iniVation's cameras.

    Args:
        path (str): The file; of several streams of events the first is taken.

    Returns:
        Opened: Its events.

    Raises:
        ImportError: If the library ``aedat`` is missing.
        ValueError: If the file is damaged, or has no events.
    """
    aedat = _library('aedat', path)
    try:
        decoder = aedat.Decoder(path)
        streams = decoder.id_to_stream()
        chosen = next((key for key, one in streams.items() if one['type'] == 'events'), None)
        if chosen is None:
            raise ValueError('it has no stream of events')
        packets = [
            packet['events']
            for packet in decoder
            if packet['stream_id'] == chosen and 'events' in packet
        ]
    except Exception as error:  # the library has exceptions of its own
        raise ValueError(f'{path} cannot be read as AEDAT 4 ({error})') from error
    size = (int(streams[chosen]['width']), int(streams[chosen]['height']))
    if not packets:
        nothing = np.zeros(0, np.int64)
        return Opened(ArraySource(nothing, nothing, nothing, nothing), size)
    events = np.concatenate(packets)
    polarity = 'on' if 'on' in events.dtype.names else 'p'
    return Opened(ArraySource(events['t'], events['x'], events['y'], events[polarity]), size)


def open_raw(path: str) -> Opened:
    """Read a RAW of Prophesee's cameras: EVT2, EVT2.1 or EVT3.

    Args:
        path (str): The file.

    Returns:
        Opened: Its events. EVT3's clock has 24 bits: its restarts are evlib's to undo.

    Raises:
        ImportError: If the library ``evlib`` is missing.
        ValueError: If the file is damaged.
    """
    evlib = _library('evlib', path)
    header, size, word = read_percent_header(path)
    rest = (Path(path).stat().st_size - header) % word
    if rest:
        raise ValueError(f'{path} is cut off within a word of {word} bytes')
    try:
        table = evlib.load_events(path, sort=False).collect()
        t = table['t'].dt.total_microseconds().to_numpy()
        x, y, p = (table[name].to_numpy() for name in ('x', 'y', 'polarity'))
    except Exception as error:  # the library has exceptions of its own
        raise ValueError(f'{path} cannot be read as RAW ({error})') from error
    return Opened(ArraySource(t, x, y, p), size)


def _library(name: str, path: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f'reading {path} needs {name}, which is not installed: pip install mmpose_ext[events]'
        ) from error
