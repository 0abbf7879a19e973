"""Real crowds as HigherHRNet and SWAHR see them: masks, targets, grouping, metrics."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, KEYPOINT_CODECS, METRICS

CONFIGS = Path(__file__).parents[2] / 'configs/swahr'
FILES = dict(coco='coco/test_coco.json', crowdpose='crowdpose/test_crowdpose.json')
# A person of CrowdPose's photographs and two of COCO's have no keypoints.
LABELLED = dict(coco=12, crowdpose=4)


def config_of(name):
    (path,) = CONFIGS.glob(f'{name}/swahr_hrnet-w32_8xb20-300e_{name}-512x512.py')
    return Config.fromfile(path)


def dataset_of(name, real_data, part):
    """The dataset of a config, with its whole pipeline, on the photographs."""
    settings = config_of(name)[f'{part}_dataloader'].dataset
    file = real_data / FILES[name]
    settings.update(
        data_root=str(file.parent), ann_file=file.name, data_prefix=dict(img=''), indices=None
    )
    return DATASETS.build(settings)


def evaluate(name, real_data, samples):
    settings = config_of(name).val_evaluator
    settings['ann_file'] = str(real_data / FILES[name])
    metric = METRICS.build(settings)
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = dataset_of(name, real_data, 'val').metainfo
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('name', FILES)
def test_truth_as_prediction_is_perfect(name, real_data):
    samples = [item['data_samples'] for item in dataset_of(name, real_data, 'val')]
    people = 0
    for sample in samples:
        truth = sample.gt_instances
        labelled = truth.keypoints_visible.sum(1) > 0
        people += labelled.sum()
        sample.pred_instances = InstanceData(
            keypoints=truth.keypoints[labelled],
            keypoint_scores=np.ones(truth.keypoints[labelled].shape[:2]),
            bbox_scores=np.ones(labelled.sum()),
        )
    assert people == LABELLED[name]
    scores = evaluate(name, real_data, samples)
    assert scores[f'{name}/AP'] == pytest.approx(1)
    if name == 'crowdpose':
        # Both photographs are of medium crowding, 0.33 and 0.39; -1: there are none.
        kinds = [scores[f'crowdpose/AP({kind})'] for kind in 'EMH']
        assert kinds == [-1, 1, -1]


@pytest.mark.parametrize('name', FILES)
def test_perfect_maps_come_back_as_the_people(name, real_data):
    """Codec, grouping and the way back to the photograph lose less than half a stride."""
    samples = []
    for item in dataset_of(name, real_data, 'val'):
        sample = item['data_samples']
        truth, size = sample.gt_instances, np.array(sample.input_size)
        scale = np.ravel(sample.input_scale)
        corner = np.ravel(sample.input_center) - scale / 2
        levels = [tuple(map(int, size // stride)) for stride in (4, 2)]
        codec = KEYPOINT_CODECS.build(
            config_of(name).codec | dict(input_size=tuple(map(int, size)), heatmap_sizes=levels)
        )
        points = (truth.keypoints - corner) / scale * size
        maps = perfect_maps(codec, points, truth.keypoints_visible)
        found, scores, person_scores = codec.decode(*maps)
        assert len(found) == (truth.keypoints_visible.sum(1) > 0).sum()
        sample.pred_instances = InstanceData(
            keypoints=found / size * scale + corner,
            keypoint_scores=scores,
            bbox_scores=person_scores,
        )
        samples.append(sample)
    assert evaluate(name, real_data, samples)[f'{name}/AP'] > 0.97


def perfect_maps(codec, points, visible):
    """Heatmaps and tags (K, H, W) of the input's size; the number of a person is his tag."""
    heatmaps = codec.encode(points, visible)['heatmaps'][1]
    y, x = np.indices(heatmaps.shape[1:], dtype=np.float32) * codec.strides[1]
    gaps = np.hypot(x - points[..., :1, None], y - points[..., 1:, None])
    gaps[visible == 0] = np.inf
    tags = 3.0 * gaps.argmin(0).astype(np.float32)  # farther apart than decode_tag_thr
    return [
        np.stack([cv2.resize(one, codec.input_size, interpolation=method) for one in maps])
        for maps, method in ((heatmaps, cv2.INTER_LINEAR), (tags, cv2.INTER_NEAREST))
    ]


def test_people_without_keypoints_are_masked(real_data):
    np.random.seed(0)  # noqa: NPY002  what the transforms draw from
    dataset = dataset_of('coco', real_data, 'train')
    photographs = [dataset.get_data_info(index) for index in range(len(dataset))]
    nobody = [len(info['invalid_segs']) for info in photographs]
    assert sorted(nobody) == [0, 0, 1, 1]
    for index, count in enumerate(nobody):
        fields = dataset[index]['data_samples'].gt_fields
        for heatmaps, mask in zip(fields.heatmaps, fields.heatmap_mask, strict=True):
            assert mask.shape == (1, *heatmaps.shape[1:])
            assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert count_inside(dataset, index) == count


def count_inside(dataset, index):
    """How many masked people are seen where nothing is warped: connected holes of the mask."""
    info = dataset.get_data_info(index)
    transforms = {type(one).__name__: one for one in dataset.pipeline.transforms}
    info = transforms['StrictLoadImage'](info)
    info['ori_shape'] = info['img'].shape
    mask = transforms['CrowdHeatmapMask'](info)['heatmap_mask'][0]
    holes, _ = cv2.connectedComponents((mask == 0).astype(np.uint8))
    return holes - 1
