import pickle

import numpy as np
import pytest
import smplx
import torch
from smplx.vertex_ids import vertex_ids

from mmpose_ext.synthetic import build_body, write_smpl_file
from mmpose_ext.synthetic.body import SMPLX_VERTEX_IDS, named_places
from mmpose_ext.synthetic.skinning import pose_body


@pytest.fixture(scope='module')
def smpl_path(tmp_path_factory):
    path = tmp_path_factory.mktemp('body') / 'SMPL_NEUTRAL.pkl'
    write_smpl_file(path)
    return path


@pytest.fixture(scope='module')
def smpl(smpl_path):
    """As anyone loads SMPL: by folder, without vertex ids."""
    return smplx.create(str(smpl_path), model_type='smpl', batch_size=3)


def test_equals_smplx(smpl):
    rng = np.random.default_rng(0)
    betas, pose = rng.standard_normal((3, 10)), 0.5 * rng.standard_normal((3, 24, 3))
    transl = rng.standard_normal((3, 3))
    tensors = [torch.tensor(x, dtype=torch.float32) for x in (betas, pose, transl)]
    out = smpl(
        betas=tensors[0],
        global_orient=tensors[1][:, 0],
        body_pose=tensors[1][:, 1:].flatten(1),
        transl=tensors[2],
    )
    vertices, joints, _ = pose_body(build_body('full'), betas, pose, transl)
    assert out.joints.shape == (3, 45, 3)
    assert np.abs(out.vertices.detach().numpy() - vertices).max() < 1e-6
    assert np.abs(out.joints.detach().numpy()[:, :24] - joints).max() < 1e-6


def test_smplx_finds_face_fingers_and_feet(smpl):
    """The vertices that smplx picks by number are the right places of the body."""
    assert vertex_ids['smplh'] == SMPLX_VERTEX_IDS
    v = build_body('full').v_template
    places = named_places()
    for name, index in SMPLX_VERTEX_IDS.items():
        np.testing.assert_allclose(v[index], places[name], atol=1e-9, err_msg=name)
    at = {name: v[index] for name, index in SMPLX_VERTEX_IDS.items()}
    assert at['nose'][2] == max(point[2] for point in v[v[:, 1] > 0.55])
    assert at['lmiddle'][0] > at['lthumb'][0] > 0.7
    assert at['lthumb'][2] > at['lindex'][2] > at['lmiddle'][2] > at['lpinky'][2]
    assert at['LBigToe'][2] > 0.1 > 0 > at['LHeel'][2]
    assert at['LSmallToe'][0] > at['LBigToe'][0]


def test_holds_only_arrays(smpl_path):
    """A reader that allows nothing but numpy and scipy constructors can load it."""

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            assert module.split('.')[0] in ('numpy', 'scipy'), (module, name)
            return super().find_class(module, name)

    with smpl_path.open('rb') as stream:
        content = Reader(stream).load()
    assert content['J_regressor'].shape == (24, 6890)
    assert content['J_regressor_h36m'].shape == (17, 6890)
    assert content['kintree_table'].shape == (2, 24)
    assert content['posedirs'].shape == (6890, 3, 207)


def test_npz(tmp_path):
    path = tmp_path / 'body.npz'
    write_smpl_file(path, build_body('coarse'))
    with np.load(path) as content:
        np.testing.assert_array_equal(content['f'], build_body('coarse').faces)
    assert [p.name for p in tmp_path.iterdir()] == ['body.npz']


def test_refuses_other_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"\.pkl or an \.npz, got 'body.json'"):
        write_smpl_file(tmp_path / 'body.json')
