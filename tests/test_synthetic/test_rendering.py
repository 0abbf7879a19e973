import numpy as np
import pytest

from mmpose_ext.synthetic import Request, build_body, make_picture
from mmpose_ext.synthetic.camera import look_at
from mmpose_ext.synthetic.labels import HIDDEN, OUTSIDE, VISIBLE, label_person
from mmpose_ext.synthetic.rasterizer import rasterize
from mmpose_ext.synthetic.renderer import NO_PART, PROP_ID, render
from mmpose_ext.synthetic.scene import Scene, make_box
from mmpose_ext.synthetic.skeleton import COCO_NAMES, JOINT, PARENTS
from mmpose_ext.synthetic.staging import make_crowd, make_single

SINGLE = Request(size=96, seed=5)


@pytest.fixture(scope='module')
def pictures():
    crowds = Request(kind='crowd', size=160, seed=3)
    return [make_picture(SINGLE, 'train', k) for k in range(6)] + [
        make_picture(crowds, 'train', k) for k in range(2)
    ]


def first_hits(rays, triangles):
    """Depth and index of the first triangle on each ray from the origin: brute force.

    Moeller and Trumbore, J. Graphics Tools 1997; both sides of a triangle stop a ray.
    """
    a, ab, ac = (
        triangles[:, 0],
        triangles[:, 1] - triangles[:, 0],
        triangles[:, 2] - triangles[:, 0],
    )
    cross = np.cross(rays[:, None], ac[None])
    det = np.einsum('fd,rfd->rf', ab, cross)
    inverse = 1 / np.where(np.abs(det) < 1e-15, np.nan, det)
    u = -np.einsum('fd,rfd->rf', a, cross) * inverse
    q = np.cross(-a, ab)
    v = np.einsum('rd,fd->rf', rays, q) * inverse
    t = np.einsum('fd,fd->f', ac, q)[None] * inverse
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
    depth = np.where(hit, t, np.inf)
    return depth.min(1), depth.argmin(1)


def scene_triangles(scene, body):
    """Camera-space triangles of a scene, and the id of whose they are."""
    meshes = [(p.vertices, body.faces) for p in scene.people]
    meshes += [(p.vertices, p.faces) for p in scene.props]
    triangles = [scene.camera.to_camera(v)[f] for v, f in meshes]
    ids = [*range(1, len(scene.people) + 1), *[PROP_ID] * len(scene.props)]
    return np.concatenate(triangles), np.repeat(ids, [len(t) for t in triangles])


def test_z_buffer_equals_ray_casting(pictures):
    """Depth, person and part of random pixels, against brute force over all triangles."""
    body = build_body('coarse')
    rng = np.random.default_rng(0)
    for picture in pictures:
        scene, seen = picture.scene, picture.rendering
        triangles, owners = scene_triangles(scene, body)
        covered = np.argwhere(np.isfinite(seen.depth))
        pixels = covered[rng.integers(len(covered), size=40)]
        pixels = np.concatenate([pixels, rng.integers(seen.depth.shape[0], size=(20, 2))])
        K = scene.camera.K
        rays = np.ones((len(pixels), 3))
        rays[:, :2] = (pixels[:, ::-1] - K[:2, 2]) / np.diag(K)[:2]
        depth, face = first_hits(rays, triangles)
        at = tuple(pixels.T)
        np.testing.assert_allclose(seen.depth[at], depth, rtol=1e-9)
        expected = np.where(np.isfinite(depth), owners[face], 0)
        np.testing.assert_array_equal(seen.person_id[at], expected)
        human = (expected > 0) & (expected != PROP_ID)
        parts = body.face_parts[face[human] % len(body.faces)]
        np.testing.assert_array_equal(seen.part_id[at][human], parts)


def test_maps_agree(pictures):
    for picture in pictures:
        seen = picture.rendering
        np.testing.assert_array_equal(np.isfinite(seen.depth), seen.person_id > 0)
        human = (seen.person_id > 0) & (seen.person_id != PROP_ID)
        np.testing.assert_array_equal(seen.part_id != NO_PART, human)
        assert seen.part_id[human].max() < 24
        assert seen.image.dtype == picture.image.dtype == np.uint8
        for number, labels in enumerate(picture.labels, start=1):
            mask = seen.person_id == number
            assert labels.area == mask.sum()
            if labels.area:
                x, y, w, h = labels.bbox.astype(int)
                assert mask[y : y + h, x : x + w].sum() == mask.sum()
                assert mask[y].any()
                assert mask[:, x].any()
                assert mask[y + h - 1].any()
                assert mask[:, x + w - 1].any()
                # The visible part lies within the whole, up to a pixel's half.
                ax, ay, aw, ah = labels.amodal_bbox
                assert ax <= x + 0.5
                assert ay <= y + 0.5
                assert x + w - 1 <= ax + aw + 0.5
                assert y + h - 1 <= ay + ah + 0.5


