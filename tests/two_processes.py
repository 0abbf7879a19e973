"""Every method in one process and in two: gradients, scores and files, as a script.

    python tests/two_processes.py MANNEQUINS CROWDS RECORDINGS OUT

Two processes are forked after the imports, meet over gloo through a file, and go through the
methods one after another. Each has a work directory of its own, ``OUT/rank0`` and ``OUT/rank1``,
so that whatever the second one writes is found; each writes what it has measured into
``OUT/rank0.json`` and ``OUT/rank1.json``. See test_distributed.py.
"""

import gc
import itertools
import json
import os
import sys
import traceback
from collections.abc import Mapping
from multiprocessing import connection, get_context
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
import quick_mmengine
import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, set_random_seed
from mmengine.structures import InstanceData
from torch.nn.modules.batchnorm import _BatchNorm

import mmpose_ext  # noqa: F401

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
WORLD_SIZE = 2
STEPS = 2
SAMPLES = 4  # of a joint batch
VALIDATED = 5  # one process has more of them than the other
PIXELS = 1.0  # by which predictions miss that the truth is put in for
_number = itertools.count()


class Method(NamedTuple):
    """A config, the data it needs, and what is special about a small run of it."""

    config: str
    data: str = 'mannequins'
    options: Mapping[str, object] = MappingProxyType({})
    puts_truth_in: bool = False  # an untrained network has no AP
    draws_curves: bool = False  # matplotlib is slow


_CLIPS = {f'{loader}.dataset.clip_stride': 2 for loader in LOADERS}
METHODS = {
    'simdr': Method(
        'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py',
        puts_truth_in=True,
        draws_curves=True,
    ),
    # The first half of a batch has 3D labels, the second has not.
    'hemlets': Method(
        'hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-weak-64x64.py',
        options={
            'train_dataloader.sampler.batch_size': 2,
            'train_dataloader.dataset.datasets.0.indices': 12,
            'train_dataloader.dataset.datasets.1.indices': -12,
        },
    ),
    'posh': Method(
        'posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py',
        options={
            'model.backbone.frozen_stages': -1,
            'model.head.freeze_pose_head': False,
            'model.head.pose_head.init_cfg': None,
            'train_dataloader.dataset.indices': None,
            'visualizer.vis_backends': [dict(type='LocalVisBackend')],
        },
    ),
    'swahr': Method(
        'swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py',
        data='crowds',
        puts_truth_in=True,
    ),
    'hsjp': Method(
        'hsjp/mannequin/hsjp_res18-quarter_1xb32-1200_mannequin-128x96.py',
        options={'train_dataloader.dataset.min_bbox_size': 8},
    ),
    'eventhpe-flow': Method(
        'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py',
        data='recordings',
        options=_CLIPS,
    ),
    'eventhpe-shape': Method(
        'eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py',
        data='recordings',
        options={**_CLIPS, 'model.flow_net.init_cfg': None},
    ),
}


class KeepGradients(OptimWrapper):
    """Computes gradients and leaves them and the weights as they are."""

    def update_params(self, loss, step_kwargs=None, zero_kwargs=None):
        """As OptimWrapper's, less the step."""
        self.backward(loss)


def small(method: Method, data_root: str, work_dir: Path, distributed: bool) -> Config:
    """A config of the method, cut down to two steps and five validated samples."""
    config = Config.fromfile(CONFIGS / method.config)
    schedule = dict(by_epoch=False, max_iters=STEPS, val_interval=STEPS)
    options = {
        'train_cfg': {'_delete_': True, **schedule},
        'param_scheduler': None,
        'log_processor.by_epoch': False,
        'default_hooks.logger': dict(interval=1, log_metric_by_epoch=False),
        'default_hooks.checkpoint': dict(interval=STEPS, by_epoch=False),
        'default_hooks.visualization': dict(enable=distributed, interval=STEPS),
        'randomness.seed': 0,
        'model.backbone.init_cfg': None,
        'launcher': 'pytorch' if distributed else 'none',
        'work_dir': str(work_dir),
        **method.options,
    }
    for name in LOADERS:
        loader = config[name]
        options |= {f'{name}.num_workers': 0, f'{name}.persistent_workers': False}
        options |= {f'{name}.batch_size': 2}
        parts = [f'datasets.{i}.' for i in range(len(loader.dataset.get('datasets', ())))]
        for part in parts or ['']:
            options[f'{name}.dataset.{part}data_root'] = f'{data_root}/'
    for name in ('val_dataloader', 'test_dataloader'):
        options[f'{name}.dataset.indices'] = VALIDATED
    if 'backbone' not in config.model:
        del options['model.backbone.init_cfg']
    if not method.draws_curves:
        config.default_hooks.pop('curves')
    config.merge_from_dict(options)
    for evaluator in ('val_evaluator', 'test_evaluator'):
        if 'ann_file' in config[evaluator]:
            name = Path(config[evaluator].ann_file).name
            config[evaluator].ann_file = f'{data_root}/annotations/{name}'
    # MMEngine keeps loggers and visualizers, with their folders, under their names.
    config.experiment_name = config.visualizer.name = f'{work_dir.name}_{next(_number)}'
    return config


