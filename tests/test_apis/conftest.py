"""Loaded once for all tests: small networks of random weights."""

from functools import cache

import pytest
from pose_models import save_model

from mmpose_ext.apis import load


@pytest.fixture(scope='session')
def model_files(tmp_path_factory):
    """Config and checkpoint of a method."""
    folder = tmp_path_factory.mktemp('pose_models')
    return cache(lambda method: save_model(method, folder))


@pytest.fixture(scope='session')
def predictors(model_files):
    """The predictor of a method; do not change it."""
    return cache(lambda method: load(*model_files(method), batch_size=4))
