"""EventHPE's stage 2 as a pose estimator: pose and shape over time from events and flow."""

from typing import Any, NamedTuple

import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.models.body_models.rotations import matrix_to_rotation_6d
from mmpose_ext.models.heads.event_batch import gather_camera, gather_start
from mmpose_ext.models.heads.shape_variation_head import project_steps
from mmpose_ext.models.options import check_option
from mmpose_ext.skeletons import smpl24

Inputs = dict[str, Tensor]
Samples = list[PoseDataSample]

FLOW_SOURCES = ('net', 'file', 'none')
STATES = ('zeros', 'features', 'start')
# What a clip's prediction has for each step, beside its betas.
_STEP_FIELDS = ('rotmats', 'transl', 'joints_cam', 'keypoints', 'vertices')


class EventState(NamedTuple):
    """What is carried from one step to the next.

    Attributes:
        hidden (Tensor): State of the neck, (B, D).
        rotmats (Tensor): Rotations of the last pose, (B, 24, 3, 3).
        transl (Tensor): Its translation (B, 3) in metres.
        betas (Tensor): Shape coefficients (B, S).
    """

    hidden: Tensor
    rotmats: Tensor
    transl: Tensor
    betas: Tensor

    @property
    def start(self) -> dict[str, Tensor]:
        """The last pose as the start of what follows."""
        return dict(rotmats=self.rotmats, transl=self.transl, betas=self.betas)


