import numpy as np
import pytest
from meshes import ball, camera

from mmpose_ext.visualization.mesh_panels import draw_body
from mmpose_ext.visualization.mesh_person import MeshPerson
from mmpose_ext.visualization.person3d import Crop


def test_a_body_lies_in_its_crop_where_it_lies_in_the_photograph():
    vertices, faces = ball(0.3, (0.4, -0.2, 4.0))
    K = camera(400.0, (100.0, 80.0))
    person = MeshPerson(vertices, np.array([[0.4, -0.2, 4.0]]), np.zeros(3))
    crop = Crop(np.array([120.0, 70.0]), np.array([100.0, 100.0]))
    picture = draw_body(np.zeros((160, 200, 3), np.uint8), crop, person, faces, K, 200)
    rows, columns = np.nonzero(picture.any(-1))
    # In the photograph it is at (140, 60) and 60 px wide; the crop shows it twice as large.
    middle = crop.place(np.array([140.0, 60.0]), (200, 200))
    assert [(v.min() + v.max()) / 2 for v in (columns, rows)] == pytest.approx(middle, abs=1.5)
    assert np.ptp(columns) == pytest.approx(120, abs=3)


@pytest.mark.parametrize('placed', [None, False])
def test_says_what_cannot_be_drawn(placed):
    vertices, faces = ball()
    person = None if placed is None else MeshPerson(vertices, vertices[:1], np.zeros(3), placed)
    crop = Crop(np.array([50.0, 50.0]), np.array([100.0, 100.0]))
    picture = draw_body(np.zeros((100, 100, 3), np.uint8), crop, person, faces, camera(), 200)
    # A line of text in the middle, no ball.
    assert 0 < picture.any(-1).mean() < 0.1
    assert not picture[:80].any()
