"""Files made to harm, or damaged, out of well-made ones: the same ones each time."""

import copy
import gzip
import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch


@dataclass(frozen=True)
class Hostile:
    """A bad file.

    Attributes:
        kind (str): What was done to it: the columns of the page.
        content (bytes | None): Its bytes; None: a folder lies where the file should be.
    """

    kind: str
    content: bytes | None


def corpus(good: bytes, suffix: str, canary: Path, share: float, seed: int) -> Iterator[Hostile]:
    """Make the bad files of a reader.

    Args:
        good (bytes): A well-made file.
        suffix (str): Of the file, which tells the format.
        canary (Path): What the code in pickles would write.
        share (float): Share of all of them; 1 for the page.
        seed (int): Of the damage.

    Yields:
        Hostile: The files.
    """
    rng = np.random.default_rng(seed)
    for index, file in enumerate(_all(good, suffix, canary, rng)):
        # The damage of bytes is drawn in any case, so that a share is of the same files.
        if share >= 1 or rng.random() < share or index == 0:
            yield file
    if share >= 1 and suffix == '.json':
        yield from _large(good)


def _all(good: bytes, suffix: str, canary: Path, rng: np.random.Generator) -> Iterator[Hostile]:
    yield Hostile('folder, empty', None)
    yield Hostile('folder, empty', b'')
    yield from _cut(good)
    yield from _flipped(good, rng)
    yield from (Hostile('other format', content) for content in others(canary))
    for make in _OF_SUFFIX.get(suffix, ()):
        yield from make(good, canary)


def _large(good: bytes) -> Iterator[Hostile]:
    """JSON of 100 MB: numbers, lists of numbers, a word, and the well-made file behind spaces."""
    yield Hostile('100 MB', b'[' + b'0,' * 50_000_000 + b'0]')
    yield Hostile('100 MB', b'[' + (b'[' + b'0,' * 5000 + b'0],') * 10_000 + b'0]')
    yield Hostile('100 MB', b'"' + b'a' * 100_000_000 + b'"')
    yield Hostile('100 MB', b' ' * 100_000_000 + good)


def _cut(good: bytes) -> Iterator[Hostile]:
    places = {*range(1, min(16, len(good))), *range(max(len(good) - 16, 1), len(good))}
    places |= set(np.linspace(1, len(good) - 1, 40).astype(int).tolist())
    for place in sorted(places):
        yield Hostile('cut off', good[:place])


def _flipped(good: bytes, rng: np.random.Generator) -> Iterator[Hostile]:
    """One byte, eight bytes, a run of zeros; half of them in the head, where sizes stand."""
    for index in range(240):
        content = bytearray(good)
        reach = min(len(good), 512) if index % 2 else len(good)
        for place in rng.integers(0, reach, 8 if index % 3 == 1 else 1):
            content[place] = rng.integers(0, 256)
        if index % 3 == 2:
            start = int(rng.integers(0, reach))
            content[start : start + 16] = bytes(len(content[start : start + 16]))
        yield Hostile('bytes changed', bytes(content))


