"""Running models: poses in pictures and videos, bodies, flow and poses of events; stock tools."""

from mmpose_ext.apis.box_files import BoxFile
from mmpose_ext.apis.detection import Boxes, MMDetPersonDetector, PersonDetector, load_detector
from mmpose_ext.apis.draw import draw_predictions
from mmpose_ext.apis.event_files import (
    EventInference,
    infer_events,
    load_event_model,
    write_event_poses,
)
from mmpose_ext.apis.event_flow import dump_event_flow
from mmpose_ext.apis.event_start import read_start
from mmpose_ext.apis.event_stream import EventPose, EventPoseStream
from mmpose_ext.apis.inputs import Frame, InputError, read_inputs, read_picture
from mmpose_ext.apis.loading import load_model, require_fit
from mmpose_ext.apis.mesh import MeshPrediction, infer_meshes, load_mesh_model
from mmpose_ext.apis.mesh_files import draw_meshes, write_meshes
from mmpose_ext.apis.people import People
from mmpose_ext.apis.pose_result import PoseResult
from mmpose_ext.apis.predictor import PoseBackend, PosePredictor, load
from mmpose_ext.apis.result_writer import ResultWriter
from mmpose_ext.apis.results import PoseResults
from mmpose_ext.apis.stock_tools import run_stock_tool
from mmpose_ext.apis.torch_backend import TorchBackend

__all__ = [
    'BoxFile',
    'Boxes',
    'EventInference',
    'EventPose',
    'EventPoseStream',
    'Frame',
    'InputError',
    'MMDetPersonDetector',
    'MeshPrediction',
    'People',
    'PersonDetector',
    'PoseBackend',
    'PosePredictor',
    'PoseResult',
    'PoseResults',
    'ResultWriter',
    'TorchBackend',
    'draw_meshes',
    'draw_predictions',
    'dump_event_flow',
    'infer_events',
    'infer_meshes',
    'load',
    'load_detector',
    'load_event_model',
    'load_mesh_model',
    'load_model',
    'read_inputs',
    'read_picture',
    'read_start',
    'require_fit',
    'run_stock_tool',
    'write_event_poses',
    'write_meshes',
]
