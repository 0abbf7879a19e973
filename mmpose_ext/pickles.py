"""Reading pickles of numpy arrays without running what a pickle may hold.

A pickle is a program: it may import and call anything. Here it may call only stand-ins of what
arrays are pickled with. Not even numpy's own functions are handed out: they trust what they are
told about memory. Nor can it change a stand-in by giving it a state, which would set attributes of
a function or a class for all later reads. Files of joblib are such pickles with the arrays' bytes
between them.
"""

import io
import math
import pickle
import zlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

# Kinds of numbers and text that an array may hold; 'O' holds what is in the pickle itself.
_KINDS = 'biufcSUO'
# Byte orders as numpy writes them.
_ORDERS: dict[Any, Any] = {order: order for order in '<>=|'}
# How a file that joblib compressed begins: zlib, gzip.
_COMPRESSED = (b'\x78', b'\x1f\x8b')
# Nobody's file of arrays is that large; what a damaged or malicious one may grow to.
_MAX_BYTES = 2**30


class _Dtype:
    """Stands in for ``numpy.dtype``: plain types only, no fields and no sub-arrays."""

    def __init__(self, name: Any, align: Any = False, copy: Any = True) -> None:
        dtype = np.dtype(_text(name)) if isinstance(name, str | bytes) else None
        if dtype is None or dtype.kind not in _KINDS or dtype.names or dtype.subdtype:
            raise pickle.UnpicklingError(f'it holds an array of the type {name!r:.80}')
        self.dtype = dtype

    def __setstate__(self, state: tuple) -> None:
        order, subtype, names, fields = state[1:5]
        if subtype is not None or names is not None or fields is not None:
            raise pickle.UnpicklingError('it holds a structured array')
        if order not in _ORDERS:
            raise pickle.UnpicklingError(f'it holds an array of the byte order {order!r:.80}')
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
    return set(items)


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


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, classes: Mapping[tuple[str, str], Any], encoding: str) -> None:
        super().__init__(io.BytesIO(data), encoding=encoding)
        self._classes = {**_ARRAY_PARTS, **classes}

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
    """
    try:
        return _plain(_RestrictedUnpickler(data, classes or {}, encoding).load(), {})
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


# The unpickler in Python: that in C reads ahead, over the bytes of the arrays.
_PythonUnpickler: Any = pickle._Unpickler


class _JoblibUnpickler(_PythonUnpickler):
    """Reads pickles with arrays between their parts."""

    dispatch: ClassVar = dict(_PythonUnpickler.dispatch)
    find_class = _RestrictedUnpickler.find_class

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        super().__init__(self._file)
        wrapper = ('joblib.numpy_pickle', 'NumpyArrayWrapper')
        self._classes = {**_ARRAY_PARTS, wrapper: _ArrayWrapper}

    def _load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _ArrayWrapper):
            self.stack[-1] = self.stack[-1].read(self._file)

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
    """
    try:
        if data.startswith(_COMPRESSED):
            inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
            data = inflate.decompress(data, _MAX_BYTES)
            if not inflate.eof:
                raise pickle.UnpicklingError(f'truncated, or larger than {_MAX_BYTES} bytes')
        if data[:1] != pickle.PROTO:
            raise pickle.UnpicklingError('no pickle, or compressed by other than zlib or gzip')
        return _plain(_JoblibUnpickler(data).load(), {})
    except Exception as error:  # a broken pickle may raise anything
        raise ValueError(f'{type(error).__name__}: {error}') from error


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """Make plain arrays of the checked ones, also within containers."""
    # Once of each: lists of the same list, a few levels deep, would never come to an end.
    if id(value) not in done:
        done[id(value)] = _made_plain(value, done)
    return done[id(value)]


def _made_plain(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, _Array):
        array = value.view(np.ndarray)
        return _plain_objects(array, done) if array.dtype.hasobject else array
    if type(value) is dict:
        return {_plain(key, done): _plain(item, done) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item, done) for item in value)
    return value


def _plain_objects(array: np.ndarray, done: dict[int, Any]) -> np.ndarray:
    result = np.empty(array.size, dtype=object)
    for k, item in enumerate(array.flat):
        result[k] = _plain(item, done)
    return result.reshape(array.shape)


def _dtype_of(stand_in: Any) -> np.dtype:
    if not isinstance(stand_in, _Dtype):
        raise pickle.UnpicklingError(f'it holds an array of the type {stand_in!r:.80}')
    return stand_in.dtype


def _shape_of(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError(f'it holds an array of the shape {shape!r:.80}')
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
