"""Real people with SMPL parameters: Human3.6M's frames as SPIN's npz and MMPose's have them."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, METRICS
from mmpose.structures import PoseDataSample
from scipy.spatial.transform import Rotation

from mmpose_ext.models.body_models.smpl_body import SMPLBody

CONVERTER = 'tools/dataset_converters/make_smpl_npz.py'


@pytest.fixture(scope='module')
def people(real_data, tmp_path_factory, run_python):
    """The npz of the four frames, with measured joints."""
    folder, out = real_data / 'h36m', tmp_path_factory.mktemp('posh') / 'h36m_smpl.npz'
    done = run_python(
        *(CONVERTER, 'spin', folder / 'test_h36m.npz', '--out', out),
        *('--body3d', folder / 'test_h36m_body3d.npz', '--cameras', folder / 'cameras.pkl'),
    )
    assert '4 people, 4 with SMPL parameters, 4 with 3D joints' in done.stdout
    return out


@pytest.fixture
def dataset(real_data, people):
    """The frames."""
    config = {'type': 'SMPLImageDataset', 'ann_file': str(people)}
    return DATASETS.build({**config, 'data_prefix': {'img': str(real_data / 'h36m')}})


def test_labels_are_those_of_both_files(real_data, people, dataset):
    """What SPIN's file says of 16 joints is what MMPose's says, so that they are one person."""
    config = {
        'type': 'Human36mImageDataset',
        'ann_file': 'test_h36m_body3d.npz',
        'camera_param_file': 'cameras.pkl',
        'smpl_file': str(people),
        'data_root': str(real_data / 'h36m'),
    }
    with np.load(real_data / 'h36m/test_h36m.npz') as data:
        pose, shape, S = data['pose'], data['shape'], data['S']
    for row, (sample, other) in enumerate(zip(dataset, DATASETS.build(config), strict=True)):
        fields = ('bbox', 'lifting_target', 'focal', 'gravity')
        for field in (*fields, 'smpl_pose', 'smpl_betas', 'has_smpl'):
            np.testing.assert_array_equal(sample[field], other[field])
        np.testing.assert_allclose(sample['smpl_pose'].ravel(), pose[row], rtol=1e-6)
        np.testing.assert_allclose(sample['smpl_betas'][0], shape[row], rtol=1e-6)
        # Ankles, wrists and pelvis.
        ours, theirs = [3, 6, 16, 13, 0], [0, 5, 6, 11, 14]
        np.testing.assert_allclose(sample['lifting_target'][0, ours], S[row, theirs, :3], atol=1e-6)
        # The photograph's own points, which know the lens, beside the pinhole's.
        gap = np.linalg.norm(sample['keypoints'][..., :2] - other['keypoints'][..., :2], axis=-1)
        assert 0 < gap.max() < 3.5


def test_spins_own_joints_will_do(real_data, run_python, tmp_path):
    source = real_data / 'h36m/test_h36m.npz'
    run_python(CONVERTER, 'spin', source, '--out', tmp_path / 'plain.npz')
    dataset = DATASETS.build({'type': 'SMPLImageDataset', 'ann_file': str(tmp_path / 'plain.npz')})
    for sample in dataset:
        assert sample['keypoints_visible'].all()
        assert 'focal' not in sample
        # 2D and 3D joints tell the scale that the camera, which is not known, makes.
        assert 4 < sample['mm_per_px'] < 6


def test_parameters_without_images_are_refused(real_data, run_python, tmp_path):
    """The shared MoSh sample is a set of poses, not labels of frames."""
    folder = real_data / 'h36m'
    done = run_python(
        *(CONVERTER, 'h36m', folder / 'test_h36m_body3d.npz', '--out', tmp_path / 'none.npz'),
        *('--cameras', folder / 'cameras.pkl', '--mosh', real_data / 'mosh/test_mosh.npz'),
        check=False,
    )
    assert done.returncode == 1
    assert 'test_mosh.npz has no imgname' in done.stdout
    assert not (tmp_path / 'none.npz').exists()


def test_the_mannequin_stands_as_the_people_do(dataset):
    """Another body at the same parameters: near the measured joints, and on its own exactly."""
    body = SMPLBody('mannequin')
    samples = []
    for item in dataset:
        rotations = Rotation.from_rotvec(item['smpl_pose'][0]).as_matrix()
        rotations = torch.from_numpy(rotations).float()[None]
        with torch.no_grad():
            posed = body(rotations[:, :1], rotations[:, 1:], torch.from_numpy(item['smpl_betas']))
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            smpl_joints=(posed.joints - posed.joints[:, :1]).numpy(),
            smpl_vertices=(posed.vertices - posed.joints[:, :1]).numpy(),
            smpl_betas=item['smpl_betas'],
        )
        fields = ('smpl_pose', 'smpl_betas', 'has_smpl', 'lifting_target', 'lifting_target_visible')
        sample.gt_instances = InstanceData(**{name: item[name] for name in fields})
        samples.append(sample)
    metric = dict(type='SMPLMetric', body_model=dict(type='SMPLBody'), truth='both')
    evaluator = Evaluator([METRICS.build(metric)])
    evaluator.process(samples)
    scores = evaluator.evaluate(4)
    print(scores)  # docs/results/posh_h36m_tiny.md
    assert scores['smpl/MPJPE body'] < 1e-2
    assert scores['smpl/PVE'] < 1e-2
    assert scores['smpl/betas'] == 0
    assert 30 < scores['smpl/MPJPE'] < 70
    assert 20 < scores['smpl/PA-MPJPE'] < scores['smpl/MPJPE']
