"""Joint tables: the joints of a skeleton, how they hang together and map onto others."""

from mmpose_ext.skeletons import human36m18

__all__ = ['human36m18']
