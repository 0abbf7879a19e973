import numpy as np
import pytest
import torch
from mmpose.structures import merge_data_samples
from persons import CODEC, META, body, photo, prediction

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.codecs.functional.hemlets import polarity_from_depth
from mmpose_ext.visualization.panels3d import draw_polarity, draw_view, legend, person_panels
from mmpose_ext.visualization.person3d import (
    Crop,
    crop_of,
    predicted_maps,
    predicted_person,
    true_person,
)
from mmpose_ext.visualization.stage3d import CAMERA_VIEW


def test_a_crop_places_points_and_pixels():
    crop = Crop(np.array((40.0, 30.0)), np.array((20.0, 20.0)))
    corners = np.array([(30, 20), (40, 30), (50, 40)], float)
    assert np.allclose(crop.place(corners, (100, 100)), [(0, 0), (50, 50), (100, 100)])
    image = np.zeros((80, 80, 3), np.uint8)
    image[20:30, 40:50] = 255
    cut = crop.cut(image, (20, 20))
    assert (cut[2:8, 12:18] == 255).all()
    assert (cut[12:] == 0).all()


def test_with_the_camera_joints_are_restored_exactly():
    person = predicted_person(prediction(), CODEC)
    assert np.allclose(person.joints, body() - body()[0], atol=0.05)


def test_without_a_camera_the_crop_is_two_metres_wide():
    sample = prediction()
    del sample.focal
    person = predicted_person(sample, CODEC)
    keypoints = sample.pred_instances.keypoints[0]
    relative = (keypoints - keypoints[0]) * (*(2000 / sample.input_scale[:1]).repeat(2), 1)
    assert np.allclose(person.joints, relative, atol=1e-3)


@pytest.mark.parametrize('place', ['pred_instances', 'pred_fields'])
@pytest.mark.parametrize('as_tensor', [False, True])
def test_polarities_are_read_from_the_maps(place, as_tensor):
    sample = prediction(hemlets_in=place)
    if as_tensor:
        holder = getattr(sample, place)
        holder.hemlets = torch.as_tensor(holder.hemlets)
    expected = polarity_from_depth(body()[:, 2], CODEC.parts)
    assert set(expected.tolist()) == {-1, 0, 1}
    assert predicted_person(sample, CODEC).polarity.tolist() == expected.tolist()
    assert true_person(sample, CODEC).polarity.tolist() == expected.tolist()


def test_polarities_that_the_head_has_read_come_first():
    sample = prediction()
    sample.pred_instances.part_polarity = np.full((1, 14), -1)
    assert (predicted_person(sample, CODEC).polarity == -1).all()


def test_unknown_things_are_told():
    sample = prediction(flat=True, hemlets_in=None)
    assert predicted_person(sample, CODEC).polarity is None
    truth = true_person(sample, CODEC)
    assert truth.joints is None
    assert (truth.polarity == -2).all()
    del sample.gt_instances
    assert true_person(sample, CODEC) is None
    sample = prediction()
    sample.gt_instances.lifting_target_visible[0, 3] = 0
    truth = true_person(sample, CODEC)
    unknown = truth.polarity == -2
    assert unknown.tolist() == [3 in part for part in CODEC.parts.tolist()]
    assert np.flatnonzero(np.isnan(truth.joints).any(axis=1)).tolist() == [3]


def test_polarity_relative_to_the_bone():
    codec = HEMletsLabel(eps=0.25, eps_mode='bone_ratio')
    joints = body()
    bones = joints[codec.parts[:, 1]] - joints[codec.parts[:, 0]]
    ratio = -bones[:, 2] / np.linalg.norm(bones, axis=-1)
    expected = np.where(ratio > 0.25, 1, np.where(ratio < -0.25, -1, 0))
    assert true_person(prediction(), codec).polarity.tolist() == expected.tolist()


