import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample

from mmpose_ext.visualization import crowd_sheet, draw_people
from mmpose_ext.visualization.crowds import Frame, draw_highest_heatmap, draw_tags, person_colors
from mmpose_ext.visualization.sheets import draw_skeleton

META = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
CELL = 128
GREY = 90


def people(count, seed=0):
    """Keypoints (count, 17, 2) of people side by side on a photograph of 200x100."""
    rng = np.random.default_rng(seed)
    beside = 45.0 * np.arange(count)[:, None, None] * (1, 0)
    return rng.uniform((10, 10), (40, 90), (count, 17, 2)) + beside


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), np.full((100, 400, 3), GREY, np.uint8))
    return path


class Perfect:
    """A bottom-up model that knows the truth; its input is the photograph at half size."""

    def __init__(self, maps=(), count=3):
        self.maps, self.count = maps, count

    def test_step(self, batch):
        (sample,) = batch['data_samples']
        points = people(self.count)
        sample.pred_instances = InstanceData(
            keypoints=points,
            keypoint_scores=np.ones(points.shape[:2]),
            bbox_scores=np.linspace(1, 0.1, self.count),
        )
        if self.maps:
            fields = dict(heatmaps=np.zeros((17, 50, 200), np.float32))
            fields['heatmaps'][3, 20, 100] = 1.0
            fields['tags'] = np.arange(34, dtype=np.float32)[:, None, None] + np.zeros((50, 200))
            sample.pred_fields = PixelData(**{name: fields[name] for name in self.maps})
        return [sample]


class Photographs(list):
    metainfo = META


def photographs(path, with_people=True):
    sample = PoseDataSample(
        metainfo=dict(
            img_path=str(path),
            input_size=(200, 50),
            input_center=np.array((200.0, 50.0)),
            input_scale=np.array((400.0, 100.0)),
        )
    )
    sample.gt_instances = InstanceData()
    if with_people:
        points = people(3)
        sample.gt_instances = InstanceData(
            keypoints=points, keypoints_visible=np.ones(points.shape[:2], np.float32)
        )
    return Photographs([dict(inputs=None, data_samples=sample)] * 2)


def colors_in(image):
    """RGB colours of a picture."""
    return {tuple(int(v) for v in color) for color in np.unique(image.reshape(-1, 3), axis=0)}


def test_each_person_has_one_colour_of_his_own():
    blank = np.zeros((100, 200, 3), np.uint8)
    points = people(3)
    drawn = draw_people(blank, points, np.ones((3, 17)), META, kpt_thr=0.5)
    assert colors_in(drawn[..., ::-1]) == {(0, 0, 0), *person_colors(3)}
    for person, color in enumerate(person_colors(3)):
        left, right = int(points[person, :, 0].min()), int(points[person, :, 0].max())
        middle = drawn[:, left + 8 : right - 8, ::-1]
        assert color in colors_in(middle)
    assert (blank == 0).all()


def test_colours_differ():
    assert len(set(person_colors(30))) == 30
    first = np.array(person_colors(5), float)
    gaps = np.linalg.norm(first[:, None] - first[None], axis=-1)
    assert gaps[np.triu_indices(5, 1)].min() > 60
    assert person_colors(0) == []


def test_the_surest_lies_on_top_and_small_people_are_thin():
    blank = np.zeros((100, 200, 3), np.uint8)
    twice = np.repeat(people(1), 2, axis=0)
    for scores, top in (((0.2, 0.9), 1), ((0.9, 0.2), 0)):
        drawn = draw_people(
            blank, twice, np.ones((2, 17)), META, kpt_thr=0.5, scores=np.array(scores)
        )
        under = draw_people(blank, twice, np.ones((2, 17)), META, kpt_thr=0.5)
        body = (under > 0).any(-1)
        body[:24] = False  # but for the scores
        colors = colors_in(drawn[body][None, :, ::-1])
        assert colors == {person_colors(2)[top]}
    ink = [
        (draw_people(np.zeros((800, 800, 3), np.uint8), factor * people(1), np.ones((1, 17)), META,
                     kpt_thr=0.5) > 0).any(-1).sum() / factor
        for factor in (1, 8)
    ]  # fmt: skip
    assert ink[1] > 2 * ink[0]  # as long as the strokes are, and broader


def test_unsure_keypoints_are_not_drawn():
    blank = np.zeros((100, 200, 3), np.uint8)
    visible = np.ones((2, 17))
    visible[0] = 0.1
    drawn = draw_people(blank, people(2), visible, META, kpt_thr=0.2, scores=np.array((0.7, 0.6)))
    assert person_colors(2)[0] not in colors_in(drawn[..., ::-1])
    assert (draw_skeleton(blank, people(1), visible[:1], META, kpt_thr=0.2) == blank).all()
    nobody = draw_people(blank, people(2)[:0], visible[:0], META, kpt_thr=0.2, scores=np.empty(0))
    assert (nobody == blank).all()


