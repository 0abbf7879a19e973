"""Reading pickles of numpy arrays without running what a pickle may hold.

A pickle is a program: it may import and call anything. Here it may call only stand-ins of what
arrays are pickled with. Not even numpy's own functions are handed out: they trust what they are
told about memory. Nor can it change a stand-in by giving it a state, which would set attributes of
a function or a class for all later reads. Files of joblib are such pickles with the arrays' bytes
between them.

They are read by the unpickler in Python: that in C believes what a few bytes say of their memory,
and reads ahead over the arrays of joblib. Nor does a pickle pass whose containers share their parts
so often that whoever looks at all of them, even to print them, would never come to an end. It is
still possible to take time that is quadratic in the file, by keys whose hashes collide.
"""

import io
import math
import pickle
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from mmpose_ext.refusals import shown

# Kinds of numbers and text that an array may hold; 'O' holds what is in the pickle itself.
_KINDS = 'biufcSUO'
# Byte orders as numpy writes them.
_ORDERS: dict[Any, Any] = {order: order for order in '<>=|'}
# How a file that joblib compressed begins: zlib, gzip.
_COMPRESSED = (b'\x78', b'\x1f\x8b')
# numpy knows no more axes, nor sizes and keys of more bits; more parts of a key are nobody's.
_MOST_AXES, _MOST_BITS, _MOST_PARTS = 32, 63, 32
# The longest name of a type that arrays are pickled with, and more.
_LONGEST_NAME = 32
# More bytes are no number and no word.
_LONGEST_SCALAR = 2**16
# Nobody's file of arrays is that large; what a damaged or malicious one may grow to.
_MAX_BYTES = 2**30
# From so many bytes on, what a pickle makes must be below so many times its own size: it is not
# compressed, and a small object takes some ten times its bytes.
_LARGE, _MOST_GROWTH = 2**26, 64
# Of what was compressed, as refusals.check_growth has it.
_MOST_INFLATION = 200
# What containers that share their parts may hold, each written out, if that is more than what a
# pickle of as many bytes could hold without sharing.
_MAX_ITEMS = 10**6


class _Dtype:
    """Stands in for ``numpy.dtype``: plain types only, no fields and no sub-arrays."""

    def __init__(self, name: Any, align: Any = False, copy: Any = True) -> None:
        is_name = isinstance(name, str | bytes) and len(name) <= _LONGEST_NAME
        dtype = np.dtype(_text(name)) if is_name else None
        if dtype is None or dtype.kind not in _KINDS or dtype.names or dtype.subdtype:
            raise pickle.UnpicklingError(f'it holds an array of the type {shown(name)}')
        self.dtype = dtype

    def __setstate__(self, state: tuple) -> None:
        order, subtype, names, fields = state[1:5]
        if subtype is not None or names is not None or fields is not None:
            raise pickle.UnpicklingError('it holds a structured array')
        if not isinstance(order, str) or order not in _ORDERS:
            raise pickle.UnpicklingError(f'it holds an array of the byte order {shown(order)}')
        self.dtype = self.dtype.newbyteorder(_ORDERS[order])


class _Array(np.ndarray):
    """An array that checks what fills it. The stand-in of a class has to be one."""

    def __setstate__(self, state: tuple) -> None:
        shape, dtype, fortran, content = state[-4:]
        dtype = _dtype_of(dtype)
        if dtype.hasobject:
            if not isinstance(content, list) or len(content) != math.prod(_shape_of(shape)):
                raise pickle.UnpicklingError('it holds an array of objects that is not whole')
        else:
            content = _raw(content)
            _check_size(shape, dtype, content)
        super().__setstate__((1, _shape_of(shape), dtype, bool(fortran), content))


class Stateless:
    """Base of stand-ins for classes whose objects hold nothing: refuses any state."""

    def __setstate__(self, state: Any) -> None:
        """Refuse a state.

        Args:
            state (Any): The state.

        Raises:
            pickle.UnpicklingError: Always.
        """
        raise pickle.UnpicklingError(f'it gives a state to a {type(self).__name__}')


class _ArrayType(Stateless):
    """Stands in for ``numpy.ndarray`` where a pickle names the class."""


class _Sealed:
    """A function that can be called and nothing else."""

    __slots__ = ('_function',)

    def __init__(self, function: Callable) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f'it gives a state to {self._function.__name__}')


def _reconstruct(subtype: Any, shape: Any, name: Any) -> np.ndarray:
    return np.ndarray.__new__(_Array, (0,))


