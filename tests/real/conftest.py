"""Tests on real photographs, which are not ours to ship."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The folder named by MMPOSE_EXT_REAL_DATA: MMPose's tests/data, or parts of it."""
    name = os.environ.get('MMPOSE_EXT_REAL_DATA', '')
    if not name:
        pytest.skip('MMPOSE_EXT_REAL_DATA does not name a folder of real photographs')
    if not Path(name).is_dir():
        pytest.fail(f'MMPOSE_EXT_REAL_DATA names {name}, which is no folder')
    return Path(name).resolve()
