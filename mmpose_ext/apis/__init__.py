"""Running models: stock tools, pictures, bodies of an image, flow and poses of events."""

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
from mmpose_ext.apis.loading import load_model, require_fit
from mmpose_ext.apis.mesh import MeshPrediction, infer_meshes, load_mesh_model
from mmpose_ext.apis.mesh_files import draw_meshes, write_meshes
from mmpose_ext.apis.stock_tools import run_stock_tool

__all__ = [
    'EventInference',
    'EventPose',
    'EventPoseStream',
    'MeshPrediction',
    'draw_meshes',
    'draw_predictions',
    'dump_event_flow',
    'infer_events',
    'infer_meshes',
    'load_event_model',
    'load_mesh_model',
    'load_model',
    'read_start',
    'require_fit',
    'run_stock_tool',
    'write_event_poses',
    'write_meshes',
]
