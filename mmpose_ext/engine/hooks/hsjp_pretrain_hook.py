"""The life of a pretraining run: checks at its beginning, a backbone file at its end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS
from torch import Tensor

from mmpose_ext.codecs.functional.jigsaw import check_grid
from mmpose_ext.engine.backbone_export import (
    BACKBONE,
    check_modules,
    export_state_dict,
    finetune_options,
    holds_weights,
    short_hash,
    verify_export,
    write_export,
)
from mmpose_ext.engine.bare_model import bare_model
from mmpose_ext.engine.hsjp_setup import (
    fingerprint_differences,
    hsjp_fingerprint,
    hsjp_setup_problems,
    hsjp_setup_warnings,
)


@HOOKS.register_module()
class HSJPPretrainHook(Hook):
    """Pretrain on jigsaw puzzles (HSJP), and hand the backbone on.

    Before training, all that is wrong with the puzzle is named at once. Each checkpoint is
    stamped with its puzzle, ``meta['hsjp']``; with each, the backbone is written beside it, in
    the form in which ``init_cfg=dict(type='Pretrained', checkpoint=...)`` reads it. At the end
    the file is read back and checked, and the options to finetune from it are logged. The puzzles
    come from ``HSJPShuffle`` in the pipeline; the hook does nothing per iteration. The task is the
    paper's (https://arxiv.org/abs/2012.07101), this way to run it ours.

    Args:
        out_file (str): The file, in the work directory. Defaults to ``'hsjp_backbone.pth'``.
        export_modules (Sequence[str]): Modules to export. Defaults to the backbone, under names
            without ``'backbone.'``. Any others, such as ``('backbone', 'head.deconv_layers')``,
            keep their full names, for ``load_from``.
        grid (tuple[int, int], optional): (rows, columns), which the pipelines must agree with.
            Defaults to None: theirs.
        strict (bool): Whether a wrong set-up, or a checkpoint of another puzzle, is an error;
            else a warning. Defaults to True.
        verify (bool): Whether to read the file back at the end. Defaults to True.

    Raises:
        TypeError: If ``export_modules`` is no list of names.
        ValueError: If an argument is invalid; on training, if the puzzle is set up wrongly
            (:func:`mmpose_ext.engine.hsjp_setup.hsjp_setup_problems`), and on loading, if the
            checkpoint is that of another puzzle.
        RuntimeError: At the end of training, if the file is not usable.

    Example:
        >>> custom_hooks = [dict(type='SyncBuffersHook'), dict(type='HSJPPretrainHook')]
    """

    # After EMAHook and SyncBuffersHook, whose weights are to be exported; before CheckpointHook.
    priority = 'LOW'

    def __init__(
        self,
        out_file: str = 'hsjp_backbone.pth',
        export_modules: Sequence[str] = BACKBONE,
        grid: Sequence[int] | None = None,
        strict: bool = True,
        verify: bool = True,
    ) -> None:
        if not isinstance(out_file, str) or not Path(out_file).suffix:
            raise ValueError(f"out_file must be a name like 'hsjp_backbone.pth', got {out_file!r}")
        self.out_file = out_file
        self.export_modules = check_modules(export_modules)
        self.grid = None if grid is None else check_grid(grid)
        self.strict = strict
        self.verify = verify
        self._exported = False

    def before_train(self, runner: Runner) -> None:
        """Refuse a puzzle that is set up wrongly.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: Names every problem and its cure.
        """
        self._exported = False
        model = bare_model(runner)
        train_dataset, val_dataset = (_dataset(loop) for loop in _train_and_val(runner))
        metrics = _val_metrics(runner)
        problems = hsjp_setup_problems(model, train_dataset, val_dataset, self.grid, metrics)
        for name in self.export_modules:
            if not any(key.startswith(f'{name}.') for key in model.state_dict()):
                problems.append(f'export_modules names {name!r}, of which there are no weights.')
        if problems:
            listed = '\n'.join(f'  - {problem}' for problem in problems)
            self._complain(runner, f'HSJP pretraining is not set up right:\n{listed}')
        for warning in hsjp_setup_warnings(model, train_dataset, val_dataset):
            runner.logger.warning(warning)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse the checkpoint of another puzzle, to resume, to start from or to test.

        Args:
            runner (Runner): The runner that loads it.
            checkpoint (dict): What the file holds.

        Raises:
            ValueError: If grid, sigma or input size differ.
        """
        stamp = (checkpoint.get('meta') or {}).get('hsjp')
        if stamp is None:
            runner.logger.info('The checkpoint was not trained on jigsaw puzzles (HSJP).')
            return
        loops = (runner._train_loop, runner._val_loop, runner._test_loop)
        dataset = next((_dataset(loop) for loop in loops if isinstance(loop, BaseLoop)), None)
        here = hsjp_fingerprint(bare_model(runner), dataset)
        differences = fingerprint_differences(stamp, here)
        if differences:
            self._complain(
                runner,
                f'The checkpoint is of another puzzle: {", ".join(differences)}. Take the config '
                'that it was trained with, or train anew in another work directory.',
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Stamp a checkpoint and export from it, on the main process, which alone saves.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): What will be saved; EMAHook has put its weights in.
        """
        meta = checkpoint.setdefault('meta', {})
        meta['hsjp'] = self._stamp(runner, meta.get('epoch'), meta.get('iter'))
        self._export(runner, checkpoint['state_dict'], meta['hsjp'])

    def after_train(self, runner: Runner) -> None:
        """See that there is an export, check it, and log how to use it.

        Args:
            runner (Runner): The runner.

        Raises:
            RuntimeError: If the file is not usable.
        """
        barrier()
        try:
            if is_main_process():
                self._finish(runner)
        finally:
            barrier()  # a process that is gone already may end the others

    def _finish(self, runner: Runner) -> None:
        path, weights = self._path(runner), _weights(runner)
        if not (self._exported and path.is_file()):  # no checkpoint saved, or a finished run
            export = export_state_dict(weights, self.export_modules)
            if not holds_weights(path, export):
                self._export(runner, weights, self._stamp(runner, runner.epoch, runner.iter))
        if self.verify:
            verify_export(path, weights, self.export_modules)
        runner.logger.info(
            f'Pretrained weights: {path} (sha256 {short_hash(path)}). To finetune any config of '
            f'the same backbone, append {finetune_options(path, self.export_modules)}'
        )

    def _export(self, runner: Runner, weights: Mapping[str, Tensor], stamp: dict[str, Any]) -> None:
        export = export_state_dict(weights, self.export_modules)
        write_export(self._path(runner), export, {'hsjp': stamp})
        self._exported = True

    def _stamp(self, runner: Runner, epoch: int | None, iteration: int | None) -> dict[str, Any]:
        fingerprint = hsjp_fingerprint(bare_model(runner), _dataset(runner.train_loop))
        return {**fingerprint, 'epoch': epoch, 'iter': iteration}

    def _path(self, runner: Runner) -> Path:
        return Path(runner.work_dir) / self.out_file

    def _complain(self, runner: Runner, message: str) -> None:
        if self.strict:
            raise ValueError(message)
        runner.logger.warning(message)


def _weights(runner: Runner) -> Mapping[str, Tensor]:
    """Weights that a checkpoint would hold: averaged ones, if they are."""
    averaged = [hook.ema_model.module for hook in runner.hooks if isinstance(hook, EMAHook)]
    weights: Mapping[str, Tensor] = (averaged or [bare_model(runner)])[0].state_dict()
    return weights


def _train_and_val(runner: Runner) -> tuple[BaseLoop, BaseLoop | None]:
    val = runner._val_loop if isinstance(runner._val_loop, BaseLoop) else None
    return runner.train_loop, val


def _val_metrics(runner: Runner) -> Sequence[Any]:
    val = _train_and_val(runner)[1]
    return () if val is None else val.evaluator.metrics


def _dataset(loop: BaseLoop | None) -> Any:
    return None if loop is None else loop.dataloader.dataset
