"""Our reader, which refuses broken files, against the one that MMPose reads with."""

import cv2
import numpy as np

from mmpose_ext.apis.picture_files import read_picture


def test_photographs_are_read_as_mmpose_reads_them(real_data):
    paths = sorted(path for path in real_data.rglob('*.jp*g') if cv2.haveImageReader(str(path)))
    assert paths
    for path in paths:
        np.testing.assert_array_equal(read_picture(path), cv2.imread(str(path)), err_msg=str(path))
