import numpy as np
import pytest
import torch
from meshes import body_prediction
from mmpose.structures import merge_data_samples
from persons import CENTER, FOCAL, SIZE, prediction

from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.mesh_person import (
    camera_of,
    default_camera,
    predicted_mesh,
    true_mesh,
)


@pytest.fixture(scope='module')
def body(displaced_body):
    return SMPLBody(displaced_body)


def project(points, K):
    return points[:, :2] / points[:, 2:] * np.diag(K)[:2] + K[:2, 2]


def test_a_body_falls_on_its_weak_perspective_picture(body):
    sample = body_prediction()
    # So far away that perspective hardly matters.
    K = np.array([[30000.0, 0, 100], [0, 30000, 80], [0, 0, 1]])
    person = predicted_mesh(sample, body, K)
    pose, betas, camera = (
        torch.from_numpy(sample.pred_instances.get(f'smpl_{name}'))
        for name in ('pose', 'betas', 'camera')
    )
    output = body(pose[:, :1], pose[:, 1:], betas)
    raw = (output.vertices - output.joints[:, :1])[0].numpy()
    assert output.joints[0, 0].norm() > 0.2
    (s, tx, ty) = camera[0].tolist()
    half = sample.input_scale / 2
    expected = sample.input_center + half * s * (raw[:, :2] + (tx, ty))
    assert np.abs(project(person.vertices, K) - expected).max() < 0.2
    assert person.joints[0, 2] == pytest.approx(30000 / (half[0] * s), rel=1e-4)
    assert person.vertices == pytest.approx(raw + person.joints[0], abs=2e-3)


def test_translation_is_that_of_smplx(body):
    sample = body_prediction()
    person = predicted_mesh(sample, body, camera_of(sample, SIZE))
    pose, betas = (
        torch.from_numpy(sample.pred_instances.get(f'smpl_{name}')) for name in ('pose', 'betas')
    )
    again = body(pose[:, :1], pose[:, 1:], betas, torch.from_numpy(person.transl)[None].float())
    assert np.allclose(person.vertices, again.vertices[0], atol=1e-5)
    assert np.allclose(person.joints, again.joints[0], atol=1e-5)


def test_cameras():
    assert default_camera((200, 160)).tolist() == [[200, 0, 99.5], [0, 200, 79.5], [0, 0, 1]]
    sample = prediction()
    K = camera_of(sample, SIZE)
    assert np.diag(K)[:2].tolist() == FOCAL.tolist()
    assert K[:2, 2].tolist() == CENTER.tolist()
    sample.pop('focal')
    assert (camera_of(sample, SIZE) == default_camera(SIZE)).all()


def test_the_truth_stands_on_its_pelvis(body):
    sample = body_prediction()
    person = true_mesh(sample, body)
    assert person.placed
    assert np.allclose(person.joints[0], sample.gt_instances.lifting_target[0, 0], atol=1e-5)
    # The same parameters as the prediction: the same body elsewhere.
    other = predicted_mesh(sample, body, camera_of(sample, SIZE))
    shapes = [mesh.vertices - mesh.joints[0] for mesh in (person, other)]
    assert np.allclose(*shapes, atol=1e-5)


def test_what_is_not_labelled(body):
    assert true_mesh(prediction(), body) is None
    sample = body_prediction()
    sample.gt_instances.lifting_target_visible[0, 0] = 0
    assert not true_mesh(sample, body).placed
    sample.gt_instances.has_smpl[:] = 0
    assert true_mesh(sample, body) is None
    sample = body_prediction()
    del sample.gt_instances.lifting_target
    assert not true_mesh(sample, body).placed


def test_people_of_a_merged_sample_are_their_own(body):
    samples = [body_prediction(seed) for seed in range(2)]
    alone = [predicted_mesh(sample, body, camera_of(sample, SIZE)) for sample in samples]
    truths = [true_mesh(sample, body) for sample in samples]
    merged = merge_data_samples(samples)
    for index in range(2):
        person = predicted_mesh(merged, body, camera_of(merged, SIZE), index)
        assert np.allclose(person.vertices, alone[index].vertices, atol=1e-4)
        assert np.allclose(true_mesh(merged, body, index).vertices, truths[index].vertices)


def test_refuses(body):
    with pytest.raises(ValueError, match='PoShHead gives them'):
        predicted_mesh(prediction(), body, default_camera(SIZE))
    for name in ('smpl_pose', 'smpl_betas', 'smpl_camera'):
        sample = body_prediction()
        sample.pred_instances.get(name)[:] = np.nan
        with pytest.raises(ValueError, match=f'{name} is NaN'):
            predicted_mesh(sample, body, default_camera(SIZE))
