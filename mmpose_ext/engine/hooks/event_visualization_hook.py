"""Pictures of event clips in validation and test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dist import master_only
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample

from mmpose_ext.visualization.delivery import deliver
from mmpose_ext.visualization.event_clips import (
    body_of_model,
    flow_seen,
    step_of_flow,
    steps_of_clip,
)
from mmpose_ext.visualization.event_sheets import draw_steps, spread


@HOOKS.register_module()
class EventVisualizationHook(PoseVisualizationHook):
    """Draws predictions of EventHPE: ``tools/test.py --show-dir`` for event clips.

    MMPose's hook reads the photograph of a sample; an event clip has none. This one draws the
    events that the model was given: with the flow and the bodies of some steps where the model
    predicts bodies, else with the flow. Pictures go to ``out_dir``, named
    ``RECORDING_FRAME.png``, or to the visualizer's backends.

    Args:
        steps (int): Steps of a clip that are drawn, spread evenly. Defaults to 4.
        cell (int): Height of the small pictures in pixels. Defaults to 192.
        **kwargs: Arguments of ``PoseVisualizationHook``: ``enable``, ``interval``, ``out_dir``,
            ``show``, ``wait_time``. In test every ``interval``-th clip is drawn too.

    Raises:
        ValueError: If ``steps``, ``cell`` or ``interval`` is not positive.

    Example:
        >>> default_hooks = dict(visualization=dict(type='EventVisualizationHook', enable=False))
    """

    def __init__(self, steps: int = 4, cell: int = 192, **kwargs: object) -> None:
        super().__init__(**kwargs)
        for name, value in (('steps', steps), ('cell', cell), ('interval', self.interval)):
            if value < 1:
                raise ValueError(f'{name} should be at least 1, got {value}')
        self.steps = steps
        self.cell = cell

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[PoseDataSample],
    ) -> None:
        """Draw the first clip of a batch, every ``interval`` iterations.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: What the data loader gave.
            outputs: What the model predicted.
        """
        iteration = runner.iter + batch_idx
        if self.enable and iteration % self.interval == 0:
            self._show(runner, 'val_events', data_batch, outputs, 0, iteration, None)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[PoseDataSample],
    ) -> None:
        """Draw the clips of a batch.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: What the data loader gave.
            outputs: What the model predicted.
        """
        if not self.enable:
            return
        for index, sample in enumerate(outputs):
            if self._test_index % self.interval == 0:
                out_file = None
                if self.out_dir is not None:
                    folder = Path(runner.work_dir, runner.timestamp, self.out_dir)
                    frame = int(np.ravel(sample.frame_ids)[0])
                    name = str(sample.recording).replace('/', '_')
                    out_file = str(folder / f'{name}_{frame:04d}.png')
                number = self._test_index
                self._show(runner, 'test_events', data_batch, outputs, index, number, out_file)
            self._test_index += 1

    @master_only
    def _show(
        self,
        runner: Runner,
        name: str,
        data_batch: dict,
        outputs: Sequence[PoseDataSample],
        index: int,
        step: int,
        out_file: str | None,
    ) -> None:
        inputs = {key: values[index] for key, values in data_batch['inputs'].items()}
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        sample = outputs[index]
        if 'pred_fields' in sample and 'flow' in sample.pred_fields:
            drawn = draw_steps([step_of_flow(inputs, sample)], cell=self.cell)
        else:
            flow = flow_seen(model, inputs)
            clip = steps_of_clip(inputs, sample, body_of_model(model), flow)
            drawn = draw_steps([clip[t] for t in spread(len(clip), self.steps)], cell=self.cell)
        deliver(self._visualizer, name, drawn[..., ::-1], self.show, self.wait_time, out_file, step)
