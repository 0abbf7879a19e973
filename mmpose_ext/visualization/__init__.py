"""Pictures of what models see."""

from mmpose_ext.visualization.crowds import crowd_sheet, draw_people
from mmpose_ext.visualization.hemlets_grid import draw_hemlets_grid
from mmpose_ext.visualization.hemlets_visualizer import HEMletsVisualizer
from mmpose_ext.visualization.jigsaw import draw_jigsaw
from mmpose_ext.visualization.jigsaw_sheets import jigsaw_sheet
from mmpose_ext.visualization.jigsaw_visualizer import JigsawVisualizer
from mmpose_ext.visualization.mesh_export import export_mesh
from mmpose_ext.visualization.mesh_renderer import overlay_mesh, render_mesh
from mmpose_ext.visualization.mesh_sheets import mesh_sheet
from mmpose_ext.visualization.mesh_views import turntable, view_mesh, write_gif
from mmpose_ext.visualization.mesh_visualizer import MeshVisualizer
from mmpose_ext.visualization.part_polarity import draw_part_polarity
from mmpose_ext.visualization.pose3d import draw_pose3d
from mmpose_ext.visualization.sheets import prediction_sheet, tile_images
from mmpose_ext.visualization.sheets3d import prediction_sheet_3d

__all__ = [
    'HEMletsVisualizer',
    'JigsawVisualizer',
    'MeshVisualizer',
    'crowd_sheet',
    'draw_hemlets_grid',
    'draw_jigsaw',
    'draw_part_polarity',
    'draw_people',
    'draw_pose3d',
    'export_mesh',
    'jigsaw_sheet',
    'mesh_sheet',
    'overlay_mesh',
    'prediction_sheet',
    'prediction_sheet_3d',
    'render_mesh',
    'tile_images',
    'turntable',
    'view_mesh',
    'write_gif',
]
