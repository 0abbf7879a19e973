"""From an image to bodies and files, with a small PoSh network of random weights."""

import json

import cv2
import numpy as np
import pytest
import torch
import trimesh
from mmpose.apis import init_model
from small_posh import save_posh

from mmpose_ext.apis import draw_meshes, infer_meshes, load_mesh_model, write_meshes
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix


@pytest.fixture(scope='module')
def files(mannequins, tmp_path_factory):
    return save_posh(tmp_path_factory.mktemp('posh'), mannequins)


@pytest.fixture(scope='module')
def model(files):
    return load_mesh_model(*files)


@pytest.fixture(scope='module')
def photo(mannequins):
    return cv2.imread(str(sorted((mannequins / 'images').rglob('*.jpg'))[0]))


def test_parameters_are_those_of_the_vertices(model, photo):
    (person,) = infer_meshes(model, photo)
    pose = np.concatenate((person.global_orient, person.body_pose)).reshape(1, 24, 3)
    matrices = axis_angle_to_matrix(torch.from_numpy(pose).float())
    betas, transl = (torch.from_numpy(x)[None].float() for x in (person.betas, person.transl))
    output = model.head.body_model(matrices[:, :1], matrices[:, 1:], betas, transl)
    assert np.allclose(output.vertices[0], person.vertices, atol=1e-4)
    assert np.allclose(output.joints[0], person.smpl_joints, atol=1e-4)
    assert person.faces.max() == len(person.vertices) - 1
    assert person.keypoints.shape == person.joints.shape == (18, 3)
    assert (person.joints[0] == 0).all()


def test_the_whole_image_is_the_default(model, photo):
    H, W = photo.shape[:2]
    (whole,), (same,) = infer_meshes(model, photo), infer_meshes(model, photo, [(0, 0, W, H)])
    assert whole.box.tolist() == [0, 0, W, H]
    assert (whole.vertices == same.vertices).all()
    # Half the box with twice the padding is the same crop.
    half = [(W / 4, H / 4, 3 * W / 4, 3 * H / 4)]
    (padded,) = infer_meshes(model, photo, half, padding=2.0)
    assert np.allclose(padded.vertices, whole.vertices, atol=1e-5)


def test_boxes_are_people(model, photo):
    boxes = [(10, 20, 100, 110), (40, 10, 80, 50)]
    people = infer_meshes(model, photo, boxes)
    assert [person.box.tolist() for person in people] == [list(box) for box in boxes]
    assert people[0].crop.scale.tolist() == pytest.approx([90, 90])
    # A smaller crop of what is 2 m wide is farther away.
    assert people[1].transl[2] > 1.5 * people[0].transl[2]


def test_the_focal_length_changes_the_distance_only(model, photo):
    K = np.array([[100.0, 0, 60], [0, 100, 60], [0, 0, 1]])
    far = K * ((2,), (2,), (1,)) - ((0, 0, 60), (0, 0, 60), (0, 0, 0))
    (near,), (farther,) = infer_meshes(model, photo, K=K), infer_meshes(model, photo, K=far)
    assert farther.transl[2] == pytest.approx(2 * near.transl[2], rel=1e-5)
    assert np.allclose(near.body_pose, farther.body_pose)
    assert (far == farther.K).all()


def joint_distance(person):
    body = 1000 * (person.smpl_joints - person.smpl_joints[0])
    return np.linalg.norm(body - person.joints, axis=1).mean()


def test_refinement_brings_the_body_to_the_joints(model, photo):
    before = model.test_cfg
    (plain,), (fitted,) = infer_meshes(model, photo), infer_meshes(model, photo, refine=True)
    assert joint_distance(fitted) < joint_distance(plain)
    assert model.test_cfg is before


def test_files(model, photo, tmp_path):
    people = infer_meshes(model, photo, [(0, 0, 128, 128), (30, 30, 90, 90)])
    body, meta = model.head.body_model, model.dataset_meta
    out = tmp_path / 'new/out'
    files = write_meshes(out, 'x', photo, people, body, meta, formats=['glb', 'ply'])
    assert sorted(files) == sorted(out.iterdir())
    names = ['x.json', 'x_overlay.jpg']
    names += [f'x_person{n}.{kind}' for n in range(2) for kind in ('glb', 'ply')]
    assert sorted(path.name for path in files) == sorted(names)
    told = json.loads((out / 'x.json').read_text())
    assert told['body_model'] == 'mannequin-coarse'
    assert told['image'] == dict(width=photo.shape[1], height=photo.shape[0])
    assert np.allclose(told['people'][1]['transl'], people[1].transl)
    assert len(told['people'][0]['body_pose']) == 69
    mesh = trimesh.load_mesh(out / 'x_person1.ply', process=False)
    assert np.allclose(mesh.vertices, people[1].vertices * (1, -1, -1), atol=1e-5)
    sheet = cv2.imread(str(out / 'x_overlay.jpg'))
    # The photograph, titles, a row of four pictures for each, the note.
    assert sheet.shape == (4 + 768 + 26 + 2 * 260 + 4 + 26, 4 * 260 + 4, 3)


@pytest.mark.parametrize('shape', [(60, 200, 3), (300, 50, 3)])
def test_draws_photographs_of_any_shape(model, shape):
    photo = np.full(shape, 90, np.uint8)
    people = infer_meshes(model, photo)
    sheet = draw_meshes(photo, people, model.head.body_model, model.dataset_meta, cell=64)
    assert sheet.shape[1] == 4 * 68 + 4
    # All of the photograph is there.
    gray = (sheet[4:-124] == 90).all(-1)
    rows, columns = np.nonzero(gray)
    aspect = (columns.max() - columns.min() + 1) / (rows.max() - rows.min() + 1)
    assert aspect == pytest.approx(shape[1] / shape[0], rel=0.05)


def test_refuses(model, photo, tmp_path, files):
    for arguments, message in (
        (dict(boxes=[(0, 0, 10)]), r'\(N, 4\)'),
        (dict(boxes=[]), r'\(N, 4\)'),
        (dict(boxes=[(10, 0, 10, 9)]), 'x1 < x2'),
        (dict(boxes=[(0, 0, np.nan, 9)]), 'x1 < x2'),
        (dict(boxes=[(500, 0, 600, 9)]), 'outside the picture of 128 x 128'),
        (dict(padding=0), 'from 0.5 to 4, got 0'),
        (dict(K=np.zeros((3, 3))), 'positive focal'),
    ):
        with pytest.raises(ValueError, match=message):
            infer_meshes(model, photo, **arguments)
    with pytest.raises(ValueError, match='uint8'):
        infer_meshes(model, photo.astype(float))
    (tmp_path / 'x.jpg').write_text('no image')
    for name in ('x.jpg', 'y.jpg'):
        with pytest.raises(FileNotFoundError, match=name):
            infer_meshes(model, tmp_path / name)
    with pytest.raises(ValueError, match=r"got \['fbx'\]"):
        write_meshes(tmp_path, 'x', photo, [], None, {}, formats=['fbx'])
    with pytest.raises(ValueError, match='nobody'):
        write_meshes(tmp_path, 'x', photo, [], None, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ['x.jpg']


def test_a_model_without_a_body_is_refused(root, photo):
    config = root / 'configs/hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py'
    with pytest.raises(ValueError, match='such as PoShHead'):
        infer_meshes(init_model(str(config), device='cpu'), photo)