def put_truth_in(model: torch.nn.Module) -> None:
    """Let a model predict what is true, but for errors that each sample has of its own."""
    predict = model.test_step

    def near_truth(data):
        samples = predict(data)
        for sample in samples:
            truth = np.asarray(sample.gt_instances.keypoints)
            random = np.random.default_rng(int(sample.img_id))
            error = random.normal(scale=PIXELS, size=truth.shape)
            sample.pred_instances = InstanceData(
                keypoints=truth + error,
                keypoint_scores=random.random(truth.shape[:2]),
                bbox_scores=random.random(len(truth)),
            )
        return samples

    model.test_step = model.val_step = near_truth


def part_of(batch, chosen: slice):
    """Some samples of a collated batch."""
    if isinstance(batch, dict):
        return {key: part_of(value, chosen) for key, value in batch.items()}
    return batch[chosen]


def joint_batch(runner: Runner) -> dict:
    """A batch for both processes together, the same in either: the first and the last samples."""
    loader = runner.train_loop.dataloader
    number = len(loader.dataset)
    half = SAMPLES // 2
    set_random_seed(0)
    indices = [*range(half), *range(number - half, number)]
    return loader.collate_fn([loader.dataset[i] for i in indices])


def enliven(model: torch.nn.Module) -> None:
    """Draw weights that begin as 0, which let no gradient through; in both processes the same."""
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if not weight.any():
                weight.normal_(std=0.05, generator=random)


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of the gradients of all weights that are trained; none is left."""
    found = {k: w.grad.clone() for k, w in model.named_parameters() if w.requires_grad}
    model.zero_grad()
    return found


def compare_gradients(runner: Runner, rank: int) -> dict:
    """Gradients of the joint batch in this process, and of its halves in both."""
    wrapped, model = runner.model, runner.model.module
    enliven(model)
    model.train()
    for layer in model.modules():
        if isinstance(layer, _BatchNorm):  # else it would normalise by the batch it sees
            layer.eval()
    batch = joint_batch(runner)
    half = SAMPLES // WORLD_SIZE
    optimizer = KeepGradients(torch.optim.SGD(model.parameters(), lr=1.0))
    model.train_step(batch, optimizer)
    alone = gradients(model)
    for _ in range(2):  # DistributedDataParallel complains about unused weights a step later
        wrapped.train_step(part_of(batch, slice(half * rank, half * (rank + 1))), optimizer)
        together = gradients(model)
    return dict(
        wrapper=type(wrapped).__name__,
        errors={k: float((together[k] - g).norm() / g.norm()) for k, g in alone.items()},
    )


def scores_of(runner: Runner, method: Method) -> dict:
    """Scores of the untrained network, by the test loop."""
    model = runner.model.module if runner.distributed else runner.model
    if method.puts_truth_in:
        put_truth_in(model)
    return runner.test()


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if not p.is_dir())


def be_rank(rank: int, roots: dict[str, str], out: Path) -> None:
    """Go through all methods as one of the processes."""
    torch.set_num_threads(1)
    alone = {}
    for name in list(METHODS)[rank::WORLD_SIZE]:
        method = METHODS[name]
        set_random_seed(0)
        runner = Runner.from_cfg(small(method, roots[method.data], out / 'one' / name, False))
        alone[name] = scores_of(runner, method)
    os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(WORLD_SIZE))
    init_dist('pytorch', init_method=f'file://{out}/store', rank=rank, world_size=WORLD_SIZE)
    measured = {}
    for name, method in METHODS.items():
        folder = out / f'rank{rank}' / name
        set_random_seed(0)
        runner = Runner.from_cfg(small(method, roots[method.data], folder, True))
        scores = scores_of(runner, method)
        compared = compare_gradients(runner, rank)
        runner.train()
        measured[name] = dict(
            compared,
            scores=scores,
            files=files_in(folder),
            steps=runner.iter,
            weights=[float(w.double().norm()) for w in runner.model.parameters()],
        )
    (out / f'rank{rank}.json').write_text(json.dumps(dict(alone=alone, together=measured)))
    torch.distributed.destroy_process_group()


def be_process(*args) -> None:
    """Be a rank, and gone at once when it is done, whatever threads there are."""
    status = 1
    try:
        be_rank(*args)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def main() -> None:
    *data, out = (Path(arg).resolve() for arg in sys.argv[1:])
    roots = dict(zip(('mannequins', 'crowds', 'recordings'), map(str, data), strict=True))
    os.chdir(out)  # MMEngine hands results over in a folder of the current one
    cv2.setNumThreads(0)
    quick_mmengine.install()
    gc.freeze()  # MMEngine collects garbage for each dataset, with all that is imported
    fork = get_context('fork')
    ranks = [fork.Process(target=be_process, args=(rank, roots, out)) for rank in range(WORLD_SIZE)]
    for process in ranks:
        process.start()
    while any(process.is_alive() for process in ranks):
        connection.wait([p.sentinel for p in ranks if p.is_alive()])
        if any(process.exitcode for process in ranks):
            for process in ranks:  # the other one would wait for ever
                process.kill()
    sys.exit(max(abs(process.exitcode) for process in ranks))


if __name__ == '__main__':
    main()
