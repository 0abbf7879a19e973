import numpy as np
import pytest

from mmpose_ext.npz import read_npz


def test_damaged_compression_is_told(tmp_path):
    path = tmp_path / 'labels.npz'
    np.savez_compressed(path, points=np.random.default_rng(0).normal(size=(100, 3)))
    content = bytearray(path.read_bytes())
    content[200:220] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(ValueError, match='is no npz file of plain arrays'):
        read_npz(str(path), ['points'])
