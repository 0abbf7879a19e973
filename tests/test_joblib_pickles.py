"""Files of joblib: read whole, and nothing of them run."""

import base64
import gzip
import os
import pickle
import zlib

import numpy as np
import pytest
from joblib_files import joblib_bytes

from mmpose_ext import pickles
from mmpose_ext.pickles import restricted_joblib_load

VALUE = (
    np.arange(3, dtype=np.float32)[None],
    np.ones((2, 2), order='F'),
    np.float32(3),
    [1, 2],
)
# joblib 1.6.0's own dump of it, beside numpy 1.
GENUINE = base64.b85decode(
    'fCQD)000000000ej1y{aVr*$*E^c*gaCu*FX=7__Wt5B&PIYZ?c|me=VR=__VQ_F|a+H&lDS?!Ilqie{b9G{4Y+-YAl#B&#b!~8Y'
    'l#B;%WMOi0VR@93l#B&)Xkl<=luH3i1BR501#fa>Wpb2^0Yj9G1!Q!2aAlNe28;z{ba`-Pl#`T<0%kOniHL`kQj{o51B?MYluk}g'
    'O8@`=|4RS=|Nlz>bd+L@3Sn$)Z+Bm9ZDDYfh>RO<b!~8YUtw}`VR>I+Y-wk1ZDnqBUt)Q5Wpk8E5Orb@|NsC0|NsC0|NsC0|NsC0'
    '00000004kL0000$l}P{q000000B8a!fs}oeC};&}2xtjQ0!sphlxPc#0Y;Q)4QLOH0%kariHL`kQj{o5185UYPEJby|Ns9=|NsC0'
    'O8|6~VrUhJXckKlbz%Yk00000008hm00000008hm00000008hm00000008hml{)|c000000E`uGb!~8YE@N+UWiD-XY;<X1a&lpL'
    'l#B**V_|Gza+H&lXc9vN002Nhl!la2lwFi4O94v)WptD-'
)


class Attack:
    """Calls a function when an ordinary reader reads it."""

    def __reduce__(self):
        return os.system, ('echo run',)


def check(found):
    for first, second in zip(found[:2], VALUE[:2], strict=True):
        assert type(first) is np.ndarray
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    assert found[2:] == VALUE[2:]


def test_reads_what_joblib_wrote():
    check(restricted_joblib_load(GENUINE))


@pytest.mark.skipif(
    np.float32(3).__reduce__()[0].__module__ != 'numpy.core.multiarray',
    reason='the dump to compare with names modules as numpy 1 does',
)
def test_the_tests_write_as_joblib_does():
    assert joblib_bytes(VALUE) == GENUINE


@pytest.mark.parametrize('compress', [zlib.compress, gzip.compress])
def test_reads_compressed_files(compress):
    check(restricted_joblib_load(compress(GENUINE)))
    with pytest.raises(ValueError, match='truncated'):
        restricted_joblib_load(compress(GENUINE)[:-20])


def test_reads_files_before_alignment():
    array = np.arange(5)
    data = joblib_bytes(array)
    start = data.index(array.tobytes())
    # Neither the attribute (its name and 16, the file's last item) nor the padding were there.
    state = data.index(b'\x8c\x1bnumpy_array_alignment_bytes')
    pickled = data[:state] + b'ub'
    frame = (len(pickled) - 11).to_bytes(8, 'little')
    old = pickled[:3] + frame + pickled[11:] + array.tobytes() + data[start + array.nbytes :]
    np.testing.assert_array_equal(restricted_joblib_load(old), array)


def test_reads_plain_pickles():
    check(restricted_joblib_load(pickle.dumps(VALUE)))


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (joblib_bytes([np.zeros(3), Attack()]), r'asks for (posix|nt)\.system'),
        (joblib_bytes(np.array([None])), 'array of objects'),
        (joblib_bytes(np.zeros(9))[:-20], 'needs 72 bytes'),
        (joblib_bytes(np.zeros(9))[:30], 'truncated|exhausted|EOFError'),
        (b'BZh9', 'compressed by other than zlib or gzip'),
    ],
)
def test_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        restricted_joblib_load(data)


def test_refuses_what_would_fill_the_memory(monkeypatch):
    monkeypatch.setattr(pickles, '_MAX_BYTES', 1000)
    with pytest.raises(ValueError, match='larger than 1000 bytes'):
        restricted_joblib_load(zlib.compress(joblib_bytes(np.zeros(1000))))


def test_a_state_after_an_array_is_checked_too():
    data = joblib_bytes(np.zeros(2))
    late = pickle.dumps((1, (1000,), None, False, b''), 4)[2:-1]
    with pytest.raises(ValueError, match='type None'):
        restricted_joblib_load(data[:-1] + late + b'b.')


def test_a_state_cannot_change_the_stand_in():
    state = pickle.dumps({'read': 5}, 2)[2:-1]
    with pytest.raises(ValueError, match='__setstate__'):
        restricted_joblib_load(b'\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n' + state + b'b.')
    check(restricted_joblib_load(GENUINE))