@MODELS.register_module()
class EventHPE(BasePoseEstimator):
    """Human pose and shape over time from an event camera.

    Source: `EventHPE <https://arxiv.org/abs/2108.06819>`_ (Zou et al., ICCV 2021), its
    ``EventTrackNet``: a convolutional network sees events and optical flow of each step, a
    recurrent one the steps, and the head turns and moves the pose of the step before. All steps of
    all clips go through the backbone as one batch.

    B clips, T steps, C channels of events, images H high and W wide, V vertices.

    Args:
        backbone (dict): Config of a backbone of ``C + 2`` input channels, or C without
            ``flow_input``. The paper's: ``dict(type='ResNet', depth=50, in_channels=10,
            style='pytorch')``. Its last feature map is averaged.
        neck (dict): Config of ``TemporalGRU``.
        head (dict): Config of ``ShapeVariationHead``.
        flow_net (dict, optional): Config of ``EventFlowNet``, with stage 1's weights as
            ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='flow_net.')``. It is frozen
            and stays in evaluation mode.
        flow_source (str): ``'net'``: flow comes from ``flow_net``; ``'file'``: from the sample,
            as in the authors' code; ``'none'``: there is none, events alone.
        flow_input (bool): Whether the backbone sees the flow. False: only the loss does.
        state_from (str): State of the neck before the first step. ``'features'``: those of the
            first photograph (``start.features``, HMR's); ``'start'``: a linear layer makes it of
            the start's pose, translation and betas (ours); ``'zeros'``.
        train_cfg (dict, optional): Not used.
        test_cfg (dict, optional): ``output_vertices``: whether predictions have vertices.
            ``carry_state``: whether a clip that begins in its recording where the last one ended
            goes on from there, state and pose, instead of from its own start.
        data_preprocessor (dict, optional): Config of ``EventDataPreprocessor``.
        init_cfg (dict | list, optional): Config of the initialisation.
        metainfo (dict, optional): See ``BasePoseEstimator``.

    Raises:
        ValueError: If the options contradict each other.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        flow_net: dict | None = None,
        flow_source: str = 'net',
        flow_input: bool = True,
        state_from: str = 'zeros',
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
        metainfo: dict | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
            metainfo=metainfo,
        )
        check_option('flow_source', flow_source, FLOW_SOURCES)
        check_option('state_from', state_from, STATES)
        self.flow_source = flow_source
        self.flow_input = flow_input
        self.state_from = state_from
        self._check_options(has_flow_net=flow_net is not None)
        self.flow_net: Any = None if flow_net is None else MODELS.build(flow_net)
        if self.flow_net is not None:
            self.flow_net.requires_grad_(False).eval()
        if state_from == 'start':
            numbers = 6 * smpl24.NUM_JOINTS + 3 + self.head.body_model.num_betas
            self.state_layer = nn.Linear(numbers, self.neck.hidden_channels)
        # Recording, its last frame, and the state there.
        self._carried: tuple[str, int, EventState] | None = None

    def train(self, mode: bool = True) -> 'EventHPE':
        """Switch the mode; the flow network stays in evaluation mode."""
        super().train(mode)
        if self.flow_net is not None:
            self.flow_net.eval()
        self._carried = None
        return self

    def forward(self, inputs: Inputs, data_samples: Any = None, mode: str = 'tensor') -> Any:
        """Run the network, with the losses or the predictions.

        Args:
            inputs: ``events`` (B, T, C, H, W); with ``flow_source='file'`` also ``flow``
                (B, T, 2, H, W) in px.
            data_samples: The batch's B samples.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            What the head gives, a dict of losses, or the samples with ``pred_instances``.
        """
        if mode == 'tensor':
            # MMPose's gives no samples, which hold the start.
            return self._forward(inputs, data_samples)
        return super().forward(inputs, data_samples, mode)

    def extract_feat(self, inputs: Inputs, for_loss: bool = False) -> tuple[Tensor, Tensor | None]:
        """Give the features of each step, before the neck, and the flow.

        Args:
            inputs: See :meth:`forward`.
            for_loss: Whether the flow is also for the coherence, which may need it though the
                backbone does not.

        Returns:
            Features (B, T, F) and flow (B, T, 2, H, W) in px, None if nothing needs it.

        Raises:
            ValueError: If an input is missing or of the wrong shape.
        """
        events = inputs['events']
        if events.ndim != 5:
            raise ValueError(f'events must be (B, T, C, H, W), got {tuple(events.shape)}.')
        events = events if events.is_floating_point() else events.float()
        batch = events.shape[:2]
        needs_flow = self.flow_input or (for_loss and self.head.loss_module.needs_vertices)
        flow = self._flow(inputs, events) if needs_flow else None
        frames = events.flatten(0, 1)
        if self.flow_input and flow is not None:
            frames = torch.cat([frames, flow.flatten(0, 1).to(frames.dtype)], 1)
        feats = self.backbone(frames)
        feats = feats[-1] if isinstance(feats, tuple | list) else feats
        return feats.mean((-2, -1)).unflatten(0, batch), flow

    def loss(self, inputs: Inputs, data_samples: Samples) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            inputs: See :meth:`forward`.
            data_samples: The batch's B samples, with labels.

        Returns:
            The losses of the head.
        """
        feats, flow = self.extract_feat(inputs, for_loss=True)
        start, hidden = self._start(data_samples, feats)
        feats, _ = self.neck(feats, hidden)
        losses: dict[str, Tensor] = self.head.loss(
            feats, data_samples, train_cfg=self.train_cfg, start=start, flow=flow
        )
        return losses

    @torch.no_grad()
    def predict(self, inputs: Inputs, data_samples: Samples) -> Samples:
        """Predict poses and bodies.

        Args:
            inputs: See :meth:`forward`.
            data_samples: The batch's B samples.

        Returns:
            The samples with ``pred_instances`` of length T, numpy arrays in float32: ``rotmats``
            (T, 24, 3, 3), ``transl`` (T, 3), ``betas`` (T, S), ``joints_cam`` (T, 24, 3),
            ``keypoints`` (T, 24, 2) in px, and perhaps ``vertices`` (T, V, 3); in camera space,
            in metres.
        """
        feats, _ = self.extract_feat(inputs)
        if self.test_cfg.get('carry_state', False):
            pred = self._predict_in_order(feats, data_samples)
        else:
            pred, _ = self._recur(feats, *self._start(data_samples, feats))
        camera = gather_camera(data_samples, feats.device)
        pred['keypoints'] = project_steps(pred['joints_cam'], **camera)
        fields = {name: pred[name] for name in _STEP_FIELDS if name in pred}
        fields['betas'] = pred['betas'][:, None].expand(-1, feats.shape[1], -1)
        arrays = {name: value.float().cpu().numpy() for name, value in fields.items()}
        for index, sample in enumerate(data_samples):
            sample.pred_instances = InstanceData(
                **{name: values[index] for name, values in arrays.items()}
            )
        return data_samples

    @torch.no_grad()
    def step(
        self,
        events: Tensor,
        state: EventState | None = None,
        start: dict[str, Tensor] | None = None,
        flow: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], EventState]:
        """Go one step on, as in a stream; the same as a clip of all steps.

        Args:
            events: Event frames of the step, (B, C, H, W).
            state: What the step before gave. None: this is the first.
            start: Before the first step: ``rotmats`` (B, 24, 3, 3), ``transl`` (B, 3), ``betas``
                (B, S), and with ``state_from='features'`` ``features`` (B, D). None if the head
                predicts it.
            flow: Flow (B, 2, H, W) in px, with ``flow_source='file'``.

        Returns:
            ``rotmats`` (B, 24, 3, 3), ``transl`` (B, 3), ``betas`` (B, S), ``joints_cam``
            (B, 24, 3), with ``output_vertices`` in ``test_cfg`` also ``vertices`` (B, V, 3); and
            the state for the next step.

        Raises:
            ValueError: If there is no start, or it lacks something.
        """
        inputs = dict(events=events[:, None])
        if flow is not None:
            inputs['flow'] = flow[:, None]
        feats, _ = self.extract_feat(inputs)
        if state is not None:
            pred, state = self._recur(feats, state.start, state.hidden)
        else:
            hidden = self._first_hidden(start)
            start = None if self.head.start == 'predicted' else start
            pred, state = self._recur(feats, start, hidden)
        step = {name: pred[name][:, 0] for name in _STEP_FIELDS if name in pred}
        return dict(**step, betas=pred['betas']), state

    def _forward(self, inputs: Inputs, data_samples: Any = None) -> dict[str, Tensor]:
        feats, _ = self.extract_feat(inputs)
        start, hidden = self._start(data_samples or [], feats)
        feats, _ = self.neck(feats, hidden)
        pred: dict[str, Tensor] = self.head(feats, start)
        return pred

    def _flow(self, inputs: Inputs, events: Tensor) -> Tensor | None:
        """Flow (B, T, 2, H, W) of float events (B, T, C, H, W), without a gradient."""
        if self.flow_source == 'net':
            with torch.no_grad():
                return self.flow_net(events.flatten(0, 1))[-1].unflatten(0, events.shape[:2])
        if self.flow_source == 'none':
            return None
        flow = inputs.get('flow')
        expected = (*events.shape[:2], 2, *events.shape[3:])
        if flow is None or tuple(flow.shape) != expected:
            raise ValueError(
                f"flow_source='file' needs a flow {expected} among the inputs, got "
                f'{None if flow is None else tuple(flow.shape)}: load it with LoadEventFlow.'
            )
        return flow.detach()

    def _start(
        self, samples: Samples, feats: Tensor
    ) -> tuple[dict[str, Tensor] | None, Tensor | None]:
        """Start and state of the neck that samples begin with."""
        if self.head.start == 'predicted' and self.state_from != 'features':
            return None, None
        if not samples:
            raise ValueError(
                'EventHPE was given no data samples, which hold the pose that a clip starts with: '
                "give them, or set start='predicted' in the head."
            )
        start = gather_start(samples, feats.device, features=self.state_from == 'features')
        hidden = self._first_hidden(start)
        return (None if self.head.start == 'predicted' else start), hidden

    def _first_hidden(self, start: dict[str, Tensor] | None) -> Tensor | None:
        if self.state_from == 'zeros':
            return None
        needed = ('features',) if self.state_from == 'features' else ('rotmats', 'transl', 'betas')
        missing = [name for name in needed if start is None or name not in start]
        if start is None or missing:
            raise ValueError(f'state_from={self.state_from!r} needs {missing} in the start.')
        if self.state_from == 'features':
            return start['features']
        vectors = matrix_to_rotation_6d(start['rotmats']).flatten(1)
        betas = start['betas'][:, : self.head.body_model.num_betas]
        hidden: Tensor = self.state_layer(torch.cat([vectors, start['transl'], betas], 1))
        return hidden

    def _recur(
        self, feats: Tensor, start: dict[str, Tensor] | None, hidden: Tensor | None
    ) -> tuple[dict[str, Tensor], EventState]:
        """Predict from features (B, T, F) and say where that ended."""
        feats, hidden = self.neck(feats, hidden)
        pred = self.head.predict(feats, test_cfg=self.test_cfg, start=start)
        last = EventState(hidden, pred['rotmats'][:, -1], pred['transl'][:, -1], pred['betas'])
        return pred, last

    def _predict_in_order(self, feats: Tensor, samples: Samples) -> dict[str, Tensor]:
        """Predict clip after clip, each from where the last one ended if it goes on there."""
        preds = []
        for index, sample in enumerate(samples):
            clip, frames = feats[index : index + 1], sample.metainfo['frame_ids']
            recording = sample.metainfo['recording']
            if self._carried is not None and self._carried[:2] == (recording, int(frames[0])):
                state = self._carried[2]
                pred, state = self._recur(clip, state.start, state.hidden)
            else:
                pred, state = self._recur(clip, *self._start([sample], clip))
            self._carried = (recording, int(frames[-1]), state)
            preds.append(pred)
        return {name: torch.cat([pred[name] for pred in preds]) for name in preds[0]}

    def _check_options(self, has_flow_net: bool) -> None:
        has_flow = self.flow_source != 'none'
        if has_flow_net != (self.flow_source == 'net'):
            raise ValueError(
                f'flow_source={self.flow_source!r} and {"a" if has_flow_net else "no"} flow_net '
                "contradict each other: 'net' needs one, the others have no use for it."
            )
        if self.flow_input and not has_flow:
            raise ValueError("flow_source='none' needs flow_input=False.")
        if self.head.loss_module.needs_vertices and not has_flow:
            raise ValueError(
                "flow_source='none' leaves EventPoseLoss no flow: set coherence=0 in it."
            )
        if self.state_from == 'start' and self.head.start == 'predicted':
            raise ValueError("state_from='start' needs a start: set start='given' in the head.")
