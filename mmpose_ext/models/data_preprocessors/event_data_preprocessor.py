"""Data preprocessor for samples of an event camera."""

from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class EventDataPreprocessor(BaseDataPreprocessor):
    """Batch what ``PackEventInputs`` packed, on the model's device.

    Each input becomes one tensor with the batch as its first axis. Events and gray pictures
    travel as uint8, an eighth of the bytes of double and a quarter of those of float, and become
    float32 on the device; their values stay: events 0 and 1, gray 0 to 255.

    Args:
        non_blocking (bool): Whether copies to the device may overlap with what follows.
    """

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Stack and move a batch.

        Args:
            data (dict[str, Any]): ``inputs``: for each name the samples' tensors, a list or
                already one tensor; ``data_samples``: the samples, or None.
            training (bool): Not used.

        Returns:
            dict[str, Any]: ``inputs``: for each name one float32 tensor (B, ...); ``data_samples``.

        Raises:
            ValueError: If the samples of a batch have different shapes; names the input.
        """
        inputs = {name: self._stack(name, values) for name, values in data['inputs'].items()}
        return {'inputs': inputs, 'data_samples': self.cast_data(data.get('data_samples'))}

    def _stack(self, name: str, values: Any) -> torch.Tensor:
        if not isinstance(values, torch.Tensor):
            shapes = sorted({tuple(value.shape) for value in values})
            if len(shapes) != 1:
                raise ValueError(
                    f'{name} of a batch should have one shape, got {shapes}: let all samples have '
                    'the same steps, channels and size'
                )
            values = torch.stack(list(values))
        values = values.to(self.device, non_blocking=self._non_blocking)
        return values.float()
