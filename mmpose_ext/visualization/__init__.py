"""Pictures of what models see."""

from mmpose_ext.visualization.sheets import prediction_sheet, tile_images

__all__ = ['prediction_sheet', 'tile_images']
