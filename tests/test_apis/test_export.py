"""Exported models say what the models say, and refuse what they cannot."""

import json
import re
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.codecs.utils import get_heatmap_maximum, refine_keypoints
from mmpose.registry import MODELS
from pose_models import CONFIGS, METHODS, pictures

from mmpose_ext.apis import Boxes, load
from mmpose_ext.apis.export import export_model, metadata_path, read_metadata
from mmpose_ext.apis.export.graphs import HEMletsGraph, build_graph, highest_pixels, quarter_steps
from mmpose_ext.apis.export.metadata import file_sha256, to_json, write_metadata
from mmpose_ext.apis.export.onnx_backend import OnnxBackend, OnnxNetwork
from mmpose_ext.apis.export.parity import (
    TOLERANCE,
    differences,
    liven,
    random_pixels,
    torch_outputs,
)
from mmpose_ext.apis.torch_backend import TorchBackend
from mmpose_ext.codecs.functional.hemlets import decode_polarity

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

EXPORTED = {name: METHODS[name] for name in ('simdr', 'hemlets', 'posh', 'swahr')}
HEATMAPS = 'simdr/mannequin/td-hm_res18-half_1xb32-15e_mannequin-64x64.py'
CHANGES = {
    'swahr': {
        # Of hundreds of people in noise rounding would decide who comes first.
        'model.head.decoder.max_people': 3,
        # Few layers: tracing takes a time for each.
        'model.backbone.extra.stage2.num_blocks': (1, 1),
        'model.backbone.extra.stage3.num_blocks': (1, 1, 1),
        'model.backbone.extra.stage4.num_blocks': (1, 1, 1, 1),
    }
}
SIZES = [(120, 90), (60, 100), (80, 80)]
BOXES = [[(5, 5, 60, 80), (40, 10, 110, 85)], [], [(10, 0, 70, 75)]]


def build(name, **changes):
    """A model of a config with lively weights, and without the flip test."""
    config = Config.fromfile(CONFIGS / name)
    config.merge_from_dict(changes)
    config.model.test_cfg.flip_test = False
    if 'body_model' in config.model.head:
        config.model.head.body_model = dict(type='SMPLBody', model_path='mannequin-coarse')
    model = MODELS.build(config.model)
    model.cfg, model.dataset_meta = config, dataset_meta_from_config(config, 'train')
    liven(model)
    branch = getattr(getattr(model.head, 'pose_head', model.head), 'hemlets_branch', None)
    if branch is not None:
        with torch.no_grad():
            # Heatmaps below 1, where they are cut off.
            branch.final_layer.weight *= 0.1
    return model


@pytest.fixture(scope='module')
def exports(tmp_path_factory):
    """Model and exported file of a method; do not change them."""
    folder = tmp_path_factory.mktemp('exports')

    @cache
    def export(method):
        torch.manual_seed(0)
        model = build(EXPORTED[method], **CHANGES.get(method, {}))
        return model, export_model(model, folder / f'{method}.onnx')

    return export


@pytest.fixture
def simdr_copy(exports, tmp_path):
    """A copy of an exported model and its description, to be broken."""
    _, path = exports('simdr')
    for source in (path, metadata_path(path)):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    return tmp_path / path.name


@pytest.mark.parametrize('method', EXPORTED)
def test_outputs_are_those_of_the_model(exports, method):
    model, path = exports(method)
    pixels = random_pixels(model, batch=3, seed=1)
    found = differences(model, path, pixels)
    left_out = {'smpl_pelvis', 'smpl_faces'}
    assert set(found) == set(read_metadata(metadata_path(path)).outputs) - left_out
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize('method', EXPORTED)
def test_the_weights_make_outputs_that_differ(exports, method):
    """Else any graph would say the same."""
    model, _ = exports(method)
    for name, values in torch_outputs(model, random_pixels(model, batch=3, seed=1)).items():
        assert values.std() > 1e-3, name
        assert np.abs(values[0].astype(float) - values[1]).max() > 100 * TOLERANCE, name


