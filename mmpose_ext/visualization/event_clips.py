"""What is known of an event clip, read from a data sample step by step for pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.event_panels import EventStep
from mmpose_ext.visualization.person3d import as_array

_NO_FACES = np.zeros((0, 3), np.int64)


def steps_of_clip(
    inputs: dict[str, Tensor],
    sample: PoseDataSample,
    body: SMPLBody,
    flow: np.ndarray | None,
) -> list[EventStep]:
    """Read a clip of T steps with bodies.

    Args:
        inputs (dict[str, Tensor]): ``events`` (T, C, H, W).
        sample (PoseDataSample): Prediction: ``pred_instances`` hold ``rotmats`` (T, 24, 3, 3),
            ``betas`` (T, 10), ``transl`` (T, 3) or ``vertices`` (T, V, 3); ``gt_instances``, if
            there are any, the same and ``has_smpl`` (T,). Its meta information holds ``focal``
            (2,) and ``principal_pt`` (2,) in px.
        body (SMPLBody): The body model.
        flow (np.ndarray | None): Flow (T, 2, H, W) in px that the model saw, see
            :func:`flow_seen`.

    Returns:
        list[EventStep]: The steps.

    Raises:
        ValueError: If events are no clip, the camera is missing, or numbers of steps differ.
    """
    events = as_array(inputs['events'])
    if events.ndim != 4:
        raise ValueError(f'the events of a clip are (T, C, H, W), got {events.shape}')
    known = dict(
        flow=flow,
        vertices=bodies_of(sample.get('pred_instances', None), body),
        true_vertices=bodies_of(sample.get('gt_instances', None), body),
    )
    for name, values in known.items():
        if values is not None and len(values) != len(events):
            raise ValueError(f'a clip of {len(events)} steps has {len(values)} of {name}')
    K = camera_of_clip(sample)
    return [
        EventStep(events[t], K, body.faces, **{name: _at(known[name], t) for name in known})
        for t in range(len(events))
    ]


@torch.no_grad()
def flow_seen(model: BaseModel, inputs: dict[str, Tensor]) -> np.ndarray | None:
    """Give the flow that a model saw in a clip.

    Args:
        model (BaseModel): An ``EventHPE``.
        inputs (dict[str, Tensor]): ``events`` (T, C, H, W), and perhaps ``flow`` (T, 2, H, W) px.

    Returns:
        np.ndarray | None: Flow (T, 2, H, W) in px: that of the inputs, or what the model's
        ``flow_net`` makes of the events; None if there is neither.
    """
    if 'flow' in inputs:
        return as_array(inputs['flow'])
    net = getattr(model, 'flow_net', None)
    if net is None:
        return None
    events = torch.as_tensor(inputs['events'])
    device = next(net.parameters()).device
    return net(events.to(device, torch.float32))[-1].float().cpu().numpy()


def step_of_flow(inputs: dict[str, Tensor], sample: PoseDataSample) -> EventStep:
    """Read a sample of optical flow.

    Args:
        inputs (dict[str, Tensor]): ``events`` (C, H, W), perhaps ``gray`` (2, H, W).
        sample (PoseDataSample): Prediction: ``pred_fields.flow`` (2, H, W) in px, perhaps
            ``gt_fields.flow``.

    Returns:
        EventStep: A step without bodies.
    """

    def field(fields: str) -> np.ndarray | None:
        found = sample.get(fields, None)
        return as_array(found.flow) if found is not None and 'flow' in found else None

    gray = as_array(inputs['gray'])[0] if 'gray' in inputs else None
    return EventStep(
        as_array(inputs['events']),
        np.eye(3),
        _NO_FACES,
        flow=field('pred_fields'),
        true_flow=field('gt_fields'),
        gray=gray,
    )


@torch.no_grad()
def bodies_of(instances: InstanceData | None, body: SMPLBody) -> list[np.ndarray | None] | None:
    """Give the bodies of a clip before the camera.

    Args:
        instances (InstanceData | None): See :func:`steps_of_clip`.
        body (SMPLBody): The body model.

    Returns:
        list[np.ndarray | None] | None: Vertices (V, 3) in metres of each step, None where it has
        no label; None where there are no bodies at all.
    """
    if instances is None:
        return None
    if 'vertices' in instances:
        return list(as_array(instances.vertices))
    if not all(name in instances for name in ('rotmats', 'betas', 'transl')):
        return None
    device = next(body.buffers()).device
    rotmats, betas, transl = (
        torch.as_tensor(as_array(instances.get(name)), dtype=torch.float32, device=device)
        for name in ('rotmats', 'betas', 'transl')
    )
    betas = betas[:, : body.num_betas]
    vertices = body(rotmats[:, :1], rotmats[:, 1:], betas, transl).vertices.cpu().numpy()
    if 'has_smpl' not in instances:
        return list(vertices)
    labelled = np.ravel(as_array(instances.has_smpl)) > 0
    if not labelled.any():
        return None
    return [one if known else None for one, known in zip(vertices, labelled, strict=True)]


def camera_of_clip(sample: PoseDataSample) -> np.ndarray:
    """Give the camera of a clip.

    Args:
        sample (PoseDataSample): ``focal`` (2,) and ``principal_pt`` (2,) px in its meta
            information.

    Returns:
        np.ndarray: Intrinsics (3, 3) in px of the event frames.

    Raises:
        ValueError: If one of them is missing.
    """
    missing = [name for name in ('focal', 'principal_pt') if name not in sample]
    if missing:
        raise ValueError(
            f'the clip has no {" and no ".join(missing)}: PackEventInputs packs the camera of '
            'dataset.json into the meta information'
        )
    K = np.eye(3)
    K[(0, 1), (0, 1)] = np.ravel(as_array(sample.focal))
    K[:2, 2] = np.ravel(as_array(sample.principal_pt))
    return K


def body_of_model(model: BaseModel) -> SMPLBody:
    """Give the body of a model of event clips.

    Args:
        model (BaseModel): An ``EventHPE``.

    Returns:
        SMPLBody: Its body.

    Raises:
        ValueError: If it has none.
    """
    body = getattr(getattr(model, 'head', None), 'body_model', None)
    if not isinstance(body, SMPLBody):
        raise ValueError(
            f'a model whose head has a body_model is needed, such as EventHPE, got '
            f'{type(model).__name__}'
        )
    return body


def _at(values: Sequence | np.ndarray | None, index: int) -> np.ndarray | None:
    return None if values is None else values[index]
