import cv2
import numpy as np
import pytest
from pose_results import META, bodies, frame, people

from mmpose_ext.apis.people import People
from mmpose_ext.apis.result_pictures import draw_overlay, draw_result, write_picture
from mmpose_ext.visualization.crowds import person_colors

LARGE = 300, 200
GREY = frame(size=LARGE).image


def changed(drawn, image=GREY):
    """Which pixels are not those of the picture."""
    return (drawn != image).any(axis=2)


@pytest.mark.parametrize('count', [0, 1, 2, 5])
@pytest.mark.parametrize('three_d', [False, True])
def test_draw_result_of_any_number_of_people(count, three_d):
    drawn = draw_result(
        GREY, people(count, LARGE) if not three_d else three_dimensional(count), META
    )
    assert drawn.dtype == np.uint8
    assert drawn.shape[0] == (768 if three_d else 200)
    assert (GREY == 128).all(), 'the picture itself is not changed'
    if not three_d:
        assert drawn.shape == GREY.shape
        assert changed(drawn).any() == (count > 0)


def three_dimensional(count):
    return people(count, LARGE, three_d=True)


def test_a_person_is_drawn_where_he_is():
    found = people(2, LARGE)
    drawn = changed(draw_overlay(GREY, found, META))
    inside = np.zeros_like(drawn)
    for left, top, right, bottom in np.rint(found.boxes).astype(int):
        inside[max(top - 25, 0) : bottom + 3, max(left - 3, 0) : right + 3] = True
    assert drawn[inside].any()
    assert not drawn[~inside].any()
    for x, y in np.rint(found.keypoints.reshape(-1, 2)).astype(int):
        assert drawn[y, x]


def test_several_people_have_a_colour_each():
    found = people(3, LARGE)
    drawn = draw_overlay(GREY, found, META)
    for color, box in zip(person_colors(3), np.rint(found.boxes).astype(int), strict=True):
        part = drawn[box[1] : box[3], box[0] : box[2]].reshape(-1, 3)
        assert (part == color[::-1]).all(axis=1).sum() > 50


def test_one_person_has_the_colours_of_the_dataset():
    drawn = draw_overlay(GREY, people(1, LARGE), META)
    for color in np.unique(META['skeleton_link_colors'], axis=0):
        assert (drawn == color[::-1]).all(axis=2).any()


def test_keypoints_of_low_scores_are_not_drawn():
    found = people(1, LARGE)
    whole = People(
        keypoints=found.keypoints,
        keypoint_scores=np.full((1, 17), 0.4),
        boxes=np.array([[0.0, 0, *LARGE]]),
        box_scores=np.ones(1),
    )
    assert changed(draw_overlay(GREY, whole, META, kpt_thr=0.3)).any()
    assert not changed(draw_overlay(GREY, whole, META, kpt_thr=0.5)).any()


def test_a_box_that_is_the_picture_is_not_drawn():
    far = np.full((1, 17, 2), -500.0)
    settings = dict(keypoints=far, keypoint_scores=np.ones((1, 17)), box_scores=np.ones(1))
    whole = People(boxes=np.array([[0.0, 0, *LARGE]]), **settings)
    half = People(boxes=np.array([[0.0, 0, 150, 200]]), **settings)
    assert not changed(draw_overlay(GREY, whole, META)).any()
    assert changed(draw_overlay(GREY, half, META)).any()


def test_people_far_out_of_the_picture_do_not_break_the_drawing():
    found = people(2, LARGE)
    far = People(
        keypoints=found.keypoints * 1e7,
        keypoint_scores=found.keypoint_scores,
        boxes=found.boxes * 1e7 - 5e6,
        box_scores=found.box_scores,
    )
    assert draw_overlay(GREY, far, META).shape == GREY.shape


