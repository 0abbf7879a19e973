"""Files as joblib writes them, without joblib."""

import io
import pickle
import sys
from types import ModuleType
from unittest import mock

import numpy as np

_ALIGNMENT = 16


class NumpyArrayWrapper:
    """What joblib 1.x pickles instead of an array, under its own name."""

    __module__ = 'joblib.numpy_pickle'

    def __init__(self, array):
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        self.subclass = np.ndarray
        self.shape = array.shape
        self.order = 'F' if fortran else 'C'
        self.dtype = array.dtype
        self.allow_mmap = not array.dtype.hasobject
        self.numpy_array_alignment_bytes = _ALIGNMENT


class _Pickler(pickle._Pickler):
    def __init__(self, file):
        super().__init__(file, protocol=4)
        self.file = file

    def save(self, obj, save_persistent_id=True):
        if type(obj) is not np.ndarray:
            return super().save(obj, save_persistent_id)
        wrapper = NumpyArrayWrapper(obj)
        super().save(wrapper)
        self.framer.commit_frame(force=True)
        padding = _ALIGNMENT - (self.file.tell() + 1) % _ALIGNMENT
        self.file.write(bytes([padding]) + b'\xff' * padding + obj.tobytes(wrapper.order))
        return None


def joblib_bytes(value):
    """What ``joblib.dump(value, file)`` writes."""
    package, module = ModuleType('joblib'), ModuleType('joblib.numpy_pickle')
    module.NumpyArrayWrapper = NumpyArrayWrapper
    file = io.BytesIO()
    with mock.patch.dict(sys.modules, {'joblib': package, 'joblib.numpy_pickle': module}):
        _Pickler(file).dump(value)
    return file.getvalue()
