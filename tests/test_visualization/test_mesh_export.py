import sys

import numpy as np
import pytest
import trimesh
from meshes import ball

from mmpose_ext.visualization import export_mesh


@pytest.mark.parametrize('suffix', ['glb', 'obj', 'ply'])
def test_round_trip(tmp_path, suffix):
    vertices, faces = ball(0.4, (0.1, 0.7, 3.0))
    # A vertex in two places: seams must survive.
    vertices, faces = np.concatenate((vertices, vertices[:1])), faces.copy()
    faces[faces == 0] = (np.arange((faces == 0).sum()) % 2) * (len(vertices) - 1)
    path = tmp_path / f'new/ball.{suffix}'
    export_mesh(path, vertices, faces)
    mesh = trimesh.load_mesh(path, process=False)
    assert np.allclose(mesh.vertices, vertices * (1, -1, -1), atol=1e-6)
    assert (np.asarray(mesh.faces) == faces).all()
    # Not inside out: half a turn is no mirror.
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.02)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_several_bodies_are_one_mesh(tmp_path):
    vertices, faces = ball()
    export_mesh(tmp_path / 'two.glb', np.stack((vertices, vertices + 2)), faces)
    mesh = trimesh.load(tmp_path / 'two.glb', force='mesh', process=False)
    assert mesh.vertices.shape == (2 * len(vertices), 3)
    assert len(mesh.split()) == 2


def test_same_mesh_same_file(tmp_path):
    for name in ('a.glb', 'b.glb'):
        export_mesh(tmp_path / name, *ball())
    assert (tmp_path / 'a.glb').read_bytes() == (tmp_path / 'b.glb').read_bytes()


def test_refuses(tmp_path, monkeypatch):
    vertices, faces = ball()
    with pytest.raises(ValueError, match=r"\.glb, \.obj, \.ply, got 'x\.fbx'"):
        export_mesh(tmp_path / 'x.fbx', vertices, faces)
    with pytest.raises(ValueError, match='NaN'):
        export_mesh(tmp_path / 'x.glb', vertices * np.nan, faces)
    monkeypatch.setitem(sys.modules, 'trimesh', None)
    with pytest.raises(ImportError, match=r'mmpose_ext\[mesh\]'):
        export_mesh(tmp_path / 'x.glb', vertices, faces)
    assert not list(tmp_path.iterdir())
