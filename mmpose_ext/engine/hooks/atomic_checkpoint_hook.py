"""Checkpoints of which there is always a whole one."""

import os.path as osp
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_ext.engine.atomic_backend import AtomicLocalBackend


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against being killed and against full disks.

    MMEngine's removes the outdated checkpoint, then writes the new one under its final name, then
    that name into ``last_checkpoint``; whoever is killed in between may be left with nothing to
    resume from. Here a checkpoint is written to a temporary name, flushed to the disk and renamed;
    then ``last_checkpoint`` is replaced in the same way; then, at last, outdated checkpoints are
    removed. For that moment the disk holds one more than ``max_keep_ckpts``. The arguments are
    MMEngine's. With ``backend_args`` or an ``out_dir`` of another store than the local disk,
    the store writes as it does; the order is kept.

    Raises:
        OSError: While training, if a checkpoint cannot be written; those before are untouched.
    """

    backend_args: dict[str, Any] | None

    def before_train(self, runner: Runner) -> None:
        """Choose where and how to write.

        Args:
            runner (Runner): The runner.
        """
        remote = '://' in str(self.out_dir or runner.work_dir)
        if self.backend_args is None and self.file_client_args is None and not remote:
            self.backend_args = dict(backend='atomic_local')
        super().before_train(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        outdated = self._next_to_keep(runner, step)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = osp.join(runner.work_dir, 'last_checkpoint')
            AtomicLocalBackend().put_text(str(self.last_ckpt), pointer)
        for old in outdated:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old)))

    def _next_to_keep(self, runner: Runner, step: int) -> list[int]:
        """Note a step as the latest of those to keep; return those that it makes outdated."""
        # MMEngine saves a step a second time, to note in it that it is the best.
        if self.max_keep_ckpts <= 0 or step in self.keep_ckpt_ids:
            return []
        kept = [*self.keep_ckpt_ids, step]
        self.keep_ckpt_ids.append(step)  # forgets the first if there are too many
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        return kept[: -self.max_keep_ckpts]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        if not self.save_best:
            return
        # MMEngine removes the old best ones that it knows of, before it writes the new ones.
        before = self._best_paths()
        self._set_best_paths(dict.fromkeys(before))
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            saved = self._best_paths()
            self._set_best_paths({key: saved.get(key) or path for key, path in before.items()})
        for path in set(before.values()) - set(self._best_paths().values()) - {None}:
            self._remove(str(path))
            runner.logger.info(f'The previous best checkpoint {path} is removed')

    def _best_paths(self) -> dict[str | None, str | None]:
        """Best checkpoints by the metric; by None where there is only one metric."""
        if len(self.key_indicators) == 1:
            return {None: self.best_ckpt_path}
        return dict(self.best_ckpt_path_dict)

    def _set_best_paths(self, paths: dict[str | None, str | None]) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = paths[None]
        else:
            self.best_ckpt_path_dict = paths

    def _remove(self, path: str) -> None:
        """Remove a checkpoint, or the folder of one, if this is the process to do so."""
        if not is_main_process():
            return
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # DeepSpeed's
            self.file_backend.rmtree(path)