def test_no_gaps_inside_the_body():
    """Every pixel well inside the silhouette is covered: edges are watertight."""
    body = build_body('coarse')
    camera = look_at(np.array([0.0, 0.1, 3.0]), np.zeros(3), 7.0, 260.0, 128, 128)
    seen = rasterize(camera.to_camera(body.v_template), body.faces, camera.K, (128, 128))
    covered = np.isfinite(seen.depth)
    around = [np.roll(covered, shift, axis) for axis in (0, 1) for shift in (1, -1)]
    assert covered.sum() > 1500
    assert not (~covered & np.logical_and.reduce(around)).any()


def test_rasterizer_barycentrics_give_the_point():
    body = build_body('coarse')
    camera = look_at(np.array([0.5, 0.3, 2.0]), np.zeros(3), 0.0, 200.0, 96, 128)
    points = camera.to_camera(body.v_template)
    seen = rasterize(points, body.faces, camera.K, (128, 96))
    assert seen.depth.shape == (128, 96)
    np.testing.assert_allclose(seen.barycentric.sum(1), 1, atol=1e-12)
    at = np.einsum('pc,pcd->pd', seen.barycentric, points[body.faces[seen.faces]])
    row, column = np.divmod(seen.pixels, 96)
    np.testing.assert_allclose(camera.project(at), np.stack([column, row], 1), atol=1e-6)
    np.testing.assert_allclose(at[:, 2], seen.depth.ravel()[seen.pixels], rtol=1e-9)


def brute_visibility(scene, number, labels, body):
    """The definition of visibility, by casting rays through the keypoints' pixels."""
    triangles, owners = scene_triangles(scene, body)
    pixels = np.rint(labels.coco)
    K = scene.camera.K
    rays = np.ones((17, 3))
    rays[:, :2] = (pixels - K[:2, 2]) / np.diag(K)[:2]
    depth, face = first_hits(rays, triangles)
    flags = []
    for k, name in enumerate(COCO_NAMES):
        if not ((pixels[k] >= 0) & (pixels[k] < (scene.camera.width, scene.camera.height))).all():
            flags.append(OUTSIDE)
            continue
        joint = JOINT['head'] if k < 5 else JOINT[name]
        kin = {joint, PARENTS[joint], *np.flatnonzero(joint == PARENTS)}
        own = owners[face[k]] == number and body.face_parts[face[k] % len(body.faces)] in kin
        under_skin = {'hip': 0.16, 'shoulder': 0.11, 'knee': 0.09, 'ankle': 0.085}
        under_skin |= {'elbow': 0.075, 'wrist': 0.06}
        reach = under_skin.get(name.split('_')[-1], 0.02) + 2 * labels.coco_camera[k, 2] / K[0, 0]
        before = labels.coco_camera[k, 2] - (reach if own else 0)
        flags.append(HIDDEN if depth[k] < before else VISIBLE)
    return np.array(flags)


def test_visibility_against_ray_casting(pictures):
    body = build_body('coarse')
    seen = set()
    for picture in pictures:
        for number, labels in enumerate(picture.labels[:4], start=1):
            expected = brute_visibility(picture.scene, number, labels, body)
            np.testing.assert_array_equal(labels.coco_visibility, expected)
            seen |= set(expected)
    assert seen == {OUTSIDE, HIDDEN, VISIBLE}, 'the sample shows every case'


def front_view(props):
    """A person in the T-pose seen from the front, with things."""
    body = build_body('coarse')
    scene = make_picture(SINGLE, 'train', 0).scene
    person = scene.people[0]
    still = type(person)(
        **{
            **vars(person),
            'vertices': body.v_template,
            'joints': body.J_regressor @ body.v_template,
            'normals': body.normals,
            'pose': np.zeros((24, 3)),
            'transl': np.zeros(3),
        }
    )
    camera = look_at(np.array([0.0, 0.1, 4.0]), np.zeros(3), 0.0, 220.0, 128, 128)
    scene = Scene([still], camera, scene.light, scene.backdrop, props)
    return label_person(scene, 1, render(scene, body), body)


def test_t_pose_from_the_front_hides_nothing():
    """All but the ears, which a face seen from the very front may hide or not."""
    flags = dict(zip(COCO_NAMES, front_view([]).coco_visibility, strict=True))
    assert {flags[name] for name in COCO_NAMES if 'ear' not in name} == {VISIBLE}


def test_left_is_on_the_right_of_a_front_view():
    points = dict(zip(COCO_NAMES, front_view([]).coco, strict=True))
    for part in ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        assert points[f'left_{part}'][0] > points[f'right_{part}'][0]


