"""Running models: MMPose's stock tools, pictures of predictions, bodies of an image."""

from mmpose_ext.apis.draw import draw_predictions, require_fit
from mmpose_ext.apis.mesh import MeshPrediction, infer_meshes, load_mesh_model
from mmpose_ext.apis.mesh_files import draw_meshes, write_meshes
from mmpose_ext.apis.stock_tools import run_stock_tool

__all__ = [
    'MeshPrediction',
    'draw_meshes',
    'draw_predictions',
    'infer_meshes',
    'load_mesh_model',
    'require_fit',
    'run_stock_tool',
    'write_meshes',
]