@pytest.mark.parametrize('method', EXPORTED)
def test_a_batch_is_its_images_one_by_one(exports, method):
    model, path = exports(method)
    network, pixels = OnnxNetwork(path), random_pixels(model, batch=5, seed=2)
    together = network(pixels)
    for name, values in together.items():
        alone = [network(image[None])[name] for image in pixels]
        np.testing.assert_allclose(values, np.concatenate(alone), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize('method', EXPORTED)
def test_people_of_pictures_are_those_of_the_torch_backend(exports, method):
    model, path = exports(method)
    torch_backend, backend = TorchBackend(model), OnnxBackend(path, batch_size=2)
    assert backend.bottom_up == torch_backend.bottom_up == (method == 'swahr')
    assert backend.box_padding == torch_backend.box_padding
    images = pictures(*SIZES)
    boxes = None if backend.bottom_up else [Boxes.of(found) for found in BOXES]
    expected, found = torch_backend.predict(images, boxes), backend.predict(images, boxes)
    assert len(found) == len(images)
    for first, second in zip(expected, found, strict=True):
        assert len(first) == len(second)
        for name in ('keypoints', 'keypoint_scores', 'boxes', 'box_scores', 'joints_3d'):
            same(getattr(first, name), getattr(second, name), name)
        np.testing.assert_array_equal(first.part_polarity, second.part_polarity)


def same(first, second, name):
    assert (first is None) == (second is None), name
    if first is not None:
        # px, mm and m of some hundreds at most
        np.testing.assert_allclose(second, first, rtol=TOLERANCE, atol=0.01, err_msg=name)


def test_bodies_are_those_of_the_torch_backend(exports):
    model, path = exports('posh')
    images, boxes = pictures(SIZES[0]), [Boxes.of(BOXES[0])]
    (expected,), (found,) = (
        backend.predict(images, boxes) for backend in (TorchBackend(model), OnnxBackend(path))
    )
    assert len(found.meshes) == 2
    for first, second in zip(expected.meshes, found.meshes, strict=True):
        for name in ('vertices', 'smpl_joints', 'transl', 'betas', 'joints', 'keypoints', 'K'):
            np.testing.assert_allclose(
                getattr(second, name), getattr(first, name), rtol=1e-3, atol=1e-3, err_msg=name
            )
        for name in ('body_pose', 'global_orient'):
            turned = np.abs(getattr(second, name) - getattr(first, name)) % (2 * np.pi)
            assert np.minimum(turned, 2 * np.pi - turned).max() < 1e-2, name
        np.testing.assert_array_equal(second.faces, first.faces)
        np.testing.assert_array_equal(second.box, first.box)


def test_load_takes_the_file(exports):
    _, path = exports('simdr')
    (result,) = load(path)(pictures(SIZES[0])[0], boxes=BOXES[0])
    assert result.keypoints.shape == (2, 17, 2)
    assert result.dataset_meta['keypoint_id2name'][0] == 'nose'
    with pytest.raises(ValueError, match='flip test'):
        load(path, flip_test=True)


def test_the_code_of_the_page_runs(exports, root, tmp_path, monkeypatch):
    _, path = exports('simdr')
    for suffix in ('.onnx', '.json'):
        (tmp_path / f'model{suffix}').write_bytes(path.with_suffix(suffix).read_bytes())
    (photo,) = pictures(SIZES[0])
    cv2.imwrite(str(tmp_path / 'photograph.jpg'), photo)
    monkeypatch.chdir(tmp_path)
    page = (root / 'docs/export.md').read_text(encoding='utf-8')
    (code,) = [block for block in re.findall(r'```python\n(.*?)```', page, re.S) if 'cv2' in block]
    names = {}
    exec(compile(code, 'docs/export.md', 'exec'), names)  # our own page
    (found,) = OnnxBackend(path).predict([names['photo']], [Boxes.of([(0, 0, *SIZES[0])])])
    np.testing.assert_allclose(names['keypoints'], found.keypoints, atol=0.01)
    np.testing.assert_allclose(names['scores'], found.keypoint_scores, atol=1e-5)


def test_crowds_of_any_size(exports):
    model, path = exports('swahr')
    generator = np.random.default_rng(0)
    for height, width in ((64, 192), (160, 96)):
        pixels = generator.integers(0, 256, (2, 3, height, width), dtype=np.uint8)
        assert max(differences(model, path, pixels).values()) <= TOLERANCE


def test_the_description_comes_back(exports, tmp_path):
    for method in EXPORTED:
        model, path = exports(method)
        metadata = read_metadata(metadata_path(path))
        assert metadata.name == method
        assert metadata.head == type(model.head).__name__
        for name, value in model.dataset_meta.items():
            assert to_json(metadata.dataset_meta[name]) == to_json(value), name
        assert isinstance(metadata.dataset_meta['sigmas'], np.ndarray)
        write_metadata(metadata, tmp_path / 'again.json')
        assert (tmp_path / 'again.json').read_text() == metadata_path(path).read_text()


def test_the_body_is_told(exports):
    _, path = exports('posh')
    body = read_metadata(metadata_path(path)).body
    assert body['name'] == 'mannequin-coarse'
    assert body['vertices'] == 1600
    assert 'licence of mmpose_ext' in body['licence']
    assert read_metadata(metadata_path(exports('simdr')[1])).body is None


def test_the_file_itself_tells_of_a_licensed_body(exports, displaced_body, tmp_path, monkeypatch):
    """Also where the description was lost. The program is a stand-in: tracing takes a while."""
    import onnxruntime

    from mmpose_ext.apis.export import onnx_file

    props = {}

    class Program:
        model = type('Model', (), dict(metadata_props=props))

        def save(self, path, external_data):
            open(path, 'wb').close()

    monkeypatch.setattr(onnx_file, 'trace', lambda *_: Program())
    model, path = exports('posh')
    session = onnxruntime.InferenceSession(str(path))
    assert 'mannequin' in session.get_modelmeta().custom_metadata_map['licence']
    monkeypatch.setattr(model.head.body_model, 'model_path', str(displaced_body))
    export_model(model, tmp_path / 'smpl.onnx')
    body = read_metadata(tmp_path / 'smpl.json').body
    assert body['name'] == displaced_body.name
    assert 'may not be passed on' in body['licence']
    assert props['licence'] == body['licence']
    assert str(displaced_body.parent) not in (tmp_path / 'smpl.json').read_text()
    props.clear()
    export_model(model, tmp_path / 'slim.onnx', with_body=False)
    slim = read_metadata(tmp_path / 'slim.json')
    assert slim.body is None
    assert 'licence' not in props
    assert 'smpl_vertices' not in slim.outputs
    assert 'smpl_betas' in slim.outputs


def test_highest_pixels_are_mmpose_s():
    generator = np.random.default_rng(0)
    heatmaps = generator.normal(size=(40, 17, 6, 5)).astype(np.float32)
    heatmaps[0, 0] = -1
    pixels, values = highest_pixels(torch.from_numpy(heatmaps))
    steps = quarter_steps(torch.from_numpy(heatmaps), pixels)
    for image, points, peaks, moves in zip(heatmaps, pixels, values, steps, strict=True):
        expected, scores = get_heatmap_maximum(image)
        np.testing.assert_array_equal(points, expected)
        np.testing.assert_array_equal(peaks, scores)
        moved = refine_keypoints(expected[None].copy(), image)[0]
        np.testing.assert_array_equal(points + moves, moved)


def test_polarity_is_read_as_by_the_codec(exports):
    model, _ = exports('hemlets')
    graph = HEMletsGraph(model)
    generator = torch.Generator().manual_seed(0)
    hemlets = torch.rand(6, 42, 16, 16, generator=generator)
    # Beyond all borders, and on them.
    points = torch.rand(6, 18, 2, generator=generator) * 96 - 16
    points[0], points[1] = 0, 64
    expected = decode_polarity(hemlets.numpy(), points[:, model.head.decoder.parts[:, 1]] / 4)
    np.testing.assert_array_equal(graph._polarity(hemlets, points), expected)


REFUSED = {
    'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py': 'infer_events',
    'hsjp/mannequin/hsjp_res18-half_1xb32-1200_mannequin-128x96.py': 'HSJPShuffle',
    'swahr/coco/swahr_hrnet-w32_8xb20-300e_coco-multiscale-512x512.py': 'one pass',
}


@pytest.mark.parametrize(('name', 'message'), REFUSED.items())
def test_what_cannot_be_exported_is_refused(name, message, tmp_path):
    config = Config.fromfile(CONFIGS / name)
    if 'backbone' in config.model:
        config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    model.cfg, model.dataset_meta = config, {}
    with pytest.raises(ValueError, match=message):
        export_model(model, tmp_path / 'no.onnx')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('name', 'option'), [(EXPORTED['simdr'], 'use_dark'), (HEATMAPS, 'unbiased')]
)
def test_dark_is_refused(name, option):
    model = build(name, **{f'model.head.decoder.{option}': True})
    with pytest.raises(ValueError, match=f'{option}=True'):
        build_graph(model)