def _scalar(dtype: Any, content: Any = None) -> Any:
    dtype = _dtype_of(dtype)
    if dtype.hasobject:
        raise pickle.UnpicklingError('it holds a scalar that is an object')
    if dtype.itemsize > _LONGEST_SCALAR:  # numpy would look for its end, however often it is named
        raise pickle.UnpicklingError(f'it holds a scalar of {dtype.itemsize} bytes')
    content = _raw(content)
    _check_size((), dtype, content)
    return np.frombuffer(content, dtype)[0]


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any = 'C') -> np.ndarray:
    dtype, content = _dtype_of(dtype), _raw(content)
    _check_size(shape, dtype, content)
    flat = np.frombuffer(content, dtype)
    array = flat.reshape(_shape_of(shape), order='F' if order == 'F' else 'C').copy(order='K')
    return array.view(_Array)  # a state that follows is checked too


def _encode(text: Any, encoding: Any = 'latin1') -> bytes:
    """Give bytes that Python 3 wrote in an old protocol."""
    if not isinstance(text, str) or encoding not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError('it holds text that is not bytes in latin1')
    return text.encode('latin1')


def _empty_bytes() -> bytes:
    return b''


def _set(items: Any = ()) -> set:
    items = _hashable(items)
    made = set(items)
    if len(made) < len(items):  # else a small set could cost the reading of a long list
        raise pickle.UnpicklingError('it holds a set that has something twice')
    return made


def _hashable(keys: Iterable[Any]) -> list[Any]:
    """Refuse keys that may take for ever to hash or compare, as tuples of the same tuple do."""
    keys = list(keys)
    for key in keys:
        parts = key if isinstance(key, tuple | frozenset) else (key,)
        if len(parts) > _MOST_PARTS or not all(map(_is_plain_key, parts)):
            raise pickle.UnpicklingError(
                f'it has a tuple of tuples, a long one or a huge number as a key: {shown(key)}'
            )
    return keys


def _is_plain_key(key: Any) -> bool:
    if isinstance(key, int):
        return key.bit_length() <= _MOST_BITS
    return not isinstance(key, tuple | frozenset)


# numpy 2 moved its core; Python 3 renamed what Python 2 calls __builtin__.
_ARRAY_PARTS: dict[tuple[str, str], Any] = {
    ('numpy', 'dtype'): _Dtype,
    ('numpy', 'ndarray'): _ArrayType,
    ('_codecs', 'encode'): _encode,
    ('__builtin__', 'bytes'): _empty_bytes,
    ('__builtin__', 'set'): _set,
    ('builtins', 'set'): _set,
    **{
        (f'numpy.{core}.{module}', name): part
        for core in ('core', '_core')
        for module, name, part in (
            ('multiarray', '_reconstruct', _reconstruct),
            ('multiarray', 'scalar', _scalar),
            ('numeric', '_frombuffer', _frombuffer),
        )
    },
}


_PythonUnpickler: Any = pickle._Unpickler


class _Opcodes(dict):
    def __missing__(self, code: int) -> Any:
        raise pickle.UnpicklingError(f'the byte {code} is none that a pickle has there')


