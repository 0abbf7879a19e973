"""Time PoSh against HEMlets, the body model against smplx and rotations against plain loops.

    python tools/benchmark/posh.py --threads 1

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians and their ratio go into
``docs/results/posh_speed.md``. The exit status is 1 if a wanted figure is missed (with
``--quick``, which measures nothing, 0).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import mmpose
import numpy as np
import smplx
import torch
from measuring import (
    TABLE_HEAD,
    Arrays,
    Case,
    Table,
    command_of,
    finish,
    make_parser,
    measured_in,
    written_by,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from smplx.utils import Struct
from smplx.vertex_ids import vertex_ids
from torch import Tensor, nn

from mmpose_ext.models.body_models import SMPLBody
from mmpose_ext.models.body_models.model_file import body_arrays
from mmpose_ext.models.body_models.rotations import (
    axis_angle_to_matrix,
    geodesic_angle,
    matrix_to_axis_angle,
    rotation_6d_to_matrix,
)
from mmpose_ext.skeletons import human36m18

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'posh_speed.md'
CONFIG = 'configs/posh/h36m/posh_res50_8xb32-5e_h36m-256x256.py'
# PoSh may add a tenth to HEMlets.
NETWORK_SPEEDUP, BODY_SPEEDUP, LOOPS_SPEEDUP = 1 / 1.1, 1.0, 20.0


@dataclass(frozen=True)
class Sizes:
    """How much is computed; ``--quick`` computes little."""

    body: str = 'mannequin'
    batches: tuple[int, ...] = (1, 32, 256)
    people: int = 256
    images: tuple[int, ...] = (1, 8)


QUICK = Sizes('mannequin-coarse', (2,), 2, (1,))


def random_rotations(people: int, joints: int = 24) -> Tensor:
    """Axis-angle vectors (people, joints, 3) of everyday sizes, seeded."""
    generator = torch.Generator().manual_seed(people)
    return 0.5 * torch.randn(people, joints, 3, generator=generator)


# The network.


def inputs_of(images: int, codec: dict) -> tuple[Tensor, list[PoseDataSample]]:
    """Noise for images, and what a prediction needs to know about them."""
    pixels = torch.randn(images, 3, *codec['input_size'][::-1])
    samples = []
    for _ in range(images):
        size = np.array(codec['input_size'])
        meta = dict(input_size=size, input_center=size / 2, input_scale=size)
        sample = PoseDataSample(metainfo=dict(meta, flip_indices=human36m18.FLIP_INDICES))
        sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
        samples.append(sample)
    return pixels, samples


def networks(body: str) -> tuple[nn.Module, nn.Module, dict]:
    """HEMlets and PoSh of full size with the same weights, and their codec."""
    init_default_scope('mmpose')
    config = Config.fromfile(ROOT / CONFIG)
    config.model.head.body_model = dict(type='SMPLBody', model_path=body)
    posh = MODELS.build(config.model).eval()
    config.model.head = config.model.head.pose_head
    hemlets = MODELS.build(config.model).eval()
    hemlets.backbone, hemlets.head = posh.backbone, posh.head.pose_head
    return hemlets, posh, config.codec


def network_cases(sizes: Sizes) -> list[Case]:
    """Inference from pixels to predictions, the body's vertices included."""
    *models, codec = networks(sizes.body)
    cases = []
    for images in sizes.images:
        for flip_test in (False, True):
            pixels, samples = inputs_of(images, codec)

            def run(
                model: nn.Module,
                pixels: Tensor = pixels,
                samples: list[PoseDataSample] = samples,
                flip_test: bool = flip_test,
            ) -> list[PoseDataSample]:
                model.test_cfg = dict(flip_test=flip_test)
                with torch.no_grad():
                    return model.predict(pixels, samples)

            def keypoints(run: Callable[..., list] = run) -> tuple[Arrays, Arrays]:
                return tuple(
                    [sample.pred_instances.keypoints.copy() for sample in run(model)]
                    for model in models
                )

            name = f'inference, batch {images}, {"flip test" if flip_test else "no flip test"}'
            sides = [lambda run=run, model=model: run(model) for model in models]
            cases.append(
                Case(name, 'HEMlets without PoSh', *sides, keypoints, 1e-5, NETWORK_SPEEDUP)
            )
    return cases


# The body model.


