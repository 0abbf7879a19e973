import numpy as np
import pytest

from mmpose_ext.flow_file import read_flow, write_flow


def field(height=6, width=10):
    return np.random.default_rng(0).normal(0, 20, (2, height, width)).astype(np.float32)


def test_round_trip_cuts_to_hundredths(tmp_path):
    """Golden case 31."""
    flow = field()
    flow[0, 0, :2] = 1.239, -1.239
    write_flow(tmp_path / 'flow0000.npz', flow)
    read = read_flow(tmp_path / 'flow0000.npz')
    assert list(read) == ['flow']
    assert read['flow'].dtype == np.float32
    assert read['flow'][0, 0, :2].tolist() == pytest.approx([1.23, -1.23], abs=1e-6)
    assert np.abs(read['flow'] - flow).max() < 0.01
    assert (np.abs(read['flow']) <= np.abs(flow) + 1e-5).all()


def test_what_is_read_is_written_as_it_was(tmp_path):
    """For all values that a file can hold: nothing drifts to 0 from copy to copy."""
    steps = np.arange(-32767, 32768, dtype=np.int16)[None, None].repeat(2, axis=0)
    np.savez(tmp_path / 'first.npz', flow=steps)
    write_flow(tmp_path / 'second.npz', read_flow(tmp_path / 'first.npz')['flow'])
    assert np.array_equal(np.load(tmp_path / 'second.npz')['flow'], steps)


def test_body_and_same_bytes(tmp_path):
    flow, body = field(), field()[0] > 0
    for name in ('a.npz', 'b.npz'):
        write_flow(tmp_path / 'deeper' / name, flow, body)
    files = sorted((tmp_path / 'deeper').iterdir())
    assert [file.name for file in files] == ['a.npz', 'b.npz']
    assert files[0].read_bytes() == files[1].read_bytes()
    read = read_flow(files[0])
    assert read['body'].dtype == bool
    assert np.array_equal(read['body'], body)


@pytest.mark.parametrize(
    ('flow', 'match'),
    [
        (np.full((2, 4, 4), np.nan), 'finite and within 327.67 px, got up to nan'),
        (np.full((2, 4, 4), -327.69), 'within 327.67 px, got up to 327.69'),
        (np.full((2, 4, 4), np.inf), 'finite'),
        (np.zeros((3, 4, 4)), r'a flow is \(2, H, W\), got \(3, 4, 4\)'),
        (np.zeros((2, 4)), r'a flow is \(2, H, W\)'),
    ],
)
def test_refuses_to_write(tmp_path, flow, match):
    with pytest.raises(ValueError, match=match):
        write_flow(tmp_path / 'x.npz', flow)
    assert not list(tmp_path.iterdir())


def test_refuses_a_body_of_another_size(tmp_path):
    with pytest.raises(ValueError, match=r'size of the flow, \(6, 10\), got \(5, 10\)'):
        write_flow(tmp_path / 'x.npz', field(), np.ones((5, 10)))


@pytest.mark.parametrize(
    'arrays',
    [
        dict(flow=np.zeros((2, 4, 4))),
        dict(flow=np.zeros((4, 4, 2), np.int16)),
        dict(flow=np.zeros((2, 4, 4), np.int16), body=np.ones((4, 4), np.uint8)),
        dict(flow=np.zeros((2, 4, 4), np.int16), body=np.ones((3, 4), bool)),
        dict(u=np.zeros((2, 4, 4), np.int16)),
        dict(flow=np.array([{}], dtype=object)),
    ],
)
def test_refuses_other_files(tmp_path, arrays):
    np.savez(tmp_path / 'x.npz', **arrays)
    with pytest.raises(ValueError, match=r'x\.npz.*it should be a flow'):
        read_flow(tmp_path / 'x.npz')


def test_refuses_a_damaged_file(tmp_path):
    write_flow(tmp_path / 'x.npz', field())
    whole = (tmp_path / 'x.npz').read_bytes()
    (tmp_path / 'x.npz').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match='is no npz file'):
        read_flow(tmp_path / 'x.npz')
    with pytest.raises(FileNotFoundError, match='nothing'):
        read_flow(tmp_path / 'nothing.npz')
