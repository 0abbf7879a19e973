"""Time models in PyTorch, compiled by PyTorch, and exported to ONNX Runtime.

    python tools/benchmark/export.py --threads 1

All three do the same: pixels to decoded keypoints (of bottom-up models to heatmaps
and tags), without the flip test, random weights. Results are compared before they
are timed. The table on docs/results/export_speed.md keeps the rows of networks that
are not measured again, so that --only can do it in parts.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import measuring
import numpy as np
import onnxruntime
import torch
from export_parity import build
from records import Comparison, read_record

from mmpose_ext.apis.export import export_model
from mmpose_ext.apis.export.graphs import build_graph
from mmpose_ext.apis.export.onnx_backend import OnnxNetwork
from mmpose_ext.apis.export.parity import TOLERANCE, random_pixels
from mmpose_ext.fileio import write_text

PAGE = Path(__file__).resolve().parents[2] / 'docs/results/export_speed.md'
QUICK = 'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py'
# Batches of each.
NETWORKS = {
    QUICK: (1, 8),
    'simdr/coco/simdr_res50_4xb32-140e_coco-256x192.py': (1, 8),
    'simdr/coco/simdr_hrnet-w32_4xb32-210e_coco-256x192.py': (1, 8),
    'hsjp/coco/td-hm_res50-hsjp-deconv_8xb64-210e_coco-256x192.py': (1, 8),
    'hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py': (1, 8),
    'hemlets/h36m/hemlets_res50_8xb32-25e_h36m-256x256.py': (1, 8),
    'posh/mannequin/posh_res18_1xb32-24e_mannequin-128x128.py': (1, 8),
    'posh/3dpw/posh_res50_8xb32-5e_h36m_3dpw-256x256.py': (1, 8),
    'swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py': (1, 8),
    'swahr/coco/higherhrnet_hrnet-w32_8xb20-300e_coco-512x512.py': (1,),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page.

    Args:
        arguments (Sequence[str], optional): Command line. Defaults to that of the process.

    Returns:
        int: Exit status.
    """
    parser = measuring.make_parser(__doc__, PAGE, turns=5)
    parser.add_argument('--only', default='', help="part of the networks' paths")
    parser.add_argument('--no-compile', action='store_true', help='without torch.compile')
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    load, rows = os.getloadavg()[0], known_rows(options.out)
    known = read_record(options.out)
    compared = {(one.what, one.against): one for one in (known.comparisons if known else ())}
    for name, batches in NETWORKS.items():
        if options.only not in name or (options.quick and name != QUICK):
            continue
        batches = batches[:1] if options.quick else batches
        for key, row, comparisons in measure(name, batches, options):
            print(row, flush=True)
            rows[key] = row
            compared |= {(one.what, one.against): one for one in comparisons}
        write_text(options.out, page(options, load, rows))
    return measuring.finish(options, page(options, load, rows), [], list(compared.values()))


def measure(
    name: str, batches: Sequence[int], options: Any
) -> Iterator[tuple[str, str, list[Comparison]]]:
    """Yield the rows of a network: what each begins with, the row, and the same for the record."""
    model = build(name).requires_grad_(False)
    graph = build_graph(model)
    seconds = 0.05 if options.quick else 1.0
    with TemporaryDirectory() as folder, torch.inference_mode():
        network = OnnxNetwork(export_model(model, Path(folder) / 'model.onnx'))
        for batch in batches:
            torch.compiler.reset()
            compiled = None if options.no_compile else torch.compile(graph)
            pixels = random_pixels(model, batch)
            sides = runs(graph, compiled, network, pixels)
            times = [
                time_side(name, sides, i, options.turns, seconds) for i in range(1, len(sides))
            ]
            eager, exported, speed_up = times[0]
            compiled_ms, compiled_ratio = ('-', '-')
            if compiled is not None:
                compiled_ms, compiled_ratio = f'{times[1][1]:.1f}', f'{times[1][2]:.2f}'
            comparisons = [
                Comparison(f'{Path(name).stem}, batch {batch}, {side}', 'PyTorch, eager', *found)
                for side, found in zip(('ONNX Runtime', 'torch.compile'), times, strict=False)
            ]
            yield (
                f'`{name}` {batch}',
                (
                    f'| `{name}` | {batch} | {eager:.1f} | {compiled_ms} | {exported:.1f} '
                    f'| {compiled_ratio} | {speed_up:.2f} |'
                ),
                comparisons,
            )


def runs(
    graph: Any, compiled: Any, network: OnnxNetwork, pixels: np.ndarray
) -> list[Callable[[], list[np.ndarray]]]:
    """The sides: PyTorch, ONNX Runtime, and PyTorch compiled."""
    inputs = torch.from_numpy(pixels)
    names = list(network.metadata.outputs)

    def of_torch(module: Any) -> list[np.ndarray]:
        found = dict(zip(names, module(inputs), strict=True))
        found.pop('smpl_faces', None)
        return [value.numpy() for value in found.values()]

    sides = [lambda: of_torch(graph), lambda: list(network(pixels).values())]
    return sides if compiled is None else [*sides, lambda: of_torch(compiled)]


def time_side(
    name: str,
    sides: Sequence[Callable[[], list[np.ndarray]]],
    index: int,
    turns: int,
    seconds: float,
) -> tuple[float, float, float]:
    """Milliseconds of PyTorch and of another side with the same results, and their ratio."""
    measuring.largest_difference(name, sides[0](), sides[index](), 10 * TOLERANCE)
    return measuring.timings((sides[0], sides[index]), turns, seconds)


def known_rows(path: Path) -> dict[str, str]:
    """Rows of a page by config and batch."""
    lines = path.read_text(encoding='utf-8').splitlines() if path.is_file() else []
    rows = [line for line in lines if line.startswith('| `')]
    return {' '.join(part.strip() for part in row.split('|')[1:3]): row for row in rows}


def page(options: Any, load: float, rows: dict[str, str]) -> str:
    """The page."""
    command = measuring.command_of(__file__, options)
    return f"""\
# Exported models: time of a batch

Milliseconds of a batch from pixels to decoded keypoints (of bottom-up models to heatmaps and
tags; people are grouped outside), {measuring.measured_in()}, medians of turns; no flip test,
random weights. The last two columns are how many times as fast as PyTorch compiled and exported
models are, medians of the ratios in a turn.

| config | batch | PyTorch, ms | torch.compile, ms | ONNX Runtime, ms | compiled | exported |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows[name] for name in sorted(rows))}

{measuring.written_by(command, load, onnxruntime)}
"""


if __name__ == '__main__':
    sys.exit(main())
