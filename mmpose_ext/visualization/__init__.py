"""Pictures of what models see."""

from mmpose_ext.visualization.crowds import crowd_sheet, draw_people
from mmpose_ext.visualization.event_panels import EventStep
from mmpose_ext.visualization.event_sheets import draw_steps, event_flow_sheet, event_pose_sheet
from mmpose_ext.visualization.event_video import clip_video, write_video
from mmpose_ext.visualization.events_picture import draw_events, draw_flow, draw_flow_wheel
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
from mmpose_ext.visualization.skeleton_mesh import export_skeletons, skeleton_mesh

__all__ = [
    'EventStep',
    'HEMletsVisualizer',
    'JigsawVisualizer',
    'MeshVisualizer',
    'clip_video',
    'crowd_sheet',
    'draw_events',
    'draw_flow',
    'draw_flow_wheel',
    'draw_hemlets_grid',
    'draw_jigsaw',
    'draw_part_polarity',
    'draw_people',
    'draw_pose3d',
    'draw_steps',
    'event_flow_sheet',
    'event_pose_sheet',
    'export_mesh',
    'export_skeletons',
    'jigsaw_sheet',
    'mesh_sheet',
    'overlay_mesh',
    'prediction_sheet',
    'prediction_sheet_3d',
    'render_mesh',
    'skeleton_mesh',
    'tile_images',
    'turntable',
    'view_mesh',
    'write_gif',
    'write_video',
]