class Attack:
    """Calls a function with arguments when an ordinary reader reads its pickle."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def attacks(canary: Path) -> list[bytes]:
    """Make pickles that would write a file: called directly, through eval, getattr, in arrays."""
    import os

    text = f'open({str(canary)!r}, "w").close()'
    objects = np.empty(1, dtype=object)
    calls = [Attack(os.system, f'touch {canary}'), Attack(eval, text), Attack(exec, text)]
    objects[0] = calls[0]
    nested = [{'state_dict': {'a': call}} for call in calls] + [[np.zeros(2), objects]]
    chain = f"cbuiltins\ngetattr\n(cos\nsystem\nS'__call__'\ntR(S'touch {canary}'\ntR.".encode()
    object_call = f"(S'touch {canary}'\nios\nsystem\n.".encode()
    return [
        pickle.dumps(value, protocol) for protocol in (0, 2, 4) for value in [*calls, *nested]
    ] + [
        chain,
        object_call,
    ]


def _pickles(good: bytes, canary: Path) -> Iterator[Hostile]:
    yield from (Hostile('would run code', content) for content in attacks(canary))
    shared: Any = [0]
    for _ in range(60):
        shared = [shared, shared]
    key = pickle.dumps(shared, 2)[2:-1].replace(b']', b')')
    bombs = [
        *(pickle.dumps(shared), zlib.compress(pickle.dumps(shared))),
        *(b'\x80\x04}' + key + b'Ns.', b'\x80\x05\x96' + (2**40).to_bytes(8, 'little') + b'.'),
        *(b'\x80\x04Nr\0\0\0\x7f0.', b'\x80\x04' + b']' * 10**5 + b'a' * (10**5 - 1) + b'.'),
        b'\x80\x04\x8a' + b'\xff' * 256,
        *_copies(),
        _packed_zeros(),
        gzip.compress(bytes(2**24)),
    ]
    yield from (Hostile('bombs', content) for content in bombs)


def _copies() -> list[bytes]:
    """Ask a thousand times for a copy of a megabyte; multiply huge sizes of an array."""
    call = b'0h\2h\3h\4\x86R'
    encode = b'\x80\x04c_codecs\nencode\nq\2X' + (10**6).to_bytes(4, 'little') + b'a' * 10**6
    dtype = pickle.dumps(np.dtype('f8'), 2)[2:-1]
    buffer = b'\x80\x04cnumpy.core.numeric\n_frombuffer\n(C\0' + dtype
    number = b'\x8a\xfe' + b'\x7f' * 254 + b'q\x63'
    return [
        encode + b'q\3X\6\0\0\0latin1q\4' + 1000 * call + b'.',
        buffer + number + b'0(' + 3000 * b'h\x63' + b'ttR.',
    ]


def _packed_zeros() -> bytes:
    """Compress more than a gibibyte of zeros, 16 MiB at a time."""
    packer = zlib.compressobj()
    head, block = (packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in '12')
    return head + 70 * block


def others(canary: Path) -> list[bytes]:
    """Make a small file of each format, well made but not what is asked for."""
    picture = np.zeros((4, 4, 3), np.uint8)
    hdf5, npy, npz, weights, tar = (io.BytesIO() for _ in range(5))
    with h5py.File(hdf5, 'w') as file:
        file['x'] = np.zeros(3)
    np.save(npy, np.zeros((2, 2)))
    np.savez(npz, x=np.zeros((2, 2)))
    torch.save({'state_dict': {'x': torch.zeros(2)}}, weights)
    return [
        *(b'{}', b'[]', b'null', b'"text"', b'1e999', b'text\n1,2\n', b'\xff\xfe\0\0', bytes(600)),
        *(npy.getvalue(), npz.getvalue(), hdf5.getvalue(), weights.getvalue(), tar.getvalue()),
        *(pickle.dumps({'a': np.zeros(3)}), pickle.dumps(None), attacks(canary)[0]),
        *(cv2.imencode(f'.{kind}', picture)[1].tobytes() for kind in ('png', 'jpg', 'bmp')),
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    ]


def _npz(good: bytes, canary: Path) -> Iterator[Hostile]:
    """Members that are missing, of other types and shapes, pickled, bombs, not arrays."""
    with np.load(io.BytesIO(good)) as data:
        arrays = dict(data)
    for name, array in arrays.items():
        yield Hostile('arrays changed', _packed({k: v for k, v in arrays.items() if k != name}))
        for other in _other_arrays(array):
            yield Hostile('arrays changed', _packed({**arrays, name: other}))
        for member in [*_lying_members(array), pickle.dumps(1), attacks(canary)[0]]:
            yield Hostile('bombs, lying headers', _with_member(arrays, name, member))
        objects = np.empty(2, dtype=object)
        objects[:] = Attack(eval, f'open({str(canary)!r}, "w").close()')
        with io.BytesIO() as file:
            np.save(file, objects, allow_pickle=True)
            yield Hostile('would run code', _with_member(arrays, name, file.getvalue()))
    name, header = next(iter(arrays)), _header('<f8', (2**28,))
    yield Hostile('bombs, lying headers', _with_member(arrays, name, header, 2**31))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        bomb = _with_member(arrays, name, _header('<f8', (2**23,)) + bytes(2**26), method=method)
        yield Hostile('bombs, lying headers', bomb)


def _other_arrays(array: np.ndarray) -> list[np.ndarray]:
    kinds = ['f2', 'i1', 'u8', 'b1', 'c16', 'U3', 'S3', 'M8[s]', [('a', 'f4')], '>f4']
    others = [np.zeros(array.shape, kind) for kind in kinds]
    if array.dtype.kind in 'fiu':
        others += [np.full_like(array, value) for value in _extremes(array.dtype)]
    shapes = [array[None], array.ravel(), np.zeros((0, *array.shape), array.dtype), array.T]
    return others + shapes + [np.zeros((), array.dtype), array[:0] if array.ndim else array]


def _extremes(dtype: np.dtype) -> list[float]:
    if dtype.kind == 'f':
        return [np.nan, np.inf, -np.inf, np.finfo(dtype).max, -1.0, 0.0]
    return [np.iinfo(dtype).max, np.iinfo(dtype).min]


def _header(kind: str, shape: object) -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text


def _lying_members(array: np.ndarray) -> list[bytes]:
    kind = array.dtype.str
    shapes = [
        (10**12,),
        (-3,),
        (-2, -(10**12)),
        (2**62, 4),
        '(' * 60 + ')' * 60,
        "__import__('os')",
    ]
    return [_header(kind, shape) + bytes(64) for shape in shapes] + [
        *(_header('|O', (1,)) + b'N.', _header('<U1000000000', (1,)), _header('?' * 9000, (1,))),
        *(
            b'\x93NUMPY\x09\x00',
            b'\x93NUMPY\x02\x00\xff\xff\xff\x7f',
            b'\x93NUMPY\x01\x00\x02\x00{}',
        ),
    ]


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    with io.BytesIO() as file:
        np.savez(file, **arrays)
        return file.getvalue()


def _with_member(
    arrays: dict[str, np.ndarray],
    name: str,
    member: bytes,
    size: int | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """Replace a member by bytes, which the archive's directory says are ``size``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as archive:
        for key, array in arrays.items():
            with archive.open(f'{key}.npy', 'w', force_zip64=True) as part:
                if key == name:
                    part.write(member)
                else:
                    np.lib.format.write_array(part, array)
        if size is not None:
            archive.getinfo(f'{name}.npy').file_size = size
    return file.getvalue()