@pytest.mark.parametrize('size', [(1, 1), (1, 50), (3000, 2)])
@pytest.mark.parametrize('three_d', [False, True])
def test_pictures_of_odd_shapes(size, three_d):
    image = frame(size=size).image
    drawn = draw_result(image, people(1, size, three_d=three_d), META)
    assert drawn.shape == (image.shape if not three_d else (768, drawn.shape[1], 3))


def test_3d_views_stand_beside_the_picture():
    drawn = draw_result(GREY, three_dimensional(1), META)
    photo, views = drawn[:, :-384], drawn[:, -384:]
    assert photo.shape[1] == 768 * 300 // 200
    assert (photo[0, 0] == 128).all()
    for half in (views[:384], views[384:]):
        assert (half != 255).any(axis=2).sum() > 500


def test_people_in_3d_are_drawn_where_they_are_in_the_scaled_picture():
    found, factor = three_dimensional(1), 768 / 200
    photo = draw_result(GREY, found, META)[:, :-384]
    for x, y in np.rint((found.keypoints[0] + 0.5) * factor - 0.5).astype(int):
        assert (photo[y, x] != 128).any()
    right, bottom = np.rint(found.boxes[0, 2:] * factor).astype(int)
    assert (photo[bottom, right] != 128).any()
    assert (photo[bottom + 20, right + 20] == 128).all()


@pytest.mark.parametrize('panels', [1, 2, 4])
def test_the_size_depends_on_the_number_of_panels_alone(panels):
    shapes = {draw_result(GREY, three_dimensional(n), META, panels=panels).shape for n in range(4)}
    assert len(shapes) == 1


def test_of_too_many_people_the_largest_have_panels():
    small, large = three_dimensional(1), three_dimensional(1)
    joints = np.concatenate((small.joints_3d, np.flip(large.joints_3d, axis=1)))
    boxes = np.array([[0.0, 0, 30, 30], [50, 0, 250, 150]])
    both = People(
        keypoints=np.repeat(small.keypoints, 2, axis=0),
        keypoint_scores=np.ones((2, 17)),
        boxes=boxes,
        box_scores=np.ones(2),
        joints_3d=joints,
    )
    only_large = People(
        keypoints=small.keypoints,
        keypoint_scores=np.ones((1, 17)),
        boxes=boxes[1:],
        box_scores=np.ones(1),
        joints_3d=joints[1:],
    )
    views = [draw_result(GREY, some, META, panels=1)[:, -384:] for some in (both, only_large)]
    away_from_the_mark = np.s_[60:, 60:]
    np.testing.assert_array_equal(
        views[0][:384][away_from_the_mark], views[1][:384][away_from_the_mark]
    )


def test_bodies_lie_over_the_picture_and_beside_it():
    found = bodies(2, size=LARGE)
    drawn = draw_result(found.image, found, META)
    photo = drawn[:, : 768 * 300 // 200]
    middle = photo[384, photo.shape[1] // 2]
    assert not (middle == 128).all(), 'the body is 3 m ahead in the middle'
    views = drawn[:, photo.shape[1] :]
    assert (views != 255).any(axis=2).sum() > 1000


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_write_picture(tmp_path, suffix):
    path = write_picture(tmp_path / 'new' / f'a{suffix}', GREY)
    assert np.abs(cv2.imread(str(path)).astype(int) - 128).max() <= 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('name', ['a', 'a.txt', 'a.jpgx'])
def test_write_picture_refuses_other_suffixes(tmp_path, name):
    with pytest.raises(ValueError, match='has no suffix of a picture'):
        write_picture(tmp_path / name, GREY)


def test_write_picture_that_is_too_wide_for_its_format(tmp_path):
    with pytest.raises(OSError, match='could not write 70000 x 1 pixels'):
        write_picture(tmp_path / 'a.jpg', np.zeros((1, 70000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_3d_model_that_finds_nobody_has_room_for_3d_views():
    somebody = draw_result(GREY, three_dimensional(1), META, panels=1)
    assert draw_result(GREY, People.nobody(17, 17), META, panels=1).shape == somebody.shape
