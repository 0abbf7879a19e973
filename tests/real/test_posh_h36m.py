"""HEMlets PoSh learns the bodies of four frames of Human3.6M, through the stock tools."""

import json
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest

(CONFIG,) = Path(__file__).parents[2].glob('configs/posh/h36m-tiny/*.py')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EPOCHS = 9


@pytest.fixture(scope='module')
def people(real_data, run_python, tmp_path_factory):
    """The npz of the frames, as the config says how to make it."""
    folder, out = real_data / 'h36m', tmp_path_factory.mktemp('h36m_tiny') / 'smpl.npz'
    run_python(
        *('tools/dataset_converters/make_smpl_npz.py', 'spin', folder / 'test_h36m.npz'),
        *('--body3d', folder / 'test_h36m_body3d.npz', '--cameras', folder / 'cameras.pkl'),
        *('--out', out),
    )
    return out


@pytest.fixture(scope='module')
def options(people):
    """Options of the config: the npz, and no workers."""
    found = [f'{loader}.num_workers=0' for loader in LOADERS]
    found += [f'{loader}.persistent_workers=False' for loader in LOADERS]
    found += [f'{loader}.dataset.ann_file={people}' for loader in LOADERS[1:]]
    return [*found, f'train_dataloader.dataset.dataset.ann_file={people}']


@pytest.fixture(scope='module')
def trained(people, options, run_python):
    """Config and checkpoint after 360 steps, the learning rate falling at their end."""
    folder = people.parent / 'trained'
    shorter = [f'train_cfg.max_epochs={EPOCHS}', f'train_cfg.val_interval={EPOCHS}']
    shorter += [f'default_hooks.checkpoint.interval={EPOCHS}', 'randomness.seed=2']
    shorter += [f'param_scheduler.1.milestones=[{EPOCHS - 2},{EPOCHS - 1}]']
    train = ['tools/train.py', CONFIG, '--work-dir', folder]
    run_python(*train, '--cfg-options', *options, *shorter)
    return folder / CONFIG.name, folder / f'epoch_{EPOCHS}.pth'


@pytest.fixture(scope='module')
def run_test(trained, run_python):
    """Scores and predictions of the four frames."""

    def run(name, *options):
        folder = trained[1].parent / name
        test = ['tools/test.py', *trained, '--work-dir', folder, '--dump', folder / 'people.pkl']
        if options:
            options = ('--cfg-options', *options)
        run_python(*test, '--out', folder / 'scores.json', *options)
        scores = json.loads((folder / 'scores.json').read_text())
        print(name, {key: round(value, 3) for key, value in scores.items()})
        return scores, mmengine.load(folder / 'people.pkl')

    return run


@pytest.fixture(scope='module')
def tested(run_test):
    """Scores and predictions of the four frames."""
    return run_test('plain')


def test_learns_the_bodies(tested):
    scores, _ = tested
    # Measured: 9.3 mm and 12.4 mm, with seed 1 13.1 mm and 22.2 mm. Seed 0 takes longer (46.9 mm
    # and 66.4 mm). The whole schedule comes to 0.6 mm and 0.5 mm.
    assert scores['smpl/MPJPE body'] < 30
    assert scores['smpl/PVE'] < 35
    # Measured: 52 mm, of which most is that the mannequin is not the bodies that were measured.
    assert scores['smpl/MPJPE'] < 100
    assert all(np.isfinite(value) for value in scores.values())


def test_bodies_are_turned_as_the_people_are(tested, people):
    _, predictions = tested
    with np.load(people) as labels:
        measured = labels['joints_3d'][..., :3]
    assert sorted(prediction['id'] for prediction in predictions) == [0, 1, 2, 3]
    for prediction in predictions:
        instances, truth = prediction['pred_instances'], measured[prediction['id']]
        assert instances['smpl_vertices'].shape == (1, 6890, 3)
        assert prediction['gravity'].shape == (3,)
        # From the right hip to the left one, and from the pelvis to the thorax.
        for start, end in ((1, 4), (0, 17)):
            predicted = instances['smpl_joints'][0, end] - instances['smpl_joints'][0, start]
            true = truth[end] - truth[start]
            # Measured: 0.93 at least.
            assert predicted @ true > 0.8 * np.linalg.norm(predicted) * np.linalg.norm(true)


def test_bodies_can_be_refined(tested, run_test):
    """Towards the volume's joints, which are of the measured bodies and not learnt as well."""
    scores, predictions = run_test('refined', 'model.test_cfg.refine.steps=60')
    assert all(np.isfinite(value) for value in scores.values())
    # Measured: 51 mm.
    assert scores['smpl/MPJPE'] < 100
    for prediction, plain in zip(predictions, tested[1], strict=True):
        poses = [sample['pred_instances']['smpl_pose'] for sample in (prediction, plain)]
        assert np.isfinite(poses[0]).all()
        assert np.abs(poses[0] - poses[1]).max() > 1e-3


def test_pictures_can_be_drawn(trained, run_python, tmp_path):
    out = tmp_path / 'people.jpg'
    run_python('tools/draw_predictions.py', *trained, '--out', out, '--people', 4)
    sheet = cv2.imread(str(out))
    assert sheet.shape[0] > 4 * 256
    assert sheet.shape[1] == 5 * 260 + 4


def test_a_photograph_becomes_a_mesh(trained, people, real_data, run_python, tmp_path):
    trimesh = pytest.importorskip('trimesh')
    with np.load(people) as labels:
        photo = real_data / 'h36m' / str(labels['imgname'][0])
        box, K = labels['bbox'][0], labels['K'][0]
        pelvis = labels['joints_3d'][0, 0, :3]
    run_python(
        *('tools/infer_mesh.py', *trained, photo, '--out', tmp_path, '--focal', K[0, 0]),
        *('--boxes', ','.join(map(str, box))),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f'{photo.stem}{end}' for end in ('.json', '_overlay.jpg', '_person0.glb')
    )
    assert cv2.imread(str(tmp_path / f'{photo.stem}_overlay.jpg')).shape[1] == 4 * 260 + 4
    mesh = trimesh.load(tmp_path / f'{photo.stem}_person0.glb', force='mesh', process=False)
    assert mesh.vertices.shape == (6890, 3)
    (person,) = json.loads((tmp_path / f'{photo.stem}.json').read_text())['people']
    gap = np.array(person['smpl_joints'])[0] - pelvis
    # Measured: 0.07, 0.06 and -0.13 m of 5.2 m. The tool takes the photograph's centre for the
    # principal point, which is 12 px and 15 px off.
    assert np.abs(gap[:2]).max() < 0.2
    assert abs(gap[2]) < 0.6
