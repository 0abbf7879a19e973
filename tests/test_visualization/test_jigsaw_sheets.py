import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from puzzles import GRID, META_KEYS, SIZE, Oracle, dataset, dataset_config, sample

from mmpose_ext.apis import draw_predictions
from mmpose_ext.codecs.functional.jigsaw import (
    image_from_input,
    inverse_permutation,
    slot_centers,
    slots_at,
    unshuffle_patches,
)
from mmpose_ext.visualization import jigsaw_sheet
from mmpose_ext.visualization.jigsaw import RIGHT, UNCOUNTED, WRONG
from mmpose_ext.visualization.jigsaw_sheets import puzzle_of, shuffle_of

HEIGHT, WIDTH = 256, 192
ROW = HEIGHT + 20 + 4


def pictures(sheet, row=0):
    """The four pictures of the first puzzle of a row."""
    top = 26 + 4 + row * ROW
    return [sheet[top : top + HEIGHT, 4 + i * 196 : 4 + i * 196 + WIDTH] for i in range(4)]


def middles(picture):
    """The middle 24 x 24 pixels of each cell, (12, 24, 24, 3)."""
    cells = picture.reshape(4, 64, 3, 64, 3).swapaxes(1, 2)[:, :, 20:44, 20:44]
    return cells.reshape(12, 24, 24, 3)


@pytest.mark.parametrize('shuffle', [{}, dict(jitter=4), dict(use_udp=True)])
def test_a_model_that_is_right(mannequins, shuffle):
    people = dataset(mannequins, **shuffle)
    sheet = jigsaw_sheet(Oracle(), people, [0, 3, 5], puzzles_per_row=2)
    assert sheet.shape == (26 + 2 * ROW + 4 + 30, 8 * 196 + 4, 3)
    for row, index in enumerate((0, 5)):
        puzzle, _, solved, true = pictures(sheet, row)
        item = people[index]
        seen = item['inputs'].permute(1, 2, 0).numpy()
        # The network's own pixels, 2 x 2 of the picture each, but for the borders.
        larger = cv2.resize(seen, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        assert (middles(puzzle) == middles(larger)).all()
        crop = unshuffle_patches(seen, item['data_samples'].hsjp_perm, GRID)
        assert (true[::2, ::2] == crop).all()
        assert (middles(solved) == middles(true)).all()
        assert not (solved == WRONG).all(-1).any()
        assert (solved == RIGHT).all(-1).sum() > 1000


@pytest.mark.parametrize(('use_udp', 'corner'), [(False, (0, 0)), (True, (-0.5, -0.5))])
def test_a_model_that_is_wrong(mannequins, use_udp, corner):
    people = dataset(mannequins, min_contrast=None, use_udp=use_udp)
    elsewhere = np.add(corner, 0.2)
    sheet = jigsaw_sheet(Oracle(missed=range(12), elsewhere=elsewhere), people, [2])
    slot = people[2]['data_samples'].hsjp_perm[0]
    _, _, solved, true = pictures(sheet)
    # All of them took slot 0, which is right for the one whose slot that is.
    assert (middles(solved) == middles(true)[slot]).all()
    corners = solved[63::64, 63::64]
    assert (corners == RIGHT).all(-1).sum() == 1
    assert (corners == WRONG).all(-1).sum() == 11


def test_patches_that_the_transform_does_not_count(mannequins):
    people = dataset(mannequins, min_contrast=255)
    _, _, solved, _ = pictures(jigsaw_sheet(Oracle(), people, [0]))
    assert (solved[63::64, 63::64] == UNCOUNTED).all()


def test_puzzle_of_a_sample():
    puzzle = puzzle_of(sample(missed=[4]))
    slots = slots_at(puzzle.points, GRID, (96, 128))
    expected = inverse_permutation(puzzle.permutation)
    expected[4] = 0
    assert (slots == expected).all()
    assert puzzle.visible.tolist() == [1.0] * 12
    unlabelled = sample()
    del unlabelled.gt_instances
    assert puzzle_of(unlabelled).visible is None


@pytest.mark.parametrize('use_udp', [False, True])
def test_puzzle_of_a_sample_near_the_right_border(use_udp):
    """UDP's crop spans one pixel less, which shows most at the far borders."""
    made = sample(use_udp=use_udp)
    corner = np.array([SIZE[0] - 1, SIZE[1] - 1])
    made.pred_instances.keypoints[:, 11] = image_from_input(
        corner, made.input_center, made.input_scale, SIZE, use_udp
    )
    points = puzzle_of(made, use_udp).points
    np.testing.assert_allclose(points[11], corner, atol=1e-9)
    truth = slot_centers(GRID, SIZE, use_udp)[inverse_permutation(made.hsjp_perm)]
    np.testing.assert_allclose(points[:11], truth[:11], atol=1e-9)


def test_refuses(mannequins):
    with pytest.raises(ValueError, match=r"hsjp_perm in its meta.*meta_keys=.*'hsjp_perm'"):
        jigsaw_sheet(Oracle(), dataset(mannequins, meta_keys=META_KEYS[:-1]), [0])
    people = dataset(mannequins)
    del people.pipeline.transforms[3]
    assert shuffle_of(people) is None
    with pytest.raises(ValueError, match='HSJPCocoDataset makes no puzzles'):
        jigsaw_sheet(Oracle(), people, [0])
    nobody = sample()
    nobody.pred_instances = nobody.pred_instances[:0]
    with pytest.raises(ValueError, match=r'photo\.png needs one predicted person, has 0'):
        puzzle_of(nobody)
    del nobody.pred_instances
    with pytest.raises(ValueError, match='has 0'):
        puzzle_of(nobody)


@pytest.mark.parametrize(('per_row', 'columns'), [(None, 2), (1, 1)])
def test_draws_predictions_of_a_checkpoint(mannequins, tmp_path, per_row, columns):
    codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1)
    model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.0] * 3, std=[58.0] * 3),
        backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
        head=dict(
            type='HeatmapHead',
            in_channels=64,
            out_channels=12,
            deconv_out_channels=(8, 8, 8),
            decoder=codec,
        ),
        test_cfg=dict(flip_test=False),
    )
    settings = dict(model=model, test_dataloader=dict(dataset=dataset_config(mannequins)))
    Config(settings).dump(str(tmp_path / 'config.py'))
    torch.save(dict(state_dict=MODELS.build(model).state_dict()), tmp_path / 'model.pth')
    out = tmp_path / 'sheet.png'
    count = draw_predictions(
        tmp_path / 'config.py', tmp_path / 'model.pth', out, people=4, people_per_row=per_row
    )
    assert count == 4
    sheet = cv2.imread(str(out))
    assert sheet.shape == (26 + (4 // columns) * ROW + 4 + 30, columns * 784 + 4, 3)
    puzzle, _, _, true = pictures(sheet)
    assert puzzle.std() > 5
    # Shuffled: the same pixels elsewhere.
    assert np.isclose(middles(puzzle).mean(), middles(true).mean())
    assert (middles(puzzle) != middles(true)).any()
