import copy

import numpy as np
import pytest
import smplx
import torch
from mmpose.registry import MODELS
from smplx.utils import Struct

from mmpose_ext.models.body_models import SMPLBody
from mmpose_ext.models.body_models.model_file import body_arrays
from mmpose_ext.models.body_models.rotations import (
    SMPL_FLIP_INDICES,
    axis_angle_to_matrix,
    mirror_smpl_pose,
)
from mmpose_ext.skeletons import human36m18
from mmpose_ext.synthetic.body import build_body
from mmpose_ext.synthetic.skeleton import H36M_MIXTURE
from mmpose_ext.synthetic.skinning import pose_body
from mmpose_ext.synthetic.smpl_file import write_smpl_file


@pytest.fixture(scope='module')
def body():
    return SMPLBody('mannequin-coarse')


def parameters(batch=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    vectors = 0.4 * torch.randn(batch, 24, 3, generator=generator)
    return (
        vectors,
        torch.randn(batch, 10, generator=generator),
        torch.randn(batch, 3, generator=generator),
    )


def pose(body, vectors, betas, transl=None):
    rotations = axis_angle_to_matrix(vectors)
    return body(rotations[:, :1], rotations[:, 1:], betas, transl)


def smplx_layer(arrays):
    return smplx.SMPLLayer('', data_struct=Struct(**arrays))


@pytest.mark.parametrize('batch', [1, 5])
def test_is_what_smplx_gives(batch):
    body, layer = SMPLBody('mannequin'), smplx_layer(body_arrays('mannequin'))
    vectors, betas, transl = parameters(batch)
    rotations = axis_angle_to_matrix(vectors).requires_grad_()
    ours = body(rotations[:, 0], rotations[:, 1:], betas, transl)
    gradient = torch.autograd.grad(ours.vertices.square().sum(), rotations)[0]
    theirs = layer(
        global_orient=rotations[:, :1], body_pose=rotations[:, 1:], betas=betas, transl=transl
    )
    expected = torch.autograd.grad(theirs.vertices.square().sum(), rotations)[0]
    torch.testing.assert_close(ours.vertices, theirs.vertices, atol=2e-6, rtol=0)
    torch.testing.assert_close(ours.smpl_joints, theirs.joints[:, :24], atol=2e-6, rtol=0)
    torch.testing.assert_close(gradient, expected, atol=1e-5 * expected.abs().max(), rtol=0)


def test_gives_the_labels_of_mannequins(body):
    vectors, betas, transl = parameters()
    output = pose(body, vectors, betas, transl)
    model = build_body('coarse')
    vertices, joints, _ = pose_body(model, betas.numpy(), vectors.numpy(), transl.numpy())
    labels = H36M_MIXTURE @ np.concatenate([joints, vertices[:, model.landmark_ids]], 1)
    np.testing.assert_allclose(output.vertices, vertices, atol=2e-6)
    np.testing.assert_allclose(output.smpl_joints, joints, atol=2e-6)
    np.testing.assert_allclose(output.joints[:, :17], labels, atol=2e-6)


@pytest.mark.parametrize(
    ('joints', 'number'),
    [('smpl24', 24), ('h36m17', 17), ('h36m18', 18), ('coco17', 17), ('lsp14', 14)],
)
def test_shapes(joints, number):
    body = SMPLBody('mannequin-coarse', joints=joints)
    output = pose(body, *parameters(2))
    assert output.vertices.shape == (2, body.num_vertices, 3)
    assert output.smpl_joints.shape == (2, 24, 3)
    assert output.joints.shape == (2, number, 3)
    assert body.num_joints == number
    assert body.faces.dtype == np.int64
    assert body.faces.max() == body.num_vertices - 1


def test_an_empty_batch(body):
    empty = torch.zeros(0, 24, 3)
    assert pose(body, empty, torch.zeros(0, 10)).joints.shape == (0, 18, 3)


def test_the_mirrored_pose_is_the_mirrored_person(body):
    rotations, betas = axis_angle_to_matrix(parameters()[0]), parameters()[1]
    output = body(rotations[:, :1], rotations[:, 1:], betas)
    mirrored = mirror_smpl_pose(rotations)
    found = body(mirrored[:, :1], mirrored[:, 1:], betas)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    smpl = output.smpl_joints[:, list(SMPL_FLIP_INDICES)] * flip
    torch.testing.assert_close(found.smpl_joints, smpl, atol=1e-5, rtol=0)
    joints = output.joints[:, list(human36m18.FLIP_INDICES)] * flip
    torch.testing.assert_close(found.joints, joints, atol=1e-5, rtol=0)


def test_checkpoints_hold_nothing_of_a_body(body):
    assert not body.state_dict()
    assert not list(body.parameters())
    assert SMPLBody('mannequin-coarse').load_state_dict({}, strict=True)


def test_gradients(body):
    exact = copy.deepcopy(body).double()
    vectors, betas, transl = (tensor[:1].double() for tensor in parameters())
    inputs = [tensor.requires_grad_() for tensor in (vectors, betas, transl)]
    assert torch.autograd.gradcheck(lambda *args: pose(exact, *args)[1:], inputs, fast_mode=True)


def test_autocast_changes_nothing(body):
    vectors, betas, transl = parameters()
    rotations = axis_angle_to_matrix(vectors)
    expected = body(rotations[:, :1], rotations[:, 1:], betas, transl)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = body(rotations[:, :1], rotations[:, 1:], betas, transl)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


def test_a_config_builds_it():
    body = MODELS.build(dict(type='SMPLBody', model_path='mannequin-coarse', num_betas=4))
    assert isinstance(body, SMPLBody)
    wide = SMPLBody('mannequin-coarse')
    vectors, betas, _ = parameters()
    few = torch.nn.functional.pad(betas[:, :4], (0, 6))
    torch.testing.assert_close(pose(body, vectors, betas[:, :4])[0], pose(wide, vectors, few)[0])


@pytest.mark.parametrize('suffix', ['.npz', '.pkl'])
def test_reads_files_and_folders(body, tmp_path, suffix):
    write_smpl_file(tmp_path / f'SMPL_NEUTRAL{suffix}', build_body('coarse'))
    expected = pose(body, *parameters())
    for path in (tmp_path, tmp_path / f'SMPL_NEUTRAL{suffix}'):
        found = pose(SMPLBody(path), *parameters())
        assert torch.equal(found.joints, expected.joints)
        assert torch.equal(found.vertices, expected.vertices)


def with_fingers(model_type):
    """The mannequin with SMPL-H's or SMPL-X's joints; what SMPL calls hands are finger roots."""
    arrays = dict(body_arrays('mannequin-coarse'))
    number, hands = {'smplh': (52, (25, 40)), 'smplx': (55, (28, 43))}[model_type]
    fingers = (number - 15 - 15, number - 15)  # the first joint of either hand
    rows = [*range(22), *hands]
    parents = np.zeros(number, dtype=np.int64)
    parents[:22] = arrays['kintree_table'][0, :22]
    parents[22:] = 15
    parents[fingers[0] : fingers[1]], parents[fingers[1] :] = 20, 21
    for key, axis in (('weights', 1), ('J_regressor', 0)):
        shape = list(arrays[key].shape)
        shape[axis] = number
        wide = np.zeros(shape)
        wide[(slice(None),) * axis + (rows,)] = arrays[key]
        arrays[key] = wide
    posedirs = np.zeros((*arrays['v_template'].shape, number - 1, 9))
    posedirs[:, :, :21] = arrays['posedirs'].reshape(*posedirs.shape[:2], 23, 9)[:, :, :21]
    arrays['posedirs'] = posedirs.reshape(*posedirs.shape[:2], -1)
    arrays['kintree_table'] = np.stack([parents, np.arange(number)])
    return arrays


@pytest.mark.parametrize('model_type', ['smplh', 'smplx'])
def test_models_with_fingers(body, tmp_path, model_type):
    np.savez(tmp_path / f'{model_type.upper()}_NEUTRAL.npz', **with_fingers(model_type))
    other = SMPLBody(tmp_path, model_type=model_type)
    vectors, betas, transl = parameters()
    vectors[:, 22:] = 0  # hands at rest
    expected = pose(body, vectors, betas, transl)
    rotations = axis_angle_to_matrix(vectors)
    for count in (21, 23):
        found = other(rotations[:, :1], rotations[:, 1 : count + 1], betas, transl)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    with pytest.raises(ValueError, match="joints, model_type='smpl' has 24"):
        SMPLBody(tmp_path / f'{model_type.upper()}_NEUTRAL.npz')


@pytest.mark.parametrize('name', ['global_orient', 'body_pose', 'betas', 'transl'])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_refuses_parameters_that_are_not_finite(name, value):
    body = SMPLBody('mannequin-coarse')
    rotations = axis_angle_to_matrix(parameters()[0])
    given = dict(
        global_orient=rotations[:, :1].clone(),
        body_pose=rotations[:, 1:].clone(),
        betas=parameters()[1],
        transl=parameters()[2],
    )
    given[name].view(-1)[1] = value
    with pytest.raises(ValueError, match=f'{name} of the body should be finite'):
        body(**given)
    body.train()  # where the loss says it, and nothing waits
    assert not body(**given).vertices.isfinite().all()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(body_pose=torch.zeros(3, 21, 3, 3)), r'body_pose .*\(3, 23, 3, 3\), got \(3, 21'),
        (dict(body_pose=torch.zeros(3, 69)), r'body_pose .*got \(3, 69\)'),
        (dict(global_orient=torch.zeros(3, 3)), r'global_orient .*got \(3, 3\)'),
        (dict(betas=torch.zeros(3, 11)), r'betas .*\(3, 10\), got \(3, 11\)'),
        (dict(transl=torch.zeros(1, 3)), r'transl .*\(3, 3\), got \(1, 3\)'),
    ],
)
def test_refuses_shapes(body, change, message):
    rotations = axis_angle_to_matrix(parameters()[0])
    given = dict(global_orient=rotations[:, :1], body_pose=rotations[:, 1:], betas=parameters()[1])
    with pytest.raises(ValueError, match=message):
        body(**{**given, **change})


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(model_path='none.pkl'), FileNotFoundError, r"none\.pkl.*'mannequin' needs no file"),
        (dict(model_type='flame'), ValueError, "model_type .*got 'flame'"),
        (dict(num_betas=11), ValueError, r'num_betas should be 1\.\.10 .*got 11'),
        (dict(num_betas=0), ValueError, 'num_betas .*got 0'),
        (dict(joints='body25'), ValueError, "joints .*got 'body25'"),
    ],
)
def test_refuses_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        SMPLBody(**{'model_path': 'mannequin-coarse', **arguments})