def _npy(good: bytes, canary: Path) -> Iterator[Hostile]:
    array = np.load(io.BytesIO(good))
    for other in _other_arrays(array):
        with io.BytesIO() as file:
            np.save(file, other)
            yield Hostile('arrays changed', file.getvalue())
    for member in _lying_members(array):
        yield Hostile('bombs, lying headers', member)
    yield Hostile('would run code', _header('|O', (1,)) + attacks(canary)[0])


# What stands in the place of a node of a JSON file.
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 10**400, 1.5, float('nan'), float('inf'), -1e308),
    *('', 'text', '../../../etc/passwd', '\0', [], [None], [[]], {}, {'a': []}),
)


def paths_of(tree: Any, path: tuple = ()) -> list[tuple]:
    """List the ways to all nodes of a JSON tree, of long lists to the first and the last."""
    found = [path]
    if isinstance(tree, dict):
        found += [way for key, part in tree.items() for way in paths_of(part, (*path, key))]
    if isinstance(tree, list):
        ends = sorted({0, len(tree) - 1}) if tree else []
        found += [way for index in ends for way in paths_of(tree[index], (*path, index))]
    return found


def changed(tree: Any, path: tuple, value: Any = None, *, drop: bool = False) -> Any:
    """Give a JSON tree with another value, or none, at a node."""
    if not path:
        return copy.deepcopy(value)
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    if drop:
        del node[path[-1]]
    else:
        node[path[-1]] = copy.deepcopy(value)
    return tree


def _json(good: bytes, canary: Path) -> Iterator[Hostile]:
    """Other values at each node, dropped ones, and nesting."""
    lines = good.decode().splitlines()
    is_log = len(lines) > 1 and lines[1].startswith('{') and lines[0].endswith('}')
    tree = json.loads(lines[0] if is_log else good)
    rest = '\n'.join(['', *lines[1:], '']) if is_log else ''
    for path in paths_of(tree):
        trees = [changed(tree, path, value) for value in VALUES]
        trees += [changed(tree, path, drop=True)] if path else []
        for other in trees:
            yield Hostile('values changed', (json.dumps(other) + rest).encode())
        for depth in (400, 900, 990):
            deep: Any = json.dumps(changed(tree, path, 'DEEP'))
            deep = deep.replace('"DEEP"', '[' * depth + ']' * depth)
            yield Hostile('deep nesting', (deep + rest).encode())
    for depth in (10**3, 10**5):
        yield Hostile('deep nesting', b'[' * depth)
        yield Hostile('deep nesting', b'[' * depth + b']' * depth + rest.encode())
        yield Hostile('deep nesting', b'{"a":' * depth + b'1' + b'}' * depth + rest.encode())
    yield Hostile('values changed', b'1' * 10**5 + rest.encode())


