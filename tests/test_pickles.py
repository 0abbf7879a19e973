import os
import pickle
import pickletools
import sys
import tracemalloc

import numpy as np
import pytest

from mmpose_ext import pickles
from mmpose_ext.pickles import restricted_load

ARRAYS = {
    'c': np.arange(6.0).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(6).reshape(2, 3)),
    'big-endian': np.arange(3, dtype='>f4'),
    'empty': np.zeros((0, 3)),
    'no axes': np.array(3.5),
    'bool': np.array([True, False]),
    'text': np.array(['ab', 'c']),
    'bytes': np.array([b'ab', b'c']),
    'objects': np.array([None, 'text', 3], dtype=object),
}


class Attack:
    """Calls a function with arguments when an ordinary reader reads it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attack(target):
    return Attack(os.system, f'{sys.executable} -c "open({str(target)!r}, chr(119))"')


def same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.shape == expected.shape
        assert found.tolist() == expected.tolist()
    else:
        assert found == expected


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('name', ARRAYS)
def test_reads_arrays(name, protocol):
    same(restricted_load(pickle.dumps(ARRAYS[name], protocol)), ARRAYS[name])


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_plain_values_and_containers(protocol):
    array = np.arange(3)
    content = {('S1', 2): [1.5, (True, None, b'\xff', b'', 'é'), {1, 2}], 'twice': [array, array]}
    found = restricted_load(pickle.dumps(content, protocol))
    assert found[('S1', 2)] == content[('S1', 2)]
    assert type(found['twice'][0]) is np.ndarray
    assert restricted_load(pickle.dumps(np.float32(2.5), protocol)) == np.float32(2.5)
    assert restricted_load(pickle.dumps(np.bool_(True), protocol)) is np.bool_(True)


def test_arrays_within_arrays_of_objects():
    outer = np.empty(2, dtype=object)
    outer[:] = [np.arange(3), [np.ones(2)]]
    found = restricted_load(pickle.dumps(outer))
    assert [type(found), type(found[0]), type(found[1][0])] == [np.ndarray] * 3
    assert found[0].tolist() == [0, 1, 2]


def nested(make, times):
    value = make([np.arange(3)])
    for _ in range(times):
        value = make([value, value])
    return value


def test_what_is_shared_is_read_once():
    found = restricted_load(pickle.dumps(nested(list, 10)))
    for _ in range(10):
        assert found[0] is found[1]
        found = found[0]
    assert found[0].tolist() == [0, 1, 2]
    assert type(found[0]) is np.ndarray


@pytest.mark.parametrize('make', [list, tuple])
def test_refuses_what_is_shared_without_end(make):
    """40 lists, each twice in the next, are small; written out they are 2**40."""
    with pytest.raises(ValueError, match='shares its parts so often'):
        restricted_load(pickle.dumps(nested(make, 40)))


def arrays_dtype(kind):
    return pickle.dumps(np.dtype(kind), 2)[2:-1]


ENCODE = b'c_codecs\nencode\nq\x02X\x40\x42\x0f\0' + b'a' * 10**6 + b'q\x03X\x06\0\0\0latin1q\x04'
BYTES = b'B\x40\x42\x0f\0' + bytes(10**6) + b'q\x62'
ARRAY = (
    b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\1b\x87R'
    b'(K\1J\x40\x42\x0f\0\x85' + arrays_dtype('i1') + b'\x89h\x62tq\x63'
)
BUFFER = (
    b'cnumpy.core.numeric\n_frombuffer\nq\x63(h\x62'
    + arrays_dtype('i1')
    + b'J\x40\x42\x0f\0\x85tq\x64'
)
SCALAR = b'cnumpy.core.multiarray\nscalar\n' + arrays_dtype('S1000000') + b'h\x62\x86'


@pytest.mark.parametrize(
    'data',
    [
        ENCODE + b'0h\2' + b'0h\2h\3h\4\x86R' * 200,
        ENCODE + b'(h\2h\3h\4o' * 200,
        BYTES + ARRAY + b'b' + b'h\x63b' * 200,
        BYTES + BUFFER + b'R' + b'h\x63h\x64R' * 200,
    ],
    ids=['encode', 'encode, OBJ', 'state of an array', '_frombuffer'],
)
def test_copies_of_what_it_holds_do_not_fill_the_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f'its {len(data) + 3} bytes would unpack to'):
            restricted_load(b'\x80\x04' + data + b'.')
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()


def test_shapes_of_huge_numbers_are_not_multiplied():
    """6 kB, whose product has six million bits."""
    number = b'\x8a\xfe' + b'\x7f' * 254
    for shape, message in (
        (number + b'0(' + b'K\1' * 33 + b't', r'shape \(1, 1'),
        (number + b'\x85', 'shape .*a whole number of 2031 bits'),
        (number + b'q\2' + b'0(' + b'h\2' * 3000 + b't', 'shape .*a whole number of 2031 bits'),
    ):
        call = b'cnumpy.core.numeric\n_frombuffer\n(C\0' + arrays_dtype('f8') + shape + b'tR'
        with pytest.raises(ValueError, match=message):
            restricted_load(b'\x80\x04' + call + b'.')


def test_a_list_bomb_in_an_array_is_not_written_out():
    array = np.empty(1, dtype=object)
    array[0] = nested(list, 40)
    part = pickle.dumps(array, 2)[2:-1]
    with pytest.raises(ValueError, match=r'type array object \(1,\)'):
        restricted_load(b'\x80\x04cnumpy.core.multiarray\nscalar\n' + part + b'\x85R.')


def test_a_byte_order_is_not_hashed():
    key = ()
    for _ in range(40):
        key = (key, key)
    lie = b'(K\3' + pickle.dumps(key, 2)[2:-1] + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb.'
    with pytest.raises(ValueError, match='array of the byte order'):
        restricted_load(b'\x80\x04cnumpy\ndtype\nU\2f4\x85R' + lie)


@pytest.mark.parametrize(
    ('target', 'codes', 'message'),
    [
        (np.zeros(2), b'K\0%ss', 'a _Array as a dict'),
        (np.zeros(2), b'(K\0%su', 'a _Array as a dict'),
        ({}, b'%sa', 'a dict as a list'),
        (bytearray(b'a'), b'(K\1e', 'a bytearray as a list'),
        ([], b'(K\1\x90', 'a list as a set'),
    ],
)
def test_refuses_to_fill_what_is_no_container(target, codes, message):
    start = pickle.dumps(target, 2)[2:-1]
    if isinstance(target, bytearray):
        start = b'\x96\1\0\0\0\0\0\0\0a'
    codes = codes % pickle.dumps(nested(list, 40), 2)[2:-1] if b'%s' in codes else codes
    with pytest.raises(ValueError, match=message):
        restricted_load(b'\x80\x05' + start + codes + b'.')


@pytest.mark.parametrize('code', [b'}%sNs.', b'(%sNd.', b'}(%sNu.', b'\x8f(%s\x90.', b'(%s\x91.'])
def test_refuses_keys_whose_hash_never_ends(code):
    """Tuples do not keep their hash: that of a tuple of the same tuples takes 2**40 steps."""
    key = ()
    for _ in range(40):
        key = (key, key)
    key = pickle.dumps(key, 2)[2:-1]
    with pytest.raises(ValueError, match=r'tuple of tuples, .* as a key'):
        restricted_load(b'\x80\x04' + code % key)


@pytest.mark.parametrize(
    'key',
    [
        b'\x8a\xfe' + b'\x7f' * 254,
        b'(\x8a\xfe' + b'\x7f' * 254 + b't',
        b'(' + b'K\1' * 33 + b't',
        b'((K\1\x91K\1\x91',
        b'((K\1\x91t',
    ],
)
def test_refuses_keys_that_are_slow_to_hash_or_compare(key):
    with pytest.raises(ValueError, match='a long one or a huge number as a key'):
        restricted_load(b'\x80\x04}' + key + b'Ns.')


@pytest.mark.parametrize(
    'data',
    [
        b'\x80\x05\x96' + (2**36).to_bytes(8, 'little') + b'.',  # BYTEARRAY8, filled with zeros
        b'\x80\x04Nr\0\0\0\x7f0.',  # LONG_BINPUT: C's unpickler would fill that many places
    ],
)
def test_a_few_bytes_do_not_fill_the_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match='Error'):
            restricted_load(data)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_reads_what_python_2_wrote():
    # protocol 2 of Python 2: a str is bytes of an array
    data = (
        b'\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R'
        b'(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff'
        b'J\xff\xff\xff\xffK\x00tb\x89U\x08\x00\x00\x80?\x00\x00\x00\xc0tb.'
    )
    assert restricted_load(data, encoding='latin1').tolist() == [1.0, -2.0]


def test_runs_nothing(tmp_path):
    target = tmp_path / 'written'
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps({'a': [np.zeros(2), attack(target)]}, protocol)
        with pytest.raises(ValueError, match=r'asks for (posix|nt)\.system'):
            restricted_load(data)
    assert not target.exists()
    pickle.loads(data)  # which an ordinary reader would have run
    assert target.exists()


@pytest.mark.parametrize('name', ['eval', 'exec', 'getattr', '__import__', 'open', 'type'])
def test_refuses_builtins(name):
    with pytest.raises(ValueError, match=rf'asks for builtins\.{name}'):
        restricted_load(f'cbuiltins\n{name}\n.'.encode())


def test_refuses_the_extension_registry():
    with pytest.raises(ValueError, match='extension code'):
        restricted_load(b'\x80\x02\x82\x01.')


def reconstructed(shape, dtype, content):
    """Pickle an array that says of itself what it likes."""

    class Lie:
        def __reduce__(self):
            array = np.zeros(1)
            function, arguments, _ = array.__reduce__()
            return function, arguments, (1, shape, dtype, False, content)

    return pickle.dumps(Lie())


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'EOFError'),
        (b'no pickle', 'UnpicklingError'),
        (pickle.dumps(np.arange(100))[:-20], 'truncated|exhausted'),
        (pickle.dumps(np.zeros(2, dtype=[('a', 'f4')])), 'type .*V4'),
        (pickle.dumps(np.datetime64('2020-01-01')), 'type .*M8'),
        # A lie about memory: more numbers than bytes, and pointers made of bytes.
        (reconstructed((1000,), np.dtype('f8'), b'\0' * 8), 'needs 8000 bytes, got 8'),
        (reconstructed((1,), np.dtype('O'), b'\0' * 8), 'objects that is not whole'),
        (reconstructed((-1,), np.dtype('f8'), b'\0' * 8), r'shape \(-1,\)'),
        (reconstructed((1,), 'f8', b'\0' * 8), "type 'f8'"),
    ],
)
def test_refuses(data, message):
    with pytest.raises(ValueError, match=message):
        restricted_load(data)


def test_a_state_after_an_array_is_checked_too():
    # Protocol 5 makes arrays whole; a second state must not get past the checks.
    data = pickle.dumps(np.zeros(1), 5)
    late = pickle.dumps((1, (1000,), None, False, b''), 5)[2:-1]
    with pytest.raises(ValueError, match='type None'):
        restricted_load(data[:2] + data[11:-1] + late + b'b.')


@pytest.mark.parametrize('state', [{'x': 1}, (None, {'__defaults__': (1,), 'x': 1})])
@pytest.mark.parametrize('part', sorted(pickles._ARRAY_PARTS))
def test_a_state_cannot_change_a_stand_in(part, state):
    """Which a later read in the same process would then call."""
    stand_in = pickles._ARRAY_PARTS[part]
    before = dict(vars(stand_in)), getattr(stand_in, '__defaults__', None)
    name = '{}\n{}\n'.format(*part).encode()
    data = b'\x80\x02c' + name + pickle.dumps(state, 2)[2:-1] + b'b.'
    with pytest.raises(ValueError, match=r'gives a state to|__setstate__'):
        restricted_load(data)
    assert (dict(vars(stand_in)), getattr(stand_in, '__defaults__', None)) == before
    same(restricted_load(pickle.dumps(ARRAYS['c'])), ARRAYS['c'])


def test_nor_can_a_state_change_what_a_caller_allows():
    class Plain:
        pass

    def function():
        return 5

    allowed = {('library', 'Plain'): Plain, ('library', 'function'): function}
    state = pickle.dumps((None, {'__defaults__': (1,), 'x': 1}), 2)[2:-1]
    for name in ('Plain', 'function'):
        with pytest.raises(ValueError, match=f'gives a state to {name}|{name}, its .* takes any'):
            restricted_load(b'\x80\x02clibrary\n' + name.encode() + b'\n' + state + b'b.', allowed)
    assert not hasattr(Plain, 'x')
    assert not hasattr(function, 'x')
    assert restricted_load(b'\x80\x02clibrary\nfunction\n)R.', allowed) == 5


def test_a_caller_may_allow_more():
    class Point:
        def __setstate__(self, state):
            self.state = state

    data = b'\x80\x02clibrary.points\nPoint\n)\x81}U\x01xK\x05sb.'
    with pytest.raises(ValueError, match=r'asks for library\.points\.Point'):
        restricted_load(data)
    found = restricted_load(data, {('library.points', 'Point'): Point})
    assert found.state == {'x': 5}
    assert pickletools.optimize(data)  # it is a whole pickle


def test_refuses_scalars_that_are_slow_to_make():
    with pytest.raises(ValueError, match='a scalar of 1000000 bytes'):
        restricted_load(b'\x80\x04' + BYTES + SCALAR + b'R.')


def test_refuses_sets_that_are_slow_to_make():
    """5 bytes could ask again and again for the set of a long list that holds one number."""
    data = b'c__builtin__\nset\nq\2(' + b'K\1' * 1000 + b'lq\3\x85q\4R' + b'h\2h\4R' * 1000
    with pytest.raises(ValueError, match='a set that has something twice'):
        restricted_load(b'\x80\x04' + data + b'.')