def test_a_box_hides_what_is_behind_it():
    box = make_box(
        np.array([0.55, 0.45, 0.8]), np.array([0.33, 0.2, 0.05]), 0.0, np.full((6, 3), 0.5)
    )
    flags = dict(zip(COCO_NAMES, front_view([box]).coco_visibility, strict=True))
    assert flags['left_elbow'] == flags['left_wrist'] == HIDDEN
    assert flags['right_elbow'] == flags['left_knee'] == VISIBLE
    behind = make_box(
        np.array([0.55, 0.45, -0.8]), np.array([0.33, 0.2, 0.05]), 0.0, np.full((6, 3), 0.5)
    )
    np.testing.assert_array_equal(
        front_view([behind]).coco_visibility, front_view([]).coco_visibility
    )


def test_crowds_span_a_sixfold_range_of_sizes():
    """Apparent size is focal length over depth; over a few crowds it varies at least fourfold."""
    request = Request(kind='crowd', size=64, seed=1, people=(4, 12))
    ratios = []
    for k in range(6):
        picture = make_picture(request, 'train', k)
        assert 4 <= len(picture.labels) <= 12
        depths = [labels.transl[2] for labels in picture.labels]
        ratios.append(max(depths) / min(depths))
    assert max(ratios) <= 6.5
    assert max(ratios) > 4


def test_enough_of_a_single_person_is_seen(pictures):
    for picture in pictures[:6]:
        labels = picture.labels[0]
        assert (labels.coco_visibility == VISIBLE).sum() >= 5
        assert labels.area >= 0.015 * 96 * 96


def test_easy_people_are_whole_and_face_the_camera():
    for k in range(12):
        labels = make_picture(Request(size=64, seed=2, easy=True), 'train', k).labels[0]
        assert (labels.coco_visibility != OUTSIDE).all()
        points = dict(zip(COCO_NAMES, labels.coco, strict=True))
        assert points['left_hip'][0] > points['right_hip'][0]
        assert points['nose'][1] < points['left_hip'][1] < points['left_knee'][1]


def test_easy_crowds_stand_beside_each_other_at_all_distances():
    heights, hidden = [], []
    for k in range(12):
        request = Request('crowd', size=96, seed=2, people=(1, 6), easy=True)
        picture = make_picture(request, 'train', k)
        for labels in picture.labels:
            assert (labels.coco_visibility != OUTSIDE).sum() >= 15
            points = dict(zip(COCO_NAMES, labels.coco, strict=True))
            assert points['left_hip'][0] > points['right_hip'][0]
            heights.append(labels.amodal_bbox[3])
            # Nobody stands before anybody else: nothing but the own body hides arms.
            hidden.append((labels.coco_visibility[5:11] == HIDDEN).mean())
    assert np.mean(hidden) < 0.1
    assert max(heights) > 4 * min(heights)


@pytest.mark.parametrize('people', [(0, 3), (5, 4), (1, 13)])
def test_crowd_refuses_numbers_of_people(people):
    with pytest.raises(ValueError, match='1 to 12 people'):
        make_crowd(build_body('coarse'), np.random.default_rng(0), 64, people)


def test_refuses_tiny_images():
    with pytest.raises(ValueError, match='at least 32 pixels wide, got 8'):
        make_single(build_body('coarse'), np.random.default_rng(0), 8)


def test_label_person_refuses_strangers(pictures):
    picture = pictures[0]
    with pytest.raises(ValueError, match='person 2 is not among the 1'):
        label_person(picture.scene, 2, picture.rendering, build_body('coarse'))


@pytest.mark.parametrize('target', [(0.0, 5.0, 0.0), (0.0, -5.0, 0.0)])
def test_look_at_refuses_the_vertical(target):
    with pytest.raises(ValueError, match='straight up or down'):
        look_at(np.zeros(3), np.array(target), 0.0, 100.0, 64, 64)


def test_the_center_of_a_camera_is_where_it_stands():
    eye = np.array([1.0, 1.6, -3.0])
    camera = look_at(eye, np.array([0.2, 0.9, 0.4]), 5.0, 100.0, 64, 48)
    np.testing.assert_allclose(camera.center, eye, atol=1e-12)
    np.testing.assert_allclose(camera.to_camera(camera.center), 0, atol=1e-12)


def test_the_target_is_seen_in_the_middle_of_the_image():
    """Pixel centres have integer coordinates: the middle of 64 of them is 31.5."""
    target = np.array([0.2, 0.9, 0.4])
    camera = look_at(np.array([1.0, 1.6, -3.0]), target, 5.0, 100.0, 64, 48)
    np.testing.assert_allclose(camera.project(camera.to_camera(target)), [31.5, 23.5], atol=1e-9)


def test_look_at_refuses_sizes():
    with pytest.raises(ValueError, match='positive sizes, got 0x64'):
        look_at(np.zeros(3), np.ones(3), 0.0, 100.0, 0, 64)
