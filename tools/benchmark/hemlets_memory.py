"""Print the peak memory, in bytes, of a forward and backward pass of one soft-argmax.

    python tools/benchmark/hemlets_memory.py mmpose_ext

A process measures one form only, as its memory is not all given back; ``hemlets.py`` starts one
for each.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import mmpose_ext  # noqa: F401  isort: skip  # mends what MMPose's imports need
import torch
from torch import Tensor

from mmpose_ext.models.functional import soft_argmax_3d

JOINTS, SIZE = 18, 64
FORMS = ('no soft-argmax', 'naive soft-argmax', 'mmpose_ext')


def naive_soft_argmax(logits: Tensor) -> Tensor:
    """Softmax, three sums, three expectations; autograd does the rest."""
    volume = logits.flatten(2).softmax(-1).view_as(logits)
    coords = []
    for others in ((3, 2), (4, 2), (4, 3)):  # leaves x, y, z
        marginal = volume.sum(others)
        grid = torch.linspace(-0.5, 0.5, marginal.shape[-1], device=logits.device)
        coords.append((marginal * grid).sum(-1))
    return torch.stack(coords, dim=-1)


def soft_argmax_step(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    """Forward and backward of the sum of squares."""
    logits.grad = None
    coords = function(logits)
    coords.square().sum().backward()
    return coords


def resident(field: str) -> int:
    """Memory of this process in bytes: VmRSS now, VmHWM at its peak (Linux)."""
    lines = Path('/proc/self/status').read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f'{field}:'))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Measure one form."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('form', choices=FORMS, help='the first is a volume and its gradient')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    is_cpu = options.device == 'cpu'
    if is_cpu:
        Path('/proc/self/clear_refs').write_text('5')  # forgets the peak of the imports
    before = resident('VmRSS')
    shape = (options.batch, JOINTS, SIZE, SIZE, SIZE)
    logits = torch.randn(shape, device=options.device, requires_grad=True)
    if options.form == FORMS[0]:
        logits.grad = torch.ones_like(logits)
    else:
        is_naive = options.form == FORMS[1]
        soft_argmax_step(naive_soft_argmax if is_naive else soft_argmax_3d, logits)
    print(resident('VmHWM') - before if is_cpu else torch.cuda.max_memory_allocated())


if __name__ == '__main__':
    main()
