import json
import runpy
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmpose_ext.datasets.datasets.human36m_file import read_human36m
from mmpose_ext.datasets.datasets.part_polarity import load_part_polarity, write_part_polarity
from mmpose_ext.skeletons.human36m18 import PARTS

DERIVE = 'tools/dataset_converters/derive_part_polarity.py'
BROWSE = 'tools/browse_part_polarity.py'
KNEE, SPINE = PARTS.index((1, 2)), PARTS.index((0, 17))


@pytest.fixture(scope='module')
def derive(root):
    return SimpleNamespace(**runpy.run_path(str(root / DERIVE)))


@pytest.fixture(scope='module')
def browse(root):
    return runpy.run_path(str(root / BROWSE))['main']


def write_frames(path, depths, visible=None):
    """Three people whose 17 joints lie on a line 5 m away, but for depths {joint: metres}."""
    S = np.zeros((3, 17, 4))
    S[..., 2], S[..., 3] = 5, 1
    S[..., 0] = np.linspace(-0.5, 0.5, 17)
    for joint, values in depths.items():
        S[:, joint, 2] += values
    for row, joint in visible or ():
        S[row, joint, 3] = 0
    names = [f'S1/S1_Walking.1/S1_Walking.1_00000{n}.jpg' for n in range(3)]
    np.savez(path, imgname=names, S=S)
    return read_human36m(str(path))


def test_derived_from_depth(derive, tmp_path):
    # The knee is 101 mm nearer than the hip, 100 mm (level), 101 mm farther.
    frames = write_frames(tmp_path / 'x.npz', {2: [-0.101, -0.1, 0.101]})
    polarity = derive.derive_polarity(frames)
    assert polarity.shape == (3, 14)
    assert polarity[:, KNEE].tolist() == [1, 0, -1]
    # From the knee to the ankle it goes back.
    assert polarity[:, KNEE + 1].tolist() == [-1, 0, 1]
    others = np.delete(polarity, [KNEE, KNEE + 1], axis=1)
    assert (others == 0).all()
    assert derive.derive_polarity(frames, eps=150)[:, KNEE].tolist() == [0, 0, 0]


def test_thorax_is_between_the_shoulders_and_unlabelled_is_unknown(derive, tmp_path):
    frames = write_frames(tmp_path / 'x.npz', {11: [-0.4] * 3, 14: [0.1] * 3}, [(1, 14), (2, 16)])
    polarity = derive.derive_polarity(frames, eps=100)
    assert polarity[:, SPINE].tolist() == [1, -2, 1]
    assert polarity[:, PARTS.index((15, 16))].tolist() == [0, 0, -2]


def test_bone_ratio(derive, tmp_path):
    # Hip and knee are 1/16 m apart across: 0.016 m of depth is a tilt of 0.248, 0.017 of 0.262.
    frames = write_frames(tmp_path / 'x.npz', {2: [-0.016, -0.017, 0.017]})
    polarity = derive.derive_polarity(frames, eps_mode='bone_ratio', tau=0.25)
    assert polarity[:, KNEE].tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(eps=-1), 'got -1'),
        (dict(eps=float('nan')), 'got nan'),
        (dict(tau=1), 'tau is a share of the bone'),
        (dict(eps_mode='cm'), "got 'cm'"),
    ],
)
def test_derive_refuses(derive, tmp_path, kwargs, message):
    frames = write_frames(tmp_path / 'x.npz', {})
    with pytest.raises(ValueError, match=message):
        derive.derive_polarity(frames, **kwargs)


def test_derive_names_a_missing_file(derive, tmp_path):
    with pytest.raises(SystemExit, match='derive_part_polarity: there is no file'):
        derive.main([str(tmp_path / 'none.npz'), str(tmp_path / 'x.json')])
    assert not list(tmp_path.iterdir())


