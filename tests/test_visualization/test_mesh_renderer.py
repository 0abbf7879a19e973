import numpy as np
import pytest
from meshes import ball, box, camera

from mmpose_ext.visualization import overlay_mesh, render_mesh
from mmpose_ext.visualization.mesh_renderer import BODY_COLOR, resize_camera, vertex_normals

SIZE = (64, 48)
RED, BLUE = (0.0, 0.0, 255.0), (255.0, 0.0, 0.0)


def centroid(coverage):
    rows, columns = np.indices(coverage.shape)
    return (columns * coverage).sum() / coverage.sum(), (rows * coverage).sum() / coverage.sum()


def test_normals_of_a_ball_point_outwards():
    vertices, faces = ball(center=(0, 0, 0))
    outwards = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    assert np.abs(vertex_normals(vertices, faces) - outwards).max() < 0.01


def test_a_vertex_without_faces_has_no_normal():
    vertices, faces = ball()
    normals = vertex_normals(np.concatenate((vertices, [(9, 9, 9)])), faces)
    assert (normals[-1] == 0).all()


def test_a_resized_picture_has_its_pixels_edges_at_the_same_places():
    """The edges of the picture, half a pixel beyond its outermost centres, stay its edges."""
    K = camera(100, (31.5, 10.0))
    point = np.array([[-0.5, -0.5], [63.5, 47.5], [10.0, 20.0]])
    ray = (point - K[:2, 2]) / np.diag(K)[:2]
    resized = resize_camera(K, (64, 48), (128, 24))
    moved = ray * np.diag(resized)[:2] + resized[:2, 2]
    np.testing.assert_allclose(moved, [[-0.5, -0.5], [127.5, 23.5], [20.5, 9.75]])
    assert K[0, 0] == 100


@pytest.mark.parametrize('center', [(31.5, 23.5), (20.25, 30.0)])
def test_size_and_place(center):
    image, coverage = render_mesh(*ball(), camera(100, center), SIZE)
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert coverage.dtype == np.float32
    # A ball of radius r at distance d is a disc of radius f * r / sqrt(d^2 - r^2).
    area = np.pi * (100 * 0.5) ** 2 / (16 - 0.25)
    assert coverage.sum() == pytest.approx(area, rel=0.01)
    assert centroid(coverage) == pytest.approx(center, abs=0.05)
    assert (image[coverage == 0] == 0).all()


def test_edges_are_smooth():
    vertices, faces = box(0.4, 0.4, 0.01)
    # Its front, 3.995 m away, is 10.0125 px wide: from 26.74 to 36.76, a half of pixel 37.
    _, coverage = render_mesh(vertices, faces, camera(100, (31.75, 23.5)), SIZE)
    assert set(np.unique(coverage)) == {0.0, 0.5, 1.0}
    assert coverage[23, 26:38].tolist() == [0.0] + [1.0] * 10 + [0.5]


def test_what_lies_outside_does_not_change_the_rest():
    vertices, faces = ball()
    whole, covered = render_mesh(vertices, faces, camera(100, (31, 23)), SIZE)
    moved, cut = render_mesh(vertices, faces, camera(100, (31 - 25, 23 - 14)), SIZE)
    assert (moved[:-14, :-25] == whole[14:, 25:]).all()
    assert (cut[:-14, :-25] == covered[14:, 25:]).all()
    image, coverage = render_mesh(vertices, faces, camera(100, (500, 23)), SIZE)
    assert not image.any()
    assert not coverage.any()


def test_nothing_behind_the_camera_is_drawn():
    assert not render_mesh(*ball(center=(0, 0, -4)), camera(), SIZE)[1].any()


def test_bodies_hide_each_other():
    near, faces = ball(0.3, (0, 0, 3))
    far = near + np.array((0.15, 0, 1))
    first = render_mesh(np.stack((near, far)), faces, camera(), SIZE, [RED, BLUE])
    second = render_mesh(np.stack((far, near)), faces, camera(), SIZE, [BLUE, RED])
    assert (first[0] == second[0]).all()
    image, coverage = first
    alone = render_mesh(near, faces, camera(), SIZE, RED)
    inside = alone[1] == 1
    assert (image[inside] == alone[0][inside]).all()
    blue = (image[..., 0] > image[..., 2]) & (coverage > 0)
    assert blue.any()
    assert not (blue & inside).any()


def test_the_lamp_is_over_the_left_shoulder():
    image, _ = render_mesh(*ball(), camera(), SIZE)
    gray = image.mean(-1)
    assert gray[17, 25] > gray[23, 31] + 5
    assert gray[23, 31] > gray[30, 38] + 20
    # Smooth: no step between neighbours in the middle of the ball.
    assert np.abs(np.diff(gray[23, 23:40])).max() < 9


def test_color_order_is_the_pictures():
    image, coverage = render_mesh(*ball(), camera(), SIZE, RED)
    middle = image[coverage == 1].mean(0)
    assert middle[2] > middle[0] + 50


def test_lays_over():
    photo = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    mesh = (*ball(), camera())
    image, coverage = render_mesh(*mesh, SIZE)
    assert (overlay_mesh(photo, *mesh, alpha=0) == photo).all()
    opaque = overlay_mesh(photo, *mesh, alpha=1)
    assert (opaque[coverage == 1] == image[coverage == 1]).all()
    half = overlay_mesh(photo, *mesh, alpha=0.5)
    assert (half[coverage == 0] == photo[coverage == 0]).all()
    mean = (photo.astype(float) + image) / 2
    assert np.abs(half - mean)[coverage == 1].max() <= 0.5
    assert (photo == np.random.default_rng(0).integers(0, 255, photo.shape, dtype=np.uint8)).all()


def test_refuses():
    vertices, faces = ball()
    broken = vertices.copy()
    broken[3] = np.nan
    for arguments, message in (
        ((vertices[:, :2], faces, camera(), SIZE), r'\(V, 3\)'),
        ((broken, faces, camera(), SIZE), '1 vertices are NaN'),
        ((vertices[:100], faces, camera(), SIZE), 'another body'),
        ((vertices, faces.astype(float), camera(), SIZE), r'integers \(F, 3\)'),
        ((vertices, faces, camera(-1), SIZE), 'positive focal'),
        ((vertices, faces, np.eye(2), SIZE), 'intrinsics'),
        ((vertices, faces, camera(), SIZE, [BODY_COLOR] * 2), 'for 1 bodies'),
    ):
        with pytest.raises(ValueError, match=message):
            render_mesh(*arguments)
    with pytest.raises(ValueError, match=r'0 to 1, got 1\.5'):
        overlay_mesh(np.zeros((4, 4, 3), np.uint8), vertices, faces, camera(), alpha=1.5)
