import numpy as np
import pytest

from mmpose_ext.models.body_models.joint_sets import joint_set
from mmpose_ext.models.body_models.model_file import body_arrays
from mmpose_ext.skeletons import human36m18, lsp14
from mmpose_ext.synthetic.body import SMPLX_VERTEX_IDS, build_body
from mmpose_ext.synthetic.skeleton import COCO_MIXTURE, COCO_NAMES, H36M_MIXTURE
from mmpose_ext.synthetic.skinning import pose_body

SPIN = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]


@pytest.fixture(scope='module')
def posed():
    """Two posed bodies of the coarse mannequin: vertices, joints and the landmarks."""
    body, random = build_body('coarse'), np.random.default_rng(0)
    vertices, joints, _ = pose_body(
        body,
        random.normal(size=(2, 10)),
        random.normal(size=(2, 24, 3)) * 0.4,
        random.normal(size=(2, 3)),
    )
    return vertices, joints, vertices[:, body.landmark_ids]


@pytest.fixture
def plain():
    """A body as SMPL's own files are: without any regressor but its own."""
    arrays = body_arrays('mannequin')
    return {key: arrays[key] for key in arrays if not key.endswith(('h36m', 'coco'))}


def regress(joints, vertices, smpl_joints):
    of_vertices = 0 if joints.vertex_weights is None else joints.vertex_weights @ vertices
    of_joints = 0 if joints.joint_weights is None else joints.joint_weights @ smpl_joints
    return of_vertices + of_joints


