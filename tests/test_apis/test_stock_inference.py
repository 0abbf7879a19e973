"""MMPose's own inference functions and its inferencer run our models."""

import re

import numpy as np
import pytest
from mmpose.apis import MMPoseInferencer, inference_bottomup, inference_topdown, init_model
from mmpose.registry import DATASETS
from pose_models import CONFIGS, pictures

KEYPOINTS = {'simdr': (17, 2), 'hemlets': (18, 3), 'posh': (18, 3), 'swahr': (17, 2)}
METHODS = tuple(KEYPOINTS)


@pytest.mark.parametrize('method', METHODS)
def test_inference_functions(model_files, method):
    model = init_model(*map(str, model_files(method)), device='cpu')
    (image,) = pictures((100, 80))
    if method == 'swahr':
        (sample,) = inference_bottomup(model, image)
        assert len(sample.pred_instances) > 0
        samples = [sample]
    else:
        boxes = np.array([(0, 0, 100, 80), (10, 20, 50, 75)], np.float32)
        samples = inference_topdown(model, image, boxes)
        assert len(samples) == 2
    for sample in samples:
        keypoints = sample.pred_instances.keypoints
        assert keypoints.shape[1:] == KEYPOINTS[method]
        assert np.isfinite(keypoints).all()


@pytest.mark.parametrize('method', METHODS)
def test_mmpose_inferencer_gives_ours(model_files, predictors, method):
    config, checkpoint = map(str, model_files(method))
    detector = {} if method == 'swahr' else dict(det_model='whole_image')
    inferencer = MMPoseInferencer(config, checkpoint, device='cpu', **detector)
    (image,) = pictures((100, 80))
    (people,) = next(inferencer(image))['predictions']
    ours = predictors(method)(image)[0]
    assert len(people) == len(ours)
    for person, keypoints in zip(people, ours.keypoints, strict=True):
        stock = np.array(person['keypoints'])
        assert stock.shape == KEYPOINTS[method]
        assert np.allclose(stock[:, :2], keypoints, atol=1e-3)


def test_mmpose_inferencer_finds_what_it_asks_of_configs():
    # Read as text: every config inherits one of these, and all of them take long to load.
    texts = {path: path.read_text() for path in CONFIGS.rglob('*.py')}
    topdown = {path: text for path, text in texts.items() if "\ndata_mode = 'topdown'" in text}
    assert len(topdown) >= 5
    for path, text in topdown.items():
        named = re.search(r"^dataset_type = '(\w+)'$", text, re.MULTILINE)
        assert named, path
        assert named[1] in DATASETS