def _hdf5(good: bytes, canary: Path) -> Iterator[Hostile]:
    """Data sets that are missing, of other types, in other files, or larger than the file."""
    with h5py.File(io.BytesIO(good)) as file:
        arrays: dict[str, np.ndarray] = {}
        file.visititems(
            lambda name, one: arrays.update({name: one[()]}) if hasattr(one, 'shape') else None
        )
    for name, array in arrays.items():
        for other in _other_arrays(np.asarray(array)):
            if other.dtype.kind not in 'UM':
                yield Hostile('arrays changed', _stored(arrays, name, other))
        for make in _hdf5_attacks(np.asarray(array)):
            yield Hostile('bombs, lying headers', _stored(arrays, name, make))


def _hdf5_attacks(array: np.ndarray) -> list[Callable[[h5py.File, str], object] | None]:
    shape, kind = (10**11, *array.shape[1:]), array.dtype
    text, rest = h5py.string_dtype(), array.shape[1:]
    rows = 2**31 // max(array.itemsize * int(np.prod(rest)), 1)  # of a chunk of 2 GiB
    return [
        None,
        lambda file, name: file.create_dataset(name, shape, kind, chunks=True, compression='gzip'),
        lambda file, name: file.create_dataset(
            name, (10, *rest), kind, chunks=(rows, *rest), maxshape=(None, *rest), compression=4
        ),
        lambda file, name: file.create_dataset(name, array.shape, text),
        lambda file, name: file.create_dataset(name, dtype=kind, shape=None, data=h5py.Empty(kind)),
        lambda file, name: file.create_group(name),
        lambda file, name: file.__setitem__(name, h5py.SoftLink(f'/{name}')),
        lambda file, name: file.__setitem__(name, h5py.ExternalLink('/dev/zero', '/x')),
        lambda file, name: file.create_dataset(
            name, (10**6,), kind, external=[('/dev/zero', 0, 10**6 * kind.itemsize)]
        ),
    ]


def _stored(arrays: dict[str, np.ndarray], name: str, other: Any) -> bytes:
    target = io.BytesIO()
    with h5py.File(target, 'w') as file:
        for key, array in arrays.items():
            if key != name:
                file[key] = array
            elif callable(other):
                other(file, name)
            elif other is not None:
                file[key] = other
    return target.getvalue()


def _png(good: bytes, canary: Path) -> Iterator[Hostile]:
    """Headers that say another size, with the right checksum."""
    for sides in ((2**31 - 1,) * 2, (40_000, 40_000), (2**20, 1), (1, 2**20), (0, 4), (3, 5)):
        head = b'IHDR' + b''.join(side.to_bytes(4, 'big') for side in sides) + good[24:29]
        content = good[:12] + head + zlib.crc32(head).to_bytes(4, 'big') + good[33:]
        yield Hostile('bombs, lying headers', content)


def _jpg(good: bytes, canary: Path) -> Iterator[Hostile]:
    place = next(p for p in (good.find(b'\xff\xc0'), good.find(b'\xff\xc2')) if p >= 0)
    for sides in ((65535, 65535), (0, 0), (1, 65535), (7, 9)):
        size = b''.join(side.to_bytes(2, 'big') for side in sides)
        yield Hostile('bombs, lying headers', good[: place + 5] + size + good[place + 9 :])


def _checkpoint(good: bytes, canary: Path) -> Iterator[Hostile]:
    """What torch wrote, with another pickle inside."""
    for content in attacks(canary):
        yield Hostile('would run code', content)
        with io.BytesIO() as file:
            with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(file, 'w') as new:
                for name in old.namelist():
                    is_pickle = name.endswith('data.pkl')
                    new.writestr(name, content if is_pickle else old.read(name))
            yield Hostile('would run code', file.getvalue())


def _xml(good: bytes, canary: Path) -> Iterator[Hostile]:
    lines = ['<!ENTITY a0 "aaaaaaaaaa">']
    lines += [f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 12)]
    laughs = f'<?xml version="1.0"?><!DOCTYPE a [{"".join(lines)}]><a>&a11;</a>'
    yield Hostile('bombs, lying headers', laughs.encode())
    yield Hostile('deep nesting', b'<a>' * 10**5 + b'</a>' * 10**5)


_OF_SUFFIX: dict[str, tuple[Callable[[bytes, Path], Iterator[Hostile]], ...]] = {
    '.json': (_json,),
    '.npz': (_npz,),
    '.npy': (_npy,),
    '.pkl': (_pickles,),
    '.h5': (_hdf5,),
    '.png': (_png,),
    '.jpg': (_jpg,),
    '.pth': (_checkpoint,),
    '.xml': (_xml,),
}
