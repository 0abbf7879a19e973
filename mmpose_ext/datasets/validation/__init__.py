"""Looking for what breaks a training on people's own data, before it does."""

from mmpose_ext.datasets.validation.coco_file import Keypoints, check_coco
from mmpose_ext.datasets.validation.configured import validate_config
from mmpose_ext.datasets.validation.files import validate_coco_file
from mmpose_ext.datasets.validation.findings import KINDS, Finding, Report, write_reports

__all__ = [
    'KINDS',
    'Finding',
    'Keypoints',
    'Report',
    'check_coco',
    'validate_coco_file',
    'validate_config',
    'write_reports',
]
