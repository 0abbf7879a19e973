"""Body models: SMPL and its kin behind one thin door to the smplx library."""

from mmpose_ext.models.body_models.smpl_body import BodyOutput, SMPLBody

__all__ = ['BodyOutput', 'SMPLBody']
