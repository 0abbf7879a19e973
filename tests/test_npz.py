import io
import zipfile

import numpy as np
import pytest

from mmpose_ext.models.body_models.model_file import read_model_file
from mmpose_ext.npz import read_npy, read_npz


def test_damaged_compression_is_told(tmp_path):
    path = tmp_path / 'labels.npz'
    np.savez_compressed(path, points=np.random.default_rng(0).normal(size=(100, 3)))
    content = bytearray(path.read_bytes())
    content[200:220] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(ValueError, match='is no npz file of plain arrays'):
        read_npz(str(path), ['points'])


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize('name', ['points', 'other'])
def test_refuses_other_compressions(tmp_path, method, name):
    """zipfile bounds what it unpacks at once only in deflate."""
    path = tmp_path / 'bomb.npz'
    with io.BytesIO() as file:
        np.save(file, np.zeros(3))
        points = file.getvalue()
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('points.npy', points, method if name == 'points' else zipfile.ZIP_STORED)
        archive.writestr('other.npy', bytes(1000), method)
    with pytest.raises(ValueError, match=r'bomb\.npz .*by another method than deflate'):
        read_npz(str(path), ['points'])
    with pytest.raises(ValueError, match=r'bomb\.npz .*by another method than deflate'):
        read_model_file(path)


def test_the_other_suffix_is_told(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(3))
    (tmp_path / 'a.npy').rename(tmp_path / 'a.npz')
    with pytest.raises(ValueError, match=r'a\.npz is no .*a npy file: give it the suffix \.npy'):
        read_npz(str(tmp_path / 'a.npz'), ['a'])
    np.savez(tmp_path / 'b.npz', a=np.arange(3))
    (tmp_path / 'b.npz').rename(tmp_path / 'b.npy')
    with pytest.raises(ValueError, match=r'b\.npy is no .*an npz file: give it the suffix \.npz'):
        read_npy(tmp_path / 'b.npy', 'matrix')


def test_a_directory_is_looked_through_once(tmp_path, monkeypatch):
    """Its length times the number of its members is a hang of few megabytes."""
    path, looks = tmp_path / 'many.npz', []
    np.savez(path, **{f'a{k}': np.arange(k) for k in range(50)})
    infolist = zipfile.ZipFile.infolist
    monkeypatch.setattr(
        zipfile.ZipFile, 'infolist', lambda self: [looks.append(1), infolist(self)][1]
    )
    found = read_npz(str(path), [f'a{k}' for k in range(50)])
    assert [len(found[f'a{k}']) for k in range(50)] == list(range(50))
    with pytest.raises(ValueError, match=r'many\.npz is no body model'):
        read_model_file(path)
    assert len(looks) == 2