@pytest.mark.parametrize(('name', 'mixture'), [('h36m17', H36M_MIXTURE), ('coco17', COCO_MIXTURE)])
def test_mannequins_give_their_labels_exactly(posed, name, mixture):
    vertices, smpl_joints, landmarks = posed
    found = regress(joint_set(name, body_arrays('mannequin-coarse')), vertices, smpl_joints)
    expected = mixture @ np.concatenate([smpl_joints, landmarks], 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_smpl24_are_the_joints(posed):
    joints = joint_set('smpl24', {})
    np.testing.assert_array_equal(regress(joints, *posed[:2]), posed[1])
    assert joints.names[:2] == ('pelvis', 'left_hip')


def test_the_thorax_is_between_the_shoulders(posed):
    arrays = body_arrays('mannequin-coarse')
    h36m18 = regress(joint_set('h36m18', arrays), *posed[:2])
    np.testing.assert_allclose(h36m18[:, 17], h36m18[:, [11, 14]].mean(1), atol=1e-12)
    np.testing.assert_allclose(
        h36m18[:, :17], regress(joint_set('h36m17', arrays), *posed[:2]), atol=1e-12
    )
    assert joint_set('h36m18', arrays).names == human36m18.NAMES


def test_lsp14_are_the_joints_of_the_same_names(posed):
    arrays = body_arrays('mannequin-coarse')
    h36m18 = regress(joint_set('h36m18', arrays), *posed[:2])
    joints = joint_set('lsp14', arrays)
    assert joints.names == lsp14.NAMES
    rows = [human36m18.NAMES.index(name) for name in lsp14.NAMES]
    np.testing.assert_array_equal(regress(joints, *posed[:2]), h36m18[:, rows])


@pytest.mark.parametrize('save', ['array', '.npy', '.npz'])
@pytest.mark.parametrize('order', ['mmpose', 'spin'])
def test_regressors_of_both_orders(plain, tmp_path, order, save):
    weights = body_arrays('mannequin')['J_regressor_h36m']
    regressor = weights[SPIN] if order == 'spin' else weights
    if save != 'array':
        path = tmp_path / f'J_regressor_h36m{save}'
        if save == '.npy':
            np.save(path, regressor)
        else:
            np.savez(path, J_regressor_h36m=regressor)
        regressor = path
    joints = joint_set('h36m17', plain, regressor, order)
    np.testing.assert_array_equal(joints.vertex_weights, weights)
    assert joints.joint_weights is None


@pytest.mark.parametrize(('order', 'actual'), [('mmpose', 'spin'), ('spin', 'mmpose')])
def test_refuses_the_other_order(plain, order, actual):
    weights = body_arrays('mannequin')['J_regressor_h36m']
    regressor = weights[SPIN] if actual == 'spin' else weights
    with pytest.raises(ValueError, match=f"order is '{actual}', got '{order}'; give regressor_ord"):
        joint_set('h36m18', plain, regressor, order)


def test_refuses_a_regressor_of_another_body(plain):
    other = body_arrays('mannequin-coarse')['J_regressor_h36m']
    with pytest.raises(ValueError, match=r'shape \(17, 6890\), got .*another body model'):
        joint_set('h36m17', plain, other)


def test_refuses_other_joints(plain):
    weights = body_arrays('mannequin')['J_regressor_h36m']
    with pytest.raises(ValueError, match=r"not Human3\.6M's 17 joints"):
        joint_set('h36m17', plain, weights[::-1])
    with pytest.raises(ValueError, match='finite numbers'):
        joint_set('h36m17', plain, np.where(weights > 0.5, np.nan, weights))


def test_files_that_are_no_regressor(plain, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no joint regressor .*none\.npy'):
        joint_set('h36m17', plain, tmp_path / 'none.npy')
    (tmp_path / 'text.npy').write_text('1 2 3')
    with pytest.raises(ValueError, match=r'text\.npy is no joint regressor'):
        joint_set('h36m17', plain, tmp_path / 'text.npy')
    np.savez(tmp_path / 'other.npz', a=np.zeros(3))
    with pytest.raises(ValueError, match=r'has no J_regressor_h36m; it should be a joint'):
        joint_set('h36m17', plain, tmp_path / 'other.npz')
    np.save(tmp_path / 'objects.npy', np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r'objects\.npy is no joint regressor'):
        joint_set('h36m17', plain, tmp_path / 'objects.npy')


def test_a_body_without_regressor_says_what_it_needs(plain):
    with pytest.raises(ValueError, match=r'joint_regressor= a file J_regressor_h36m\.npy'):
        joint_set('h36m18', plain)


def test_coco_of_plain_smpl_takes_the_face_from_vertices(plain):
    # The mannequin's vertices of those numbers are the points that its own mixture takes.
    found = joint_set('coco17', plain)
    mixed = joint_set('coco17', body_arrays('mannequin'))
    np.testing.assert_array_equal(found.vertex_weights, mixed.vertex_weights)
    np.testing.assert_array_equal(found.joint_weights, mixed.joint_weights)
    assert found.vertex_weights[COCO_NAMES.index('left_eye'), SMPLX_VERTEX_IDS['leye']] == 1


def test_coco_of_other_bodies(plain):
    coarse = body_arrays('mannequin-coarse')
    without = {key: coarse[key] for key in coarse if not key.endswith(('mixture_coco', 'r_coco'))}
    with pytest.raises(ValueError, match='give its file a J_regressor_coco'):
        joint_set('coco17', without)
    joints = joint_set('coco17', {**without, 'J_regressor_coco': coarse['J_regressor_coco']})
    np.testing.assert_array_equal(joints.vertex_weights, coarse['J_regressor_coco'])


def test_refuses_names_and_broken_mixtures():
    arrays = body_arrays('mannequin-coarse')
    with pytest.raises(ValueError, match=r"joints should be one of .*got 'body25'"):
        joint_set('body25', arrays)
    with pytest.raises(ValueError, match=r"order of the regressor .*got 'left'"):
        joint_set('h36m17', arrays, order='left')
    broken = {**arrays, 'vertex_mixture_h36m': np.zeros((17, 5))}
    with pytest.raises(ValueError, match=r'vertex_mixture_h36m .*got \(17, 5\)'):
        joint_set('h36m17', broken)
