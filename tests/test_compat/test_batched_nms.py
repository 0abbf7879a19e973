"""What detectors call: mmcv's batched_nms over our ops or the compiled ones.

``python test_batched_nms.py``, where real mmcv is installed, writes what it returns with the
compiled ops to ``batched_nms.npz``: the known numbers.
"""

from itertools import product
from pathlib import Path

import numpy as np
import torch
from mmcv.ops import batched_nms

GOLDEN = Path(__file__).with_name('batched_nms.npz')
# Boxes, classes apart or not, and a number of boxes from which mmcv goes class by class.
CASES = list(product((1, 80), (False, True), (10000, 50)))


def detections():
    """Boxes (N, 5) with scores, and which were kept, for each case."""
    rng = np.random.default_rng(0)
    outputs = {}
    for number, class_agnostic, split in CASES:
        corner = rng.random((number, 2)) * 100
        boxes = np.hstack((corner, corner + 5 + rng.random((number, 2)) * 40))
        scores = (1 + rng.permutation(number)) / number  # no two equal
        classes = torch.from_numpy(rng.integers(0, 3, number))
        dets, kept = batched_nms(
            *(torch.from_numpy(boxes).float(), torch.from_numpy(scores).float(), classes),
            dict(type='nms', iou_threshold=0.5, split_thr=split),
            class_agnostic=class_agnostic,
        )
        name = f'{number} boxes, agnostic {class_agnostic}, split at {split}'
        outputs |= {f'{name}: dets': dets.numpy(), f'{name}: kept': kept.numpy()}
    return outputs


def test_known_numbers_of_the_compiled_ops():
    found = detections()
    with np.load(GOLDEN) as golden:
        assert set(golden.files) == set(found)
        assert sum(array.size for array in found.values()) > 500
        for name, array in found.items():
            np.testing.assert_allclose(array, golden[name], rtol=1e-6, err_msg=name)


if __name__ == '__main__':
    from mmcv import _ext

    if not _ext.__file__.endswith('.so'):
        raise SystemExit(f'{_ext.__file__} is not the compiled module; install real mmcv')
    temporary = GOLDEN.with_suffix('.tmp.npz')
    np.savez_compressed(temporary, **detections())
    temporary.replace(GOLDEN)
