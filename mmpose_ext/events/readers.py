"""Opening recordings of event cameras, whatever wrote them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmpose_ext.events.array_files import open_celex_csv, open_dat, open_npz
from mmpose_ext.events.camera_files import open_aedat4, open_raw
from mmpose_ext.events.event_file import EventFile
from mmpose_ext.events.hdf5_file import open_hdf5
from mmpose_ext.events.opened import Opened
from mmpose_ext.events.stream import sensor_size
from mmpose_ext.refusals import refusing

# Every opener gets a path and gives the arrays, and the sensor's size if the file tells it.
FORMATS: dict[str, Callable[[str], Opened]] = {
    'npz': open_npz,
    'hdf5': open_hdf5,
    'csv': open_celex_csv,
    'dat': open_dat,
    'aedat4': open_aedat4,
    'raw': open_raw,
}
SUFFIXES = {
    '.npz': 'npz',
    '.h5': 'hdf5',
    '.hdf5': 'hdf5',
    '.csv': 'csv',
    '.dat': 'dat',
    '.aedat4': 'aedat4',
    '.raw': 'raw',
}


def open_events(
    path: str | Path,
    size: Sequence[int] | None = None,
    format: str | None = None,
    **options: Any,
) -> EventFile:
    """Open a recording of events.

    ========  ====================================================================================
    format    files
    ========  ====================================================================================
    npz       ``t, x, y, p`` and optional ``width, height``; ``xy, t, p`` of EventHPE's newer data
    hdf5      ``events/{t,x,y,p}`` (ours, DSEC with its ``t_offset``), ``{t,x,y,p}``,
              ``events/{ts,xs,ys,ps}``, Prophesee's ``CD/events``; .h5 or .hdf5
    csv       CeleX-V's ``row, column, in-pixel time, off-pixel time, polarity`` without a header,
              or only the first three
    dat       Prophesee's DAT
    aedat4    iniVation's AEDAT 4; needs ``pip install mmpose_ext[events]``
    raw       Prophesee's EVT2, EVT2.1 and EVT3; needs ``pip install mmpose_ext[events]``
    ========  ====================================================================================

    HDF5 and DAT are read in slices; the others are held in memory.

    Args:
        path (str | Path): The file.
        size (Sequence[int], optional): Width and height of the sensor in pixels; default: what
            the file says.
        format (str, optional): One of the above; default: by the file's suffix.
        **options: ``time_unit``, ``block``, ``on_disorder``, ``on_outside``, ``on_polarity``,
            ``clock_bits``: see :class:`mmpose_ext.events.event_file.EventFile`.

    Returns:
        EventFile: The recording, to be used in a ``with`` statement or closed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the format is unknown, the file is damaged or something else, or nobody
            says the sensor's size.
        ImportError: If a library is missing that the format needs.

    Example:
        >>> with open_events('walk.h5') as recording:
        ...     for window in recording.windows(66_667):
        ...         frames = events_to_frames(window)
        ...     print(recording.report)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    format = format or SUFFIXES.get(path.suffix.lower())
    if format not in FORMATS:
        raise ValueError(
            f'{path}: the format of {path.suffix or "no suffix"} is unknown; give format, one of '
            f'{list(FORMATS)}'
        )
    with refusing(path, f'recording of events in the format {format}'):
        opened = FORMATS[format](str(path))
    try:
        if size is None and opened.size is None:
            raise ValueError(
                f'{path} does not say how large its sensor is: give size=(width, height)'
            )
        return EventFile(
            *(str(path), opened.source, sensor_size(size or opened.size or ())),
            **dict(time_unit=opened.time_unit) | options,
            time_offset=opened.time_offset,
            close=opened.close,
        )
    except ValueError:
        opened.close()
        raise