class _RestrictedUnpickler(_PythonUnpickler):
    dispatch: ClassVar = _Opcodes(_PythonUnpickler.dispatch)

    def __init__(self, data: bytes, classes: Mapping[tuple[str, str], Any], encoding: str) -> None:
        self._source = io.BytesIO(data)
        super().__init__(self._source, encoding=encoding)
        self._classes = {**_ARRAY_PARTS, **classes}
        self._size, self._made = len(data), 0

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._classes:
            raise pickle.UnpicklingError(f'it asks for {module}.{name}')
        part = self._classes[module, name]
        if not isinstance(part, type):
            return _Sealed(part)
        # Without it a state given to the class itself would set its attributes.
        if not hasattr(part, '__setstate__'):
            raise pickle.UnpicklingError(f'{part.__name__}, its {module}.{name}, takes any state')
        return part

    def _count_made(self) -> None:
        """Refuse a bomb: a few bytes of a pickle may ask again for a copy of all it holds."""
        made = self.stack[-1]
        self._made += sys.getsizeof(made) + int(getattr(made, 'nbytes', 0))
        if self._made > max(_LARGE, _MOST_GROWTH * self._size):
            raise pickle.UnpicklingError(f'its {self._size} bytes would unpack to {self._made}')

    def _load_reduce(self) -> None:
        super().load_reduce()
        self._count_made()

    def _load_build(self) -> None:
        super().load_build()
        self._count_made()

    def _instantiate(self, stand_in: Any, arguments: Any) -> None:
        super()._instantiate(stand_in, arguments)
        self._count_made()

    def _check_target(self, target: Any, kind: type) -> None:
        # An array would take what is set in it for numbers, and read a list bomb to its end.
        if type(target) is not kind:
            raise pickle.UnpicklingError(f'it fills a {type(target).__name__} as a {kind.__name__}')

    def _load_append(self) -> None:
        self._check_target(self.stack[-2], list)
        super().load_append()

    def _load_appends(self) -> None:
        self._check_target(self.metastack[-1][-1], list)
        super().load_appends()

    def _load_setitem(self) -> None:
        self._check_target(self.stack[-3], dict)
        _hashable(self.stack[-2:-1])
        super().load_setitem()

    def _load_setitems(self) -> None:
        self._check_target(self.metastack[-1][-1], dict)
        _hashable(self.stack[::2])
        super().load_setitems()

    def _load_dict(self) -> None:
        _hashable(self.stack[::2])
        super().load_dict()

    def _load_additems(self) -> None:
        self._check_target(self.metastack[-1][-1], set)
        _hashable(self.stack)
        super().load_additems()

    def _load_frozenset(self) -> None:
        _hashable(self.stack)
        super().load_frozenset()

    def _load_bytearray8(self) -> None:
        # Python's would fill as many bytes with zeros before it looks for them.
        self.append(bytearray(self.read(int.from_bytes(self.read(8), 'little'))))

    dispatch[pickle.REDUCE[0]] = _load_reduce
    dispatch[pickle.BUILD[0]] = _load_build
    dispatch[pickle.APPEND[0]] = _load_append
    dispatch[pickle.APPENDS[0]] = _load_appends
    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems
    dispatch[pickle.DICT[0]] = _load_dict
    dispatch[pickle.ADDITEMS[0]] = _load_additems
    dispatch[pickle.FROZENSET[0]] = _load_frozenset
    dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray8


def restricted_load(
    data: bytes,
    classes: Mapping[tuple[str, str], Any] | None = None,
    encoding: str = 'ASCII',
) -> Any:
    """Read a pickle of numpy arrays and Python's plain values; nothing else of it is run.

    Args:
        data (bytes): The pickle.
        classes (Mapping[tuple[str, str], Any] | None): What else it may ask for: by module and
            name the stand-in that it gets, a function or a class, which must be harmless with any
            arguments and state; a class must have ``__setstate__``, if only :class:`Stateless`'s.
            Defaults to None.
        encoding (str): How Python 2 wrote text; its arrays need ``'latin1'``. Defaults to
            ``'ASCII'``.

    Returns:
        Any: What the pickle holds, with plain arrays.

    Raises:
        ValueError: If the pickle is broken or asks for anything else; the message names it.
        MemoryError: If the memory did not suffice.
    """
    try:
        content = _RestrictedUnpickler(data, classes or {}, encoding).load()
        return _Plain(max(_MAX_ITEMS, len(data)))(content)
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle may raise anything
        raise ValueError(f'{type(error).__name__}: {error}') from error


class _ArrayWrapper:
    """Stands in for joblib's ``NumpyArrayWrapper``, behind which an array's bytes follow."""

    def __setstate__(self, state: Any) -> None:
        self.shape = _shape_of(state['shape'])
        self.dtype = _dtype_of(state['dtype'])
        self.order = state['order']
        # None in files of joblib before 1.2, which do not align.
        self.alignment = state.get('numpy_array_alignment_bytes')

    def read(self, file: io.BytesIO) -> np.ndarray:
        """Read the array (subclasses become plain arrays)."""
        if self.dtype.hasobject:
            raise pickle.UnpicklingError('it holds an array of objects')
        if self.alignment is not None:
            file.read(file.read(1)[0])
        content = file.read(math.prod(self.shape) * self.dtype.itemsize)
        _check_size(self.shape, self.dtype, content)
        flat = np.frombuffer(content, self.dtype)
        array = flat.reshape(self.shape, order='F' if self.order == 'F' else 'C').copy(order='K')
        return array.view(_Array)  # a state that follows is checked too


