import numpy as np
import pytest
import torch
from mmpose.models.heads.heatmap_heads import heatmap_head
from mmpose.utils import tensor_utils

from mmpose_ext.compat import bfloat16_to_numpy

# MMPose as it is: the file is run by itself, without the package that would mend it.
WITHOUT = """
import runpy, torch
from mmpose.utils.tensor_utils import to_numpy
print('needed:', runpy.run_path('mmpose_ext/compat/bfloat16_to_numpy.py')['is_needed']())
to_numpy(torch.zeros(1, dtype=torch.bfloat16))
"""


def test_mmpose_alone_cannot(run_python):
    done = run_python('-c', WITHOUT, check=False)
    assert 'needed: True' in done.stdout
    assert 'unsupported ScalarType BFloat16' in done.stdout
    assert done.returncode == 1


def test_is_applied_once_and_in_the_heads():
    assert not bfloat16_to_numpy.is_needed()
    assert heatmap_head.to_numpy is tensor_utils.to_numpy
    assert not hasattr(tensor_utils.to_numpy.__wrapped__, '__wrapped__')


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float64, torch.int64])
def test_values_stay(dtype):
    values = torch.tensor([[1, 2.5]]).to(dtype)
    found = tensor_utils.to_numpy(values)
    assert found.dtype == (np.float32 if dtype == torch.bfloat16 else values.numpy().dtype)
    np.testing.assert_array_equal(found, values.float().numpy())
    (one,) = tensor_utils.to_numpy([values])
    np.testing.assert_array_equal(one, found)


def test_device_is_told():
    found, device = tensor_utils.to_numpy(torch.zeros(1, dtype=torch.bfloat16), return_device=True)
    assert device == torch.device('cpu')
    assert found.dtype == np.float32