def test_padding_and_names_are_refused(exports, tmp_path):
    model, _ = exports('simdr')
    with pytest.raises(ValueError, match=r'NAME\.onnx'):
        export_model(model, tmp_path / 'model.pt')
    model.data_preprocessor.pad_size_divisor = 32
    try:
        with pytest.raises(ValueError, match='pad_size_divisor'):
            build_graph(model)
    finally:
        model.data_preprocessor.pad_size_divisor = 1


def test_a_changed_file_is_refused(simdr_copy):
    data = bytearray(simdr_copy.read_bytes())
    data[len(data) // 2] ^= 1
    simdr_copy.write_bytes(data)
    with pytest.raises(ValueError, match=r'is not the model that simdr\.json describes'):
        OnnxBackend(simdr_copy)


def test_missing_files_are_named(simdr_copy):
    with pytest.raises(FileNotFoundError, match=r'no exported model .*other\.onnx'):
        OnnxBackend(simdr_copy.with_name('other.onnx'))
    metadata_path(simdr_copy).unlink()
    with pytest.raises(FileNotFoundError, match=r'simdr\.json.*together'):
        OnnxBackend(simdr_copy)


def test_a_file_that_is_no_model_is_refused(simdr_copy):
    simdr_copy.write_bytes(b'no model')
    change(simdr_copy, sha256=file_sha256(simdr_copy))
    with pytest.raises(ValueError, match='is no ONNX model that can be run'):
        OnnxBackend(simdr_copy)


def test_devices_that_are_not_there_are_refused(exports):
    _, path = exports('simdr')
    with pytest.raises(ValueError, match="does not run on 'tpu'"):
        OnnxBackend(path, device='tpu')


EVIL = [dict(type='LoadImage', backend_args=dict(backend='http'))]
BROKEN = {
    'transform': (dict(preprocessing=EVIL), 'LoadImage of an exported model takes'),
    'unknown': (dict(preprocessing=[dict(type='os.system')]), "transform 'os.system' is none"),
    'list': (dict(preprocessing=[dict(type=['a'])]), 'is none that'),
    'codec': (dict(codec=dict(type='YOLOXPoseAnnotationProcessor')), 'codec should be one of'),
    'arguments': (dict(codec=dict(type='SimDRLabel', nonsense=1)), 'describes a codec'),
    'crowd': (dict(codec=dict(type='MultiResolutionAssociativeEmbedding')), 'do not belong'),
    'kind': (dict(kind='sideways'), 'kind should be one of'),
    'outputs': (dict(outputs={'keypoints': ''}), "gives .* are uint8 of .64, 64. and ..keypoints'"),
    'size': (dict(input={}), 'input size should be'),
    'sizes': (dict(input=dict(size=[64, 96])), r'TopdownAffine, got \[64, 96\] and \[\[64, 64\]\]'),
    'crop': (
        dict(
            input=dict(size=[96, 64]),
            preprocessing=[dict(type='TopdownAffine', input_size=[96, 64])],
        ),
        r"'batch', 3, 64, 64\] .* uint8 of \[96, 64\]",
    ),
    'version': (dict(version=2), 'of version 2, 1 is known'),
    'format': (dict(format='other'), 'lacks "format"'),
    'type': (dict(versions=[]), 'versions should be a dict, got list'),
    'names': (dict(dataset_meta=dict(num_keypoints=2, keypoint_id2name={'0': 'a'})), 'name 2'),
    'meta': (dict(dataset_meta={}), 'keypoint_id2name'),
}


@pytest.mark.parametrize(('changes', 'message'), BROKEN.values(), ids=BROKEN)
def test_descriptions_that_do_not_fit_are_refused(simdr_copy, changes, message):
    change(simdr_copy, **changes)
    with pytest.raises(ValueError, match=message):
        OnnxBackend(simdr_copy)


def test_a_description_lacks_nothing(simdr_copy):
    path = metadata_path(simdr_copy)
    content = json.loads(path.read_text())
    del content['codec'], content['body']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='lacks body, codec'):
        read_metadata(path)


def change(model, **changes):
    """Change the description of an exported model."""
    path = metadata_path(model)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
