"""Descriptions of exported models: what they may hold; no model is exported here."""

import pytest

from mmpose_ext.apis.export import read_metadata
from mmpose_ext.apis.export.metadata import portable_transforms, to_json


@pytest.mark.parametrize('text', ['', 'no JSON', '[]', '[' * 100_000, '\x00\xff', '{"format": 1}'])
def test_text_that_is_no_description_is_refused(tmp_path, text):
    path = tmp_path / 'model.json'
    path.write_text(text)
    with pytest.raises(ValueError, match='is no description of an exported model'):
        read_metadata(path)


def test_transforms_of_configs_become_portable():
    pipeline = [
        dict(type='StrictLoadImage', backend_args=None),
        dict(type='TopdownAffine', input_size=(192, 256), _scope_='mmpose'),
        dict(type='Pack3DPoseInputs', meta_keys=('id',)),
    ]
    assert portable_transforms(pipeline) == [
        dict(type='LoadImage'),
        dict(type='TopdownAffine', input_size=[192, 256]),
        dict(type='PackPoseInputs'),
    ]
    with pytest.raises(ValueError, match="'RandomFlip' is none"):
        portable_transforms([dict(type='RandomFlip')])


def test_what_json_has_not_is_refused():
    with pytest.raises(TypeError, match='set cannot be written as JSON'):
        to_json({'a': [{1}]})