def test_derive_then_browse_mannequins(run_python, browse, mannequins, tmp_path, capsys):
    source, out = mannequins / 'annotations/h36m_train.npz', tmp_path / 'out/polarity.json'
    done = run_python(DERIVE, source, out)
    assert 'polarity.json: 24 people' in done.stdout
    assert 'pelvis > thorax ' in done.stdout
    table = load_part_polarity(out)
    assert table.ids == list(range(24))
    assert set(np.unique(table.polarity)) == {-1, 0, 1}
    places = ('--annotations', source, '--images', mannequins / 'images')
    browse(list(map(str, [out, *places, '--num', 4, '--out', tmp_path / 'sheet.png'])))
    assert '24 people are labelled, 0 of the annotations are not' in capsys.readouterr().out
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    browse(list(map(str, [out, *places, '--ids', 3, 5, '--out', tmp_path / 'two.png'])))
    two = cv2.imread(str(tmp_path / 'two.png'))
    assert two.shape[0] < sheet.shape[0]
    assert two.shape[1] < sheet.shape[1]


@pytest.fixture
def mpii(tmp_path):
    """Two people of MPII in pictures of their own; the second's left ankle is not labelled."""
    joints = np.random.default_rng(0).uniform(10, 90, (16, 2)).tolist()
    people = []
    for number, visible in ((1, [1] * 16), (2, [1] * 5 + [0] + [1] * 10)):
        name = f'00{number}.jpg'
        cv2.imwrite(str(tmp_path / name), np.full((100, 100, 3), 90, np.uint8))
        person = dict(image=name, center=[50.0, 50.0], scale=0.5, joints=joints, joints_vis=visible)
        people.append(person)
    (tmp_path / 'mpii.json').write_text(json.dumps(people))
    return tmp_path


def run_browse(browse, folder, annotations='mpii.json', *args):
    places = ['--annotations', folder / annotations, '--images', folder]
    browse(list(map(str, [folder / 'p.json', *places, '--out', folder / 'sheet.png', *args])))


def test_browse_lists_problems(browse, mpii, capsys):
    names = ['001.jpg', 'other.jpg', '003.jpg']
    codes = np.zeros((3, 14), int)
    codes[1, :5] = -2
    write_part_polarity(mpii / 'p.json', [0, 1, 7], names, codes)
    with pytest.raises(SystemExit, match='browse_part_polarity: 3 problems'):
        run_browse(browse, mpii)
    assert capsys.readouterr().out.splitlines()[:3] == [
        'id 1: is other.jpg here, but 002.jpg in the annotations',
        'id 1 (other.jpg): left_knee > left_ankle lacks a keypoint, its label is unused',
        'id 7 (003.jpg): the annotations have no such person',
    ]
    assert cv2.imread(str(mpii / 'sheet.png')) is not None


def test_browse_coco(browse, mannequins, tmp_path, capsys):
    source = mannequins / 'annotations/person_keypoints_val.json'
    content = json.loads(source.read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    people = content['annotations']
    ids = [person['id'] for person in people]
    files = [names[person['image_id']] for person in people]
    write_part_polarity(tmp_path / 'p.json', ids[1:], files[1:], np.full((len(ids) - 1, 14), -2))
    places = ['--annotations', source, '--images', mannequins / 'images/val']
    out = ['--out', tmp_path / 'sheet.png']
    browse(list(map(str, [tmp_path / 'p.json', *places, *out])))
    expected = f'{len(ids) - 1} people are labelled, 1 of the annotations are not'
    assert expected in capsys.readouterr().out
    assert (tmp_path / 'sheet.png').is_file()


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['mpii.json', '--ids', 0, 8], r'p\.json has no ids \[8\]'),
        (['mpii.json', '--num', 0], '--num must be at least 1, got 0'),
        (['p.jpg'], 'there is no'),
        (['001.jpg'], r'001\.jpg is no JSON file .* or \.npz'),
        (['mpii.json', '--images', '.'], r'OpenCV cannot read .*001\.jpg. Is --images the folder'),
        (['mpii.json', '--columns', 0], '--columns must be at least 1, got 0'),
    ],
)
def test_browse_refuses(browse, mpii, args, message):
    write_part_polarity(mpii / 'p.json', [0], ['001.jpg'], np.zeros((1, 14), int))
    with pytest.raises(SystemExit, match=f'browse_part_polarity: .*{message}'):
        run_browse(browse, mpii, *args)
    assert not (mpii / 'sheet.png').exists()