def test_merged_people_have_their_own_crops():
    samples = [prediction(seed) for seed in (0, 5)]
    merged = merge_data_samples(samples)
    for index, sample in enumerate(samples):
        alone, together = crop_of(sample), crop_of(merged, index)
        assert np.allclose(alone.center, together.center, atol=1e-3)
        # The boxes are not quite square, as the focal lengths differ; MMPose widens them.
        assert np.allclose(together.scale, max(alone.scale), atol=1e-3)
        maps = predicted_maps(merged, 'hemlets', CODEC.heatmap_size, index)
        assert (maps == sample.pred_instances.hemlets[0]).all()


def test_heatmaps_come_back_from_the_photograph():
    sample = prediction()
    merged = merge_data_samples([sample])
    assert merged.pred_fields.heatmaps.shape == (18, 160, 200)
    maps = predicted_maps(merged, 'heatmaps', CODEC.heatmap_size)
    assert maps.shape == (18, 64, 64)
    true = np.asarray(sample.pred_fields.heatmaps)
    inside = true.reshape(18, -1).max(-1) == 1
    there = [np.array(np.unravel_index(m.argmax(), m.shape)) for m in true[inside]]
    back = [np.array(np.unravel_index(m.argmax(), m.shape)) for m in maps[inside]]
    assert np.abs(np.subtract(there, back)).max() <= 1


def test_refuses():
    sample = prediction()
    sample.pred_instances.keypoints = sample.pred_instances.keypoints[..., :2]
    with pytest.raises(ValueError, match=r'got \(1, 18, 2\)'):
        predicted_person(sample, CODEC)
    sample = prediction()
    sample.pred_instances.keypoints[0, 4, 2] = np.nan
    with pytest.raises(ValueError, match='diverged'):
        predicted_person(sample, CODEC)
    sample = prediction()
    del sample.input_center
    del sample.pred_instances.bboxes
    with pytest.raises(ValueError, match='needs a crop'):
        crop_of(sample)


def test_panels():
    sample = prediction(noise=1.0)
    person, truth = predicted_person(sample, CODEC), true_person(sample, CODEC)
    crop = crop_of(sample)
    panels = person_panels(photo(), crop, person, META, CODEC, size=128, truth=truth)
    assert [panel.shape for panel in panels] == [(128, 128, 3)] * 4
    # BGR: the left side is green, the right orange, that is red before blue.
    view = panels[1].astype(int)
    assert (view[..., 2] - view[..., 0] > 150).any()
    assert ((view[..., 1] - view[..., 2] > 100) & (view[..., 1] - view[..., 0] > 80)).any()
    assert not (view[..., 0] - view[..., 2] > 220).any()


def test_what_is_not_known_is_said_in_the_picture():
    sample = prediction(flat=True, hemlets_in=None)
    person, truth = predicted_person(sample, CODEC), true_person(sample, CODEC)
    blank = draw_view(truth, META, CAMERA_VIEW, 128)
    assert 0 < (blank < 128).any(-1).mean() < 0.1
    dim = draw_polarity(photo(), crop_of(sample), person, CODEC, 128)
    assert 0 < (dim > 200).all(-1).mean() < 0.1


def test_a_predicted_polarity_is_drawn_whatever_the_score():
    sample = prediction()
    crop = crop_of(sample)
    usual, true = predicted_person(sample, CODEC), true_person(sample, CODEC)
    sample.pred_instances.keypoint_scores[:] = 0
    unsure = predicted_person(sample, CODEC)
    sample.gt_instances.keypoints_visible[:] = 0
    unlabelled = true_person(sample, CODEC)
    drawn = [draw_polarity(photo(), crop, who, CODEC, 128) for who in (usual, unsure)]
    assert (drawn[0] == drawn[1]).all()
    drawn += [draw_polarity(photo(), crop, who, CODEC, 128) for who in (true, unlabelled)]
    assert (drawn[2] != drawn[3]).any()
    assert drawn[3].max() < 0.5 * photo().max()


def test_the_legend_breaks_lines():
    assert legend(900, META).shape == (30, 900, 3)
    narrow = legend(200, META)
    assert narrow.shape[0] > 30
    assert narrow.shape[1] == 200
    assert (narrow[:, -1] == 255).all()
