import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import smplx
import torch

from mmpose_ext.synthetic import (
    Request,
    write_crowd_dataset,
    write_dataset,
    write_single_person_dataset,
)
from mmpose_ext.synthetic.skeleton import COCO_MIXTURE

# After mmpose_ext, which mends what MMPose needs.
from mmpose.datasets.datasets import CocoDataset, Human36mDataset  # isort: skip

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/make_mannequin.py'
SMALL = dict(num_train=5, num_val=3, size=64, seed=11)


@pytest.fixture(scope='module')
def single(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'single'
    return write_single_person_dataset(out, **SMALL, sheet=True)


@pytest.fixture(scope='module')
def crowd(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'crowd'
    return write_crowd_dataset(out, num_train=3, num_val=2, size=128, seed=2, people=(3, 9))


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_same_seed_same_bytes_whatever_the_workers(single, tmp_path):
    again = write_dataset(tmp_path / 'again', Request(**SMALL), workers=2, sheet=True)
    one, two = contents(single), contents(again)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_other_seed_other_pictures(single, tmp_path):
    other = write_single_person_dataset(tmp_path / 'other', **{**SMALL, 'seed': 12})
    assert not set(contents(single / 'images').values()) & set(contents(other / 'images').values())


def test_splits_differ(single):
    train = set(contents(single / 'images/train').values())
    val = set(contents(single / 'images/val').values())
    assert len(train) == 5
    assert len(val) == 3
    assert not train & val


@pytest.mark.parametrize('mode', ['topdown', 'bottomup'])
@pytest.mark.parametrize('kind', ['single', 'crowd'])
def test_stock_coco_dataset_reads_it(request, kind, mode):
    folder = request.getfixturevalue(kind)
    dataset = CocoDataset(
        data_root=str(folder),
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='images/train/'),
        data_mode=mode,
    )
    content = json.loads((folder / 'annotations/person_keypoints_train.json').read_text())
    people = [a for a in content['annotations'] if a['num_keypoints']]
    images = {a['image_id'] for a in people}
    assert len(dataset) == (len(people) if mode == 'topdown' else len(images))
    info = dataset.get_data_info(0)
    assert info['keypoints'].shape[1:] == (17, 2)
    image = cv2.imread(info['img_path'])
    assert image.shape == ((64, 64, 3) if kind == 'single' else (128, 128, 3))


def test_stock_h36m_dataset_reads_it(single):
    dataset = Human36mDataset(
        data_root=str(single),
        ann_file='annotations/h36m_train.npz',
        camera_param_file='annotations/cameras.pkl',
        data_prefix=dict(img='images/'),
    )
    assert len(dataset) == 5
    for index in range(5):
        info = dataset.get_data_info(index)
        assert (single / 'images' / info['target_img_path'][0]).is_file()
        camera = info['camera_param']
        points = info['keypoints_3d'][0]
        pixels = points[:, :2] / points[:, 2:] * camera['f'][:, 0] + camera['c'][:, 0]
        np.testing.assert_allclose(pixels, info['keypoints'][0], atol=0.01)
        # Millimetres would be a thousand times as far.
        assert 1 < points[0, 2] < 20


def test_h36m_camera_turns_the_world_into_the_camera(single):
    cameras = pickle.loads((single / 'annotations/cameras.pkl').read_bytes())
    with np.load(single / 'annotations/smpl_train.npz') as smpl:
        R, t = smpl['R'], smpl['t']
    assert len(cameras) == 8
    for index in range(5):
        camera = cameras['S1', f'{index + 1:08d}']
        x = np.array([0.3, 1.1, -0.2])
        np.testing.assert_allclose(
            camera['R'].T @ (x - camera['T'][:, 0]), R[index] @ x + t[index], atol=1e-9
        )


@pytest.mark.parametrize('kind', ['single', 'crowd'])
def test_smpl_and_camera_give_the_keypoints(request, kind):
    """The file body, posed by the smplx library, projected: within 0.05 px of the labels."""
    folder = request.getfixturevalue(kind)
    content = json.loads((folder / 'annotations/person_keypoints_train.json').read_text())
    with np.load(folder / 'annotations/smpl_train.npz') as stored:
        smpl = {key: stored[key] for key in stored}
    N = len(smpl['betas'])
    assert len(content['annotations']) == N
    model = smplx.create(str(folder / 'body/SMPL_NEUTRAL.pkl'), model_type='smpl', batch_size=N)
    names = ('betas', 'global_orient', 'body_pose', 'transl')
    out = model(**{k: torch.tensor(smpl[k], dtype=torch.float32) for k in names})
    joints = out.joints.detach().numpy()
    # smplx: 24 joints, then nose, right eye, left eye, right ear, left ear.
    sources = joints[:, [*range(24), 24, 26, 25, 28, 27]]
    points = COCO_MIXTURE[:, :29] @ sources
    K = smpl['K']
    pixels = points[..., :2] / points[..., 2:] * K[:, [0, 1], [0, 1]][:, None]
    pixels += K[:, None, :2, 2]
    for person, annotation in zip(pixels, content['annotations'], strict=True):
        keypoints = np.array(annotation['keypoints']).reshape(17, 3)
        labelled = keypoints[:, 2] > 0
        assert np.abs(person[labelled] - keypoints[labelled, :2]).max() < 0.05


def test_coco_annotations_are_sound(crowd):
    content = json.loads((crowd / 'annotations/person_keypoints_train.json').read_text())
    assert [c['name'] for c in content['categories']] == ['person']
    assert len({a['id'] for a in content['annotations']}) == len(content['annotations'])
    for annotation in content['annotations']:
        keypoints = np.array(annotation['keypoints']).reshape(17, 3)
        assert annotation['num_keypoints'] == (keypoints[:, 2] > 0).sum()
        assert set(keypoints[:, 2]) <= {0, 1, 2}
        assert (keypoints[keypoints[:, 2] == 0] == 0).all()
        assert (keypoints[:, :2] <= 127.5).all()
        x, y, w, h = annotation['bbox']
        assert x >= 0
        assert y >= 0
        assert w >= 1
        assert h >= 1
        assert 0 < annotation['area'] <= w * h


def test_an_existing_request_is_used_at_once(single):
    before = {p: p.stat().st_mtime_ns for p in single.rglob('*')}
    assert write_single_person_dataset(single, **SMALL) == single
    assert {p: p.stat().st_mtime_ns for p in single.rglob('*')} == before


def test_refuses_another_request_there(single):
    with pytest.raises(FileExistsError, match='another request'):
        write_single_person_dataset(single, **{**SMALL, 'num_train': 6})


def test_refuses_a_folder_of_something_else(tmp_path):
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='holds something else'):
        write_single_person_dataset(tmp_path, **SMALL)
    assert (tmp_path / 'thesis.txt').read_text() == 'mine'


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmpose_ext.synthetic.dataset.write_smpl', fail)
    with pytest.raises(KeyboardInterrupt):
        write_single_person_dataset(tmp_path / 'out', **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(size=0), 'size must be at least 32 pixels, got 0'),
        (dict(num_train=0), 'num_train must be at least 1, got 0'),
        (dict(num_val=-1), 'num_val must be at least 1, got -1'),
        (dict(seed=-1), 'seed must not be negative, got -1'),
        (dict(people=(0, 3)), 'people must be two numbers from 1 to 12'),
        (dict(people=(4, 3)), 'people must be two numbers from 1 to 12'),
        (dict(people=(1, 99)), 'got 1 and 99'),
        (dict(kind='herd'), "got 'herd'"),
    ],
)
def test_request_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        Request(**change)


def test_refuses_no_workers(tmp_path):
    with pytest.raises(ValueError, match='workers must be at least 1, got 0'):
        write_dataset(tmp_path / 'out', Request(**SMALL), workers=0)


def test_tool_names_what_is_wrong(run_python, tmp_path):
    (tmp_path / 'file').write_text('')
    command = [TOOL, 'single', '--num-train', 1, '--num-val', 1]
    for out, extra, message in (
        (tmp_path / 'file' / 'below', (), 'Not a directory'),
        (tmp_path / 'out', ('--size', '-3'), 'size must be at least 32 pixels, got -3'),
    ):
        done = run_python(*command, '--out', out, *extra, check=False)
        assert done.returncode == 1
        assert message in done.stdout
        assert 'Traceback' not in done.stdout


def test_contact_sheet(single):
    sheet = cv2.imread(str(single / 'contact_sheet.png'))
    # A row of five pictures, and one of depths and ids.
    assert sheet.shape == (64 * 2 + 3, 64 * 5 + 3 * 4, 3)