def body_cases(sizes: Sizes, batch: int) -> list[Case]:
    """Forward, and forward with backward, of the same body from rotation matrices."""
    ours = SMPLBody(sizes.body)
    arrays = body_arrays(sizes.body)
    # Bodies of other sizes than SMPL's lack the numbers of smplx's extra points.
    points = None if ours.num_vertices == 6890 else dict.fromkeys(vertex_ids['smplh'], 0)
    theirs = smplx.SMPLLayer('', data_struct=Struct(**arrays), vertex_ids=points)
    pose = axis_angle_to_matrix(random_rotations(batch)).requires_grad_()
    betas = torch.randn(batch, 10, generator=torch.Generator().manual_seed(0))

    def run_smplx() -> list[Tensor]:
        output = theirs(global_orient=pose[:, :1], body_pose=pose[:, 1:], betas=betas)
        return [output.vertices, output.joints[:, :24]]

    def run_ours() -> list[Tensor]:
        return list(ours(pose[:, :1], pose[:, 1:], betas)[:2])

    def forward(run: Callable[[], list[Tensor]]) -> Arrays:
        with torch.no_grad():
            return [tensor.numpy() for tensor in run()]

    def backward(run: Callable[[], list[Tensor]]) -> Arrays:
        pose.grad = None
        run()[0].square().sum().backward()
        return [pose.grad.numpy().copy()]

    cases = []
    for what, step in (('forward', forward), ('forward + backward', backward)):
        name = f'body model, {what}, batch {batch}, {ours.num_vertices} vertices'
        sides = [partial(step, run) for run in (run_smplx, run_ours)]
        both = partial(_both, *sides)
        cases.append(Case(name, 'smplx', *sides, both, 1e-5, BODY_SPEEDUP))
    return cases


def _both(other: Callable[[], Arrays], ours: Callable[[], Arrays]) -> tuple[Arrays, Arrays]:
    """The results of both sides."""
    return other(), ours()


# Rotations.


def rotation_cases(sizes: Sizes) -> list[Case]:
    """Every conversion at once against one joint after the other."""
    vectors = random_rotations(sizes.people)
    matrices = axis_angle_to_matrix(vectors)
    sixes = random_rotations(sizes.people, 48).view(sizes.people, 24, 6)
    turned = matrices.flip(0)

    def case(name: str, convert: Callable[..., Tensor], *inputs: Tensor) -> Case:
        flat = [tensor.flatten(0, 1) for tensor in inputs]

        def loop() -> Tensor:
            return torch.stack([convert(*one) for one in zip(*flat, strict=True)])

        def results() -> tuple[Arrays, Arrays]:
            return [loop().numpy()], [convert(*inputs).flatten(0, 1).numpy()]

        name = f'{name}, {len(flat[0])} rotations'
        side = partial(convert, *inputs)
        return Case(name, 'a loop over joints', loop, side, results, 1e-5, LOOPS_SPEEDUP)

    return [
        case('axis-angle to matrix', axis_angle_to_matrix, vectors),
        case('matrix to axis-angle', matrix_to_axis_angle, matrices),
        case('6D to matrix', rotation_6d_to_matrix, sixes),
        case('angle between', geodesic_angle, matrices, turned),
    ]


def all_cases(sizes: Sizes) -> list[Callable[[], list[Case]]]:
    """Give what makes the rows, so that only the data of one is held at a time."""
    return [
        lambda: network_cases(sizes),
        *(lambda batch=batch: body_cases(sizes, batch) for batch in sizes.batches),
        lambda: rotation_cases(sizes),
    ]


# The page.


def report(rows: list[str], load: float, command: str) -> str:
    """The Markdown page."""
    return f"""# HEMlets PoSh: network, body model, rotations

{written_by(command, load, mmpose, mmpose_ext)}

float32. Both sides of a row get the same data; results are compared before anything is timed, and \
the column "difference" is the largest one, relative to the largest value. Times and ratio are \
medians over turns in which both sides run one after the other, {measured_in()}. The ratio is the \
other's time divided by ours.

- Inference is that of `{CONFIG}` with the mannequin as its body, random weights and noise for \
images, against its HEMlets part alone, from pixels to joints and vertices. PoSh may add 10 %, \
which is a ratio of 0.91.
- The body model is `SMPLBody` with the mannequin as its body, against `smplx.SMPLLayer` with the \
same arrays, from rotation matrices. Ours also gives the 18 joints of HEMlets and looks whether \
the parameters are finite; smplx also gives its 21 extra points. The backward pass is that of the \
vertices to the rotations.
- The rotations are converted at once, against the same formula for one joint after the other.

{TABLE_HEAD}
{chr(10).join(rows)}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = make_parser(__doc__, RESULTS, turns=5).parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    sizes, turns, seconds = (QUICK, 1, 0.0) if options.quick else (Sizes(), options.turns, 0.5)
    table = Table()
    for make in all_cases(sizes):
        for case in make():
            table.measure(case, turns, seconds)
    page = report(table.rows, load, command_of(__file__, options))
    return finish(options, page, table.missed, table.comparisons)


if __name__ == '__main__':
    sys.exit(main())
