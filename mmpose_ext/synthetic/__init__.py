"""The mannequin: people that anyone may have, with exact labels.

A procedural body in SMPL's own format, poses, clothes, scenes, a renderer, an event camera, and
writers of ordinary dataset files. Knows no model and no framework: its own code uses numpy, scipy,
OpenCV (and tqdm); importing it loads the package.
"""

from mmpose_ext.synthetic.body import BodyModel, build_body
from mmpose_ext.synthetic.dataset import (
    Request,
    make_picture,
    write_crowd_dataset,
    write_dataset,
    write_single_person_dataset,
)
from mmpose_ext.synthetic.event_camera import EventCamera, frames_to_events
from mmpose_ext.synthetic.event_dataset import EventRequest, write_event_dataset
from mmpose_ext.synthetic.smpl_file import write_smpl_file

__all__ = [
    'BodyModel',
    'EventCamera',
    'EventRequest',
    'Request',
    'build_body',
    'frames_to_events',
    'make_picture',
    'write_crowd_dataset',
    'write_dataset',
    'write_event_dataset',
    'write_single_person_dataset',
    'write_smpl_file',
]
