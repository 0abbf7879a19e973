import pytest
import torch

from mmpose_ext.models.body_models.cameras import (
    crop_camera_to_image,
    project_perspective,
    project_weak_perspective,
    weak_perspective_to_translation,
)
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix


def points(number=5, depth=0.0):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, number, 3, generator=generator) * torch.tensor([1.0, 1.0, depth])


def test_weak_perspective_numbers():
    camera = torch.tensor([[0.5, 0.2, -0.1]])
    found = project_weak_perspective(torch.tensor([[[1.0, 2.0, 99.0]]]), camera)
    torch.testing.assert_close(found, torch.tensor([[[0.6, 0.95]]]))


def test_perspective_numbers():
    found = project_perspective(
        torch.tensor([[[0.0, 1.0, 0.0]]]),
        1000.0,
        torch.tensor([[500.0, 400.0]]),
        rotation=axis_angle_to_matrix(torch.tensor([[0.0, 0.0, torch.pi / 2]])),
        transl=torch.tensor([[0.5, 0.0, 2.0]]),
    )
    # A quarter turn about z takes y to -x.
    torch.testing.assert_close(found, torch.tensor([[[250.0, 400.0]]]))


def test_focal_lengths_of_two_axes():
    focal = torch.tensor([[1000.0, 2000.0]])
    found = project_perspective(torch.tensor([[[1.0, 1.0, 4.0]]]), focal, torch.zeros(1, 2))
    assert found.tolist() == [[[250.0, 500.0]]]


def test_what_is_behind_the_camera_is_far_outside_not_mirrored():
    found = project_perspective(torch.tensor([[[1.0, -1.0, -2.0]]]), 1000.0, torch.zeros(1, 2))
    torch.testing.assert_close(found, torch.tensor([[[1e6, -1e6]]]))


def test_translation_pictures_the_crop_as_weak_perspective_does():
    flat, camera = points(), torch.tensor([[0.9, 0.1, -0.2], [0.7, 0.0, 0.3]])
    transl = weak_perspective_to_translation(camera, focal=5000.0, size=224)
    torch.testing.assert_close(transl[:, 2], 2 * 5000 / (224 * camera[:, 0]))
    full = project_perspective(flat, 5000.0, torch.full((2, 2), 112.0), transl=transl)
    weak = project_weak_perspective(flat, camera)
    torch.testing.assert_close(full / 112 - 1, weak, atol=1e-4, rtol=1e-4)


def test_crop_camera_falls_where_the_crop_shows_it():
    flat, camera = points(), torch.tensor([[0.9, 0.1, -0.2], [0.7, 0.0, 0.3]])
    center, scale = torch.tensor([[300.0, 700.0], [900.0, 100.0]]), torch.full((2, 2), 400.0)
    principal_pt = torch.tensor([[512.0, 515.0], [640.0, 360.0]])
    transl = crop_camera_to_image(camera, center, scale, 1145.0, principal_pt)
    full = project_perspective(flat, 1145.0, principal_pt, transl=transl)
    expected = center[:, None] + scale[:, None] / 2 * project_weak_perspective(flat, camera)
    torch.testing.assert_close(full, expected, atol=1e-2, rtol=0)


def test_crop_camera_with_two_focal_lengths_keeps_the_origin():
    camera, focal = torch.tensor([[0.9, 0.1, -0.2]]), torch.tensor([[1145.0, 1143.0]])
    center, scale = torch.tensor([[300.0, 700.0]]), torch.tensor([[400.0, 500.0]])
    principal_pt = torch.tensor([[512.0, 515.0]])
    transl = crop_camera_to_image(camera, center, scale, focal, principal_pt)
    origin = project_perspective(torch.zeros(1, 1, 3), focal, principal_pt, transl=transl)
    expected = center + scale / 2 * 0.9 * camera[:, 1:]
    torch.testing.assert_close(origin[0], expected)


@pytest.mark.parametrize('scale', [0.0, -1.0])
def test_scales_that_make_no_sense_are_far_away(scale):
    camera = torch.tensor([[scale, 0.0, 0.0]])
    transl = weak_perspective_to_translation(camera, focal=5000.0, size=224)
    assert transl.isfinite().all()
    assert transl[0, 2] > 1e6
    where = torch.full((1, 2), 100.0)
    assert crop_camera_to_image(camera, where, where, 1000.0, where).isfinite().all()


def test_gradients():
    generator = torch.Generator().manual_seed(0)
    camera = (1 + torch.rand(2, 3, generator=generator).double()).requires_grad_()
    where = torch.full((2, 2), 100.0).double()
    body = points().double().requires_grad_()
    assert torch.autograd.gradcheck(project_weak_perspective, (body, camera))
    assert torch.autograd.gradcheck(
        lambda c: crop_camera_to_image(c, where, where, 1000.0, where), camera
    )
    assert torch.autograd.gradcheck(
        lambda p, t: project_perspective(p, 10.0, where, transl=t + 9), (body, camera)
    )


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: project_weak_perspective(torch.zeros(5, 3), torch.zeros(1, 3)), r'points .*K, 3'),
        (lambda: project_weak_perspective(points(), torch.zeros(1, 3)), r'camera .*\(2, 3\)'),
        (lambda: project_perspective(points(), 1.0, torch.zeros(2)), r'center .*\(2, 2\)'),
        (
            lambda: project_perspective(points(), torch.ones(2), torch.zeros(2, 2)),
            r'focal .*\(2, 2\)',
        ),
        (lambda: weak_perspective_to_translation(torch.zeros(2, 2), 1, 1), r'camera .*\(2, 3\)'),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
