"""Running models: MMPose's stock tools, and pictures of predictions."""

from mmpose_ext.apis.draw import draw_predictions, require_fit
from mmpose_ext.apis.stock_tools import run_stock_tool

__all__ = ['draw_predictions', 'require_fit', 'run_stock_tool']
