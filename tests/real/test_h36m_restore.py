"""Labels of four frames of Human3.6M, encoded for the network, come back as they were."""

import pickle

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.codecs.utils import camera_to_pixel
from mmpose.registry import KEYPOINT_CODECS, METRICS
from mmpose.structures import PoseDataSample

INPUT = 256


@pytest.fixture(scope='module')
def samples(real_data):
    """What a network would have to predict, decoded, beside the truth."""
    data = np.load(real_data / 'h36m/test_h36m_body3d.npz')
    cameras = pickle.loads((real_data / 'h36m/cameras.pkl').read_bytes())
    codec = KEYPOINT_CODECS.build(dict(type='HEMletsLabel'))
    made = []
    for number, (path, joints) in enumerate(zip(data['imgname'], data['S'], strict=True)):
        name = path.split('/')[-1]
        camera = cameras[name.split('_')[0], name.split('.')[1].split('_')[0]]
        focal, center = (np.ravel(camera[key]).astype(float) for key in ('f', 'c'))
        joints = joints[:, :3].astype(float)
        joints = np.concatenate([joints, joints[[11, 14]].mean(0, keepdims=True)])
        made.append(_sample(number, path, joints, focal, center, codec))
    assert len(made) == 4
    return made


def _sample(number, path, joints, focal, center, codec):
    """Encode joints (18, 3) in metres in the crop of 2000 mm and decode them again."""
    size = 2.0 * focal[0] / joints[0, 2]
    corner = camera_to_pixel(joints[:1], *focal, *center)[0] - size / 2
    pixels = camera_to_pixel(joints, *focal, *center)
    depth = 1000 * (joints[:, 2:] - joints[0, 2])
    points = np.concatenate([(pixels - corner) / size * INPUT, depth], axis=1)
    labels = codec.encode(points[None].astype(np.float32), np.ones((1, 18), np.float32))
    keypoints = codec.decode(labels['keypoint_labels'])[0]
    keypoints[..., :2] = keypoints[..., :2] / INPUT * size + corner
    sample = PoseDataSample()
    sample.pred_instances = InstanceData(keypoints=keypoints)
    sample.gt_instances = InstanceData(
        lifting_target=joints[None], lifting_target_visible=np.ones((1, 18))
    )
    meta = dict(focal=focal, principal_pt=center, mm_per_px=2000 / size)
    sample.set_metainfo(dict(id=number, target_img_path=path) | meta)
    return sample


def evaluate(samples, **options):
    evaluator = Evaluator([METRICS.build(dict(type='VolumetricMPJPE', **options))])
    evaluator.process(samples)
    scores = evaluator.evaluate(len(samples))
    print(options, {name: round(value, 4) for name, value in scores.items()})
    return scores


def test_the_true_root_brings_the_labels_back(samples):
    scores = evaluate(samples, restore='gt_root')
    assert len(scores) == 2 * (1 + 4 + 1)
    assert max(scores.values()) < 0.5


def test_what_other_ways_make_of_perfect_predictions(samples):
    # The floors of the protocols: measured, no more.
    searched = evaluate(samples)
    assert searched['MPJPE'] == pytest.approx(10.66, abs=0.02)
    assert searched['PA-MPJPE'] == pytest.approx(2.79, abs=0.02)
    assert evaluate(samples, camera='sample')['MPJPE'] == pytest.approx(8.76, abs=0.02)
    assert evaluate(samples, restore='bone_scale')['MPJPE'] == pytest.approx(20.98, abs=0.02)
