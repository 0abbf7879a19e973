"""EventHPE's stage 1 as a model: optical flow from events, trained on the gray frames."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor


@MODELS.register_module()
class EventFlowEstimator(BaseModel):
    """Estimates optical flow from event frames, and learns it without labels.

    Stage 1 of EventHPE (`ICCV 2021 <https://arxiv.org/abs/2108.06819>`_): the flow is to carry
    the second gray frame of an event window onto the first, and to be smooth. Stage 2 takes the
    network, ``flow_net``, from a checkpoint of this one by ``prefix='flow_net.'``.

    Args:
        flow_net (dict): Config of the network, :class:`EventFlowNet`.
        photometric (dict): Config of :class:`FlowPhotometricLoss`.
        smoothness (dict): Config of :class:`FlowSmoothnessLoss`.
        data_preprocessor (dict, optional): Config of ``EventDataPreprocessor``.
        init_cfg (dict, optional): MMEngine's.
    """

    def __init__(
        self,
        flow_net: dict,
        photometric: dict | None = None,
        smoothness: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.flow_net = MODELS.build(flow_net)
        self.photometric = MODELS.build(photometric or dict(type='FlowPhotometricLoss'))
        self.smoothness = MODELS.build(smoothness or dict(type='FlowSmoothnessLoss'))

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Run the network, with the losses or the predictions.

        Args:
            inputs: ``events`` (B, C, H, W); for the losses ``gray`` (B, 2, H, W), 0 to 255;
                perhaps ``dt`` (B,), lengths of the windows in steps.
            data_samples: The batch's samples, which predictions are put into.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            Flows coarse to fine, a dict of losses, or the samples with ``pred_fields``.

        Raises:
            ValueError: If an input is missing or the mode is unknown.
        """
        if mode == 'tensor':
            return self._flows(inputs)
        if mode == 'loss':
            return self.loss(inputs)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")

    def loss(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            inputs: See :meth:`forward`.

        Returns:
            ``loss_photometric``, ``loss_smoothness``, and to look at ``photometric_gain``: by
            which share the finest flow lowers the photometric error of standing still.

        Raises:
            ValueError: If an input is missing.
        """
        flows, gray = self._flows(inputs), _require(inputs, 'gray')
        losses = dict(
            loss_photometric=self.photometric(flows, gray),
            loss_smoothness=self.smoothness(flows),
        )
        with torch.no_grad():
            still = self.photometric.error(torch.zeros_like(flows[-1]), gray)
            losses['photometric_gain'] = 1 - self.photometric.error(flows[-1], gray) / still
        return losses

    def predict(
        self, inputs: dict[str, Tensor], data_samples: Sequence[PoseDataSample] | None
    ) -> list[PoseDataSample]:
        """Predict the flow at the events' resolution.

        Args:
            inputs: See :meth:`forward`.
            data_samples: The batch's B samples, or None for new ones.

        Returns:
            The samples with ``pred_fields.flow``: u and v in px, float32 (2, H, W) on the CPU.

        Raises:
            ValueError: If an input is missing, or there are not as many samples as windows.
        """
        flow = self._flows(inputs)[-1].float().cpu()
        samples = [PoseDataSample() for _ in flow] if data_samples is None else list(data_samples)
        if len(samples) != len(flow):
            raise ValueError(
                f'{len(flow)} windows of events need as many samples, got {len(samples)}'
            )
        for sample, field in zip(samples, flow, strict=True):
            sample.pred_fields = PixelData(flow=field)
        return samples

    def _flows(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        flows: tuple[Tensor, ...] = self.flow_net(_require(inputs, 'events'), inputs.get('dt'))
        return flows


def _require(inputs: dict[str, Tensor], name: str) -> Tensor:
    if name not in inputs:
        raise ValueError(
            f'the inputs lack {name!r}, there are {sorted(inputs)}: load it in the pipeline, '
            "which ends with dict(type='PackEventInputs')."
        )
    return inputs[name]