@pytest.mark.parametrize(('width', 'height'), [(400, 100), (100, 400), (64, 64), (500, 333)])
def test_photographs_are_put_in_the_middle_and_points_follow(width, height):
    frame = Frame.around(width, height, CELL)
    photo = np.zeros((height, width, 3), np.uint8)
    x, y = width // 4, height // 4
    photo[y : y + height // 8, x : x + width // 8] = 255
    picture = frame.on_paper(frame.fit(photo))
    assert picture.shape == (CELL, CELL, 3)
    corners = frame.place(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]))
    np.testing.assert_allclose(corners.sum(0) + 1, CELL, atol=1)
    inside = frame.fit(photo)[..., 0].astype(float)
    ys, xs = np.indices(inside.shape)
    center = np.array([(xs * inside).sum(), (ys * inside).sum()]) / inside.sum()
    true_center = np.array([x + (width // 8 - 1) / 2, y + (height // 8 - 1) / 2])
    placed = frame.place(true_center) - (frame.left, frame.top)
    np.testing.assert_allclose(center, placed, atol=0.3)


def test_maps_lie_where_the_people_are():
    frame = Frame.around(400, 100, CELL)
    y, x = np.indices((50, 200))
    heat = np.exp(-((x - 100) ** 2 + (y - 20) ** 2) / 18).astype(np.float32)
    laid = frame.lay(heat, np.array((200.0, 50.0)), np.array((400.0, 100.0)))
    assert laid.shape == (32, CELL)
    assert laid.max() > 0.9
    y, x = np.unravel_index(laid.argmax(), laid.shape)
    # Input pixel (100, 20) is 2x that in the photograph, which is 0.32 as large in the picture.
    assert (abs(np.array((x, y)) - np.array((200, 40)) * 0.32) <= 1).all()


@pytest.mark.parametrize(
    ('maps', 'columns'), [((), 3), (('heatmaps',), 4), (('heatmaps', 'tags'), 5)]
)
def test_sheet(photograph, maps, columns):
    dataset = photographs(photograph)
    sheet = crowd_sheet(Perfect(maps), dataset, [0, 1], cell=CELL)
    assert sheet.shape == (26 + 2 * (CELL + 4) + 4, columns * (CELL + 4) + 4, 3)
    row = sheet[30 : 30 + CELL]
    photo, truth, guess = (row[:, 4 + i * (CELL + 4) :][:, :CELL] for i in range(3))
    assert set(np.unique(photo)) == {GREY, 255}
    wanted = set(person_colors(3))
    assert wanted <= colors_in(truth[..., ::-1])
    assert wanted <= colors_in(guess[..., ::-1])
    assert not wanted & colors_in(photo[..., ::-1])
    wide = crowd_sheet(Perfect(maps), dataset, [0, 1], cell=CELL, pictures_per_row=2)
    assert wide.shape == (26 + CELL + 8, 2 * columns * (CELL + 4) + 4, 3)


def test_photograph_without_people(photograph):
    dataset = photographs(photograph, with_people=False)
    sheet = crowd_sheet(Perfect(count=0), dataset, [0], cell=CELL)
    pictures = [sheet[30:-4, 4 + i * (CELL + 4) :][:, :CELL] for i in range(3)]
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] == pictures[2]).all()


def test_missing_photograph(tmp_path):
    dataset = photographs(tmp_path / 'none.jpg')
    with pytest.raises(FileNotFoundError, match=r'none\.jpg'):
        crowd_sheet(Perfect(), dataset, [0])


def test_tags_are_drawn_where_there_is_heat():
    photo = np.full((8, 8, 3), GREY, np.uint8)
    heat, tags = np.zeros((8, 8), np.float32), np.zeros((8, 8), np.float32)
    heat[1, 1:4] = 0.9
    heat[6, 6] = 0.05
    tags[1, 1:4] = -3, -3, 5
    drawn = draw_tags(photo, tags, heat, heat_thr=0.1)
    assert (drawn[1, 1] == drawn[1, 2]).all()
    assert drawn[1, 1, 0] > drawn[1, 1, 2]  # low: blue
    assert drawn[1, 3, 2] > drawn[1, 3, 0]  # high: red
    grey = draw_tags(photo, tags, 0 * heat, heat_thr=0.1)
    assert (grey == grey[0, 0, 0]).all()
    assert (drawn[6, 6] == grey[6, 6]).all()
    tags[1, 3] = np.nan
    assert (draw_tags(photo, tags, heat, heat_thr=0.1)[1, 3] == grey[1, 3]).all()


def test_heat_is_bright_and_nothing_overflows():
    photo = np.full((4, 4, 3), 255, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[1, 1], heat[2, 2] = 7.0, -3.0
    drawn = draw_highest_heatmap(photo, heat)
    assert drawn[1, 1].min() > 200
    assert (drawn[2, 2] == drawn[0, 0]).all()
