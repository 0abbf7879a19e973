"""Compare every exportable config, at its full size, with what is exported of it.

    python tools/benchmark/export_parity.py --threads 1

Each network of configs/ is built with random weights that make its outputs vary,
exported and run by ONNX Runtime on noise; the table on docs/results/export_parity.md
says by how much the outputs differ. Configs that differ in their training alone are
one network. SMPL's files are the user's: the mannequin stands in for them.
--only takes a part of the configs' paths; networks that are on the page already are
not measured again, so that a sweep can be done in parts.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import measuring
import onnxruntime
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.registry import MODELS

from mmpose_ext.apis.export import export_model
from mmpose_ext.apis.export.onnx_backend import OnnxNetwork
from mmpose_ext.apis.export.parity import TOLERANCE, differences, liven, random_pixels
from mmpose_ext.fileio import write_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/results/export_parity.md'
# Parts of configs, comparisons of them, detectors, and what is not for single pictures.
PASSED_OVER = ('_base_', 'claims', 'detection', 'eventhpe')
# Of a model, what is of the training alone.
TRAINING = ('loss', 'heatmap_loss', 'tag_loss', 'init_cfg', 'train_cfg', 'pose_loss_weight')
BODIES = 'data/smpl/'
HEAD = '| config | head | outputs | largest difference | file, MiB | export, s |'


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page.

    Args:
        arguments (Sequence[str], optional): Command line. Defaults to that of the process.

    Returns:
        int: 1 where a network differs.
    """
    parser = measuring.make_parser(__doc__, PAGE)
    parser.add_argument('--only', default='', help="part of the configs' paths")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    load, rows = os.getloadavg()[0], known_rows(options.out)
    missed = []
    for number, names in enumerate(networks(options.only)):
        if f'`{names[0]}`' in rows:
            continue
        if options.quick and number:
            break
        row, worst = measure(names)
        rows[f'`{names[0]}`'] = row
        missed += [] if worst <= TOLERANCE else [names[0]]
        print(row, flush=True)
        # After each: a sweep takes long, and what is done should stay.
        write_text(options.out, page(options, load, rows))
    return measuring.finish(options, page(options, load, rows), missed)


def networks(part: str) -> Iterator[list[str]]:
    """Yield the configs of each network, by their paths below configs/."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        name = path.relative_to(ROOT / 'configs').as_posix()
        if set(PASSED_OVER) & set(Path(name).parts) or part not in name:
            continue
        config = Config.fromfile(path)
        pipeline = config.test_dataloader.dataset.pipeline
        is_puzzle = any(step.type == 'HSJPShuffle' for step in pipeline)
        if is_puzzle or config.model.test_cfg.get('multiscale_test'):
            continue
        network = json.dumps(without_training(config.model.to_dict()), sort_keys=True, default=str)
        found.setdefault(network, []).append(name)
    yield from found.values()


def without_training(content: Any) -> Any:
    """What a network is, of the config of a model."""
    if isinstance(content, dict):
        kept = {key: part for key, part in content.items() if key not in TRAINING}
        return {key: without_training(part) for key, part in kept.items() if key != '_scope_'}
    if isinstance(content, list | tuple):
        return [without_training(part) for part in content]
    return content


def build(name: str) -> BaseModel:
    """A model of a config with random weights."""
    config = Config.fromfile(ROOT / 'configs' / name)
    config.model.backbone.init_cfg = None
    put_in_mannequin(config.model)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(config.model)
    model.cfg = config
    # Of a dataset that wraps another MMPose finds none.
    metas = (dataset_meta_from_config(config, mode) for mode in ('train', 'test'))
    model.dataset_meta = next(meta for meta in metas if meta)
    liven(model)
    return model


def put_in_mannequin(model: Any) -> None:
    """Let the mannequin be the body whose file is the user's."""
    body = model.head.get('body_model')
    if body is not None and str(body.get('model_path')).startswith(BODIES):
        body.model_path = 'mannequin'
        body.pop('joint_regressor', None)


def measure(names: Sequence[str]) -> tuple[str, float]:
    """A row for the configs of one network, and its largest difference."""
    model = build(names[0])
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        path = export_model(model, Path(folder) / 'model.onnx')
        seconds = time.perf_counter() - start
        found = differences(model, path, random_pixels(model))
        outputs = ', '.join(OnnxNetwork(path).metadata.outputs)
        size = path.stat().st_size / 2**20
    worst = max(found.values())
    at = max(found, key=lambda name: found[name])
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    row = (
        f'| `{names[0]}`{more} | {type(model.head).__name__} | {outputs} | {worst:.1e} ({at}) '
        f'| {size:.0f} | {seconds:.0f} |'
    )
    return row, worst


def known_rows(path: Path) -> dict[str, str]:
    """Rows of a page by the config that each begins with."""
    lines = path.read_text(encoding='utf-8').splitlines() if path.is_file() else []
    rows = [line for line in lines if line.startswith('| `')]
    return {row.split('|')[1].split(' and ')[0].strip(): row for row in rows}


def page(options: Any, load: float, rows: dict[str, str]) -> str:
    """The page."""
    command = f'python tools/benchmark/export_parity.py --threads {options.threads}'
    return f"""\
# Exported models against the models

What ONNX Runtime gives for an exported file against what MMPose's test gives for the model,
without the flip test: random weights that make outputs vary, two inputs of noise at the config's
full size. The largest difference of all outputs is given, as a share of the input's side for x and
y, in metres for depths and bodies, and for maps and scores as a share of the largest value where
that is above 1; at most {TOLERANCE} is asked for. Configs that differ in their training alone are
one network. PoSh has the mannequin for a body here.

{HEAD}
| --- | --- | --- | --- | ---: | ---: |
{chr(10).join(rows[name] for name in sorted(rows))}

{measuring.written_by(command, load, onnxruntime)} The time of an export is
of a machine that had other work, too.
"""


if __name__ == '__main__':
    sys.exit(main())