class _JoblibUnpickler(_RestrictedUnpickler):
    """Reads pickles with arrays between their parts."""

    dispatch: ClassVar = _Opcodes(_RestrictedUnpickler.dispatch)

    def __init__(self, data: bytes) -> None:
        wrapper = ('joblib.numpy_pickle', 'NumpyArrayWrapper')
        super().__init__(data, {wrapper: _ArrayWrapper}, 'ASCII')

    def _load_build(self) -> None:
        super()._load_build()
        if isinstance(self.stack[-1], _ArrayWrapper):
            self.stack[-1] = self.stack[-1].read(self._source)

    dispatch[pickle.BUILD[0]] = _load_build


def restricted_joblib_load(data: bytes) -> Any:
    """Read what ``joblib.dump`` wrote of numpy arrays and Python's plain values; nothing is run.

    Of joblib 0.10 and later, not compressed or by zlib or gzip (``compress=True``). A plain pickle
    passes too.

    Args:
        data (bytes): The file.

    Returns:
        Any: What it holds, with plain arrays.

    Raises:
        ValueError: If it is broken, too large, or asks for anything else; the message names it.
        MemoryError: If the memory did not suffice.
    """
    try:
        if data.startswith(_COMPRESSED):
            inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
            most = min(_MAX_BYTES, max(_LARGE, _MOST_INFLATION * len(data)))
            data = inflate.decompress(data, most)
            if not inflate.eof:
                raise pickle.UnpicklingError(f'truncated, or larger than {most} bytes')
        if data[:1] != pickle.PROTO:
            raise pickle.UnpicklingError('no pickle, or compressed by other than zlib or gzip')
        return _Plain(max(_MAX_ITEMS, len(data)))(_JoblibUnpickler(data).load())
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle may raise anything
        raise ValueError(f'{type(error).__name__}: {error}') from error


class _Plain:
    """Makes plain arrays of the checked ones, also within containers.

    Once of each: lists of the same list, a few levels deep, would never come to an end. They are
    refused where they would hold more than ``most`` items, each counted as often as it is there.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._done: dict[int, tuple[Any, int]] = {}

    def __call__(self, value: Any) -> Any:
        return self._counted(value)[0]

    def _counted(self, value: Any) -> tuple[Any, int]:
        if id(value) not in self._done:
            made, number = self._made(value)
            if number > self._most:
                raise pickle.UnpicklingError(
                    f'it shares its parts so often that it holds more than {self._most} items'
                )
            self._done[id(value)] = made, number
        return self._done[id(value)]

    def _made(self, value: Any) -> tuple[Any, int]:
        if isinstance(value, _Array):
            array = value.view(np.ndarray)
            return self._objects(array) if array.dtype.hasobject else (array, 1)
        if type(value) is dict:
            keys, number = self._all(value)
            items, more = self._all(value.values())
            return dict(zip(keys, items, strict=True)), number + more
        if type(value) in (list, tuple):
            items, number = self._all(value)
            return type(value)(items), number
        return value, 1

    def _all(self, values: Iterable[Any]) -> tuple[list[Any], int]:
        counted = [self._counted(value) for value in values]
        return [made for made, _ in counted], 1 + sum(number for _, number in counted)

    def _objects(self, array: np.ndarray) -> tuple[np.ndarray, int]:
        items, number = self._all(array.flat)
        result = np.empty(array.size, dtype=object)
        for k, item in enumerate(items):
            result[k] = item
        return result.reshape(array.shape), number


def _dtype_of(stand_in: Any) -> np.dtype:
    if not isinstance(stand_in, _Dtype):
        raise pickle.UnpicklingError(f'it holds an array of the type {shown(stand_in)}')
    return stand_in.dtype


def _shape_of(shape: Any) -> tuple[int, ...]:
    is_shape = isinstance(shape, tuple) and len(shape) <= _MOST_AXES
    if not is_shape or not all(
        type(n) is int and n >= 0 and n.bit_length() <= _MOST_BITS for n in shape
    ):
        raise pickle.UnpicklingError(f'it holds an array of the shape {shown(shape)}')
    return shape


def _raw(content: Any) -> bytes:
    """Give an array's bytes, which Python 2 pickled as text."""
    if isinstance(content, str):
        return content.encode('latin1')
    if not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError(f'it holds an array of a {type(content).__name__}')
    return bytes(content)


def _check_size(shape: Any, dtype: np.dtype, content: bytes) -> None:
    wanted = math.prod(_shape_of(shape)) * dtype.itemsize
    if len(content) != wanted:
        raise pickle.UnpicklingError(
            f'it holds an array of the shape {shape} that needs {wanted} bytes, got {len(content)}'
        )


def _text(value: Any) -> str:
    return value.decode('latin1') if isinstance(value, bytes) else str(value)
