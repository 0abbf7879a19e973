"""Export of trained models to ONNX, and running what was exported."""

from mmpose_ext.apis.export.metadata import ExportMetadata, metadata_path, read_metadata
from mmpose_ext.apis.export.onnx_file import export_model, export_onnx

__all__ = ['ExportMetadata', 'export_model', 'export_onnx', 'metadata_path', 'read_metadata']
