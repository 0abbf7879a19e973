"""Sheets of what models see in events: optical flow, and bodies step by step."""

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel

from mmpose_ext.visualization.captions import PAPER, header, text_width, write
from mmpose_ext.visualization.event_clips import (
    body_of_model,
    flow_seen,
    step_of_flow,
    steps_of_clip,
)
from mmpose_ext.visualization.event_panels import PANELS, EventStep, draw_panel, panels_known
from mmpose_ext.visualization.events_picture import longest_flow
from mmpose_ext.visualization.mesh_panels import body_note
from mmpose_ext.visualization.sheets import predict_people, tile_images

_GAP = 4
_LINE = 26
EVENTS_NOTE = 'events: the newest of each pixel, darker is newer'


def event_flow_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    samples_per_row: int = 1,
    cell: int = 192,
) -> np.ndarray:
    """Draw the optical flow that a model predicts from events.

    For each sample the first gray frame, the events, the predicted flow and, where it is known,
    the true one. Predicted and true flow of a sample have the same scale of colours.

    Args:
        model (BaseModel): An ``EventFlowEstimator``.
        dataset (BaseDataset): Dataset in test mode, ``mode='flow'``.
        indices (Sequence[int]): Which of its samples to draw.
        samples_per_row (int): Samples in a row of the sheet. Defaults to 1.
        cell (int): Height of a picture in pixels. Defaults to 192.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.
    """
    steps = [
        step_of_flow(item['inputs'], prediction)
        for item, prediction in predict_people(model, dataset, indices)
    ]
    return draw_steps(steps, steps_per_row=samples_per_row, cell=cell)


def event_pose_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    steps: int = 4,
    steps_per_row: int = 1,
    cell: int = 192,
) -> np.ndarray:
    """Draw the bodies that a model predicts from events.

    For each clip some of its steps, spread evenly and the last among them: the events, the flow,
    the predicted body over the events and from the camera's right, the true body likewise.

    Args:
        model (BaseModel): An ``EventHPE``.
        dataset (BaseDataset): Dataset in test mode, ``mode='shape'``.
        indices (Sequence[int]): Which of its clips to draw.
        steps (int): Steps of a clip. Defaults to 4.
        steps_per_row (int): Steps in a row of the sheet. Defaults to 1.
        cell (int): Height of a picture in pixels. Defaults to 192.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If ``steps`` is not positive or the model has no body.
    """
    if steps < 1:
        raise ValueError(f'steps should be at least 1, got {steps}')
    body = body_of_model(model)
    chosen: list[EventStep] = []
    for item, prediction in predict_people(model, dataset, indices):
        flow = flow_seen(model, item['inputs'])
        clip = steps_of_clip(item['inputs'], prediction, body, flow)
        chosen += [clip[t] for t in spread(len(clip), steps)]
    sheet = draw_steps(chosen, steps_per_row=steps_per_row, cell=cell)
    return np.concatenate([sheet, body_note(body, sheet.shape[1])])


def draw_steps(
    steps: Sequence[EventStep], *, steps_per_row: int = 1, cell: int = 192
) -> np.ndarray:
    """Draw steps as rows of pictures with titles and a legend.

    Args:
        steps (Sequence[EventStep]): The steps, their event frames of one size.
        steps_per_row (int): Steps in a row. Defaults to 1.
        cell (int): Height of a picture in pixels. Defaults to 192.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If there is no step, sizes differ or a number is not positive.
    """
    if not steps or steps_per_row < 1 or cell < 1:
        raise ValueError(
            f'need steps, steps_per_row >= 1 and cell >= 1, got {len(steps)} steps, '
            f'{steps_per_row} and {cell}'
        )
    panels = panels_known(steps)
    fastest = [_fastest(step) for step in steps]
    cells = [
        draw_panel(step, panel, cell, scale or None)
        for step, scale in zip(steps, fastest, strict=True)
        for panel in panels
    ]
    sheet = tile_images(cells, len(panels) * steps_per_row, _GAP)
    titles = [PANELS[panel].title for panel in panels] * steps_per_row
    top = header(titles, cells[0].shape[1], _GAP)
    note = EVENTS_NOTE
    if max(fastest) > 0:
        note += f'; flow: full colour is the longest of the step, up to {max(fastest):.1f} px'
    return np.concatenate([top, sheet, strip(note, sheet.shape[1])])


def spread(count: int, wanted: int) -> list[int]:
    """Choose some of a clip's steps, evenly, the last among them.

    Args:
        count (int): Steps there are.
        wanted (int): Steps wanted; all where there are no more.

    Returns:
        list[int]: Their numbers.
    """
    wanted = min(count, wanted)
    return [round((k + 1) * count / wanted) - 1 for k in range(wanted)]


def strip(text: str, width: int, height: int = _LINE) -> np.ndarray:
    """Write a line of text on a white strip, smaller where it would not fit.

    Args:
        text (str): The text.
        width (int): Width in pixels.
        height (int): Height in pixels. Defaults to 26.

    Returns:
        np.ndarray: BGR image (height, width, 3) uint8.
    """
    picture = np.full((height, width, 3), PAPER, np.uint8)
    size = 0.55 * height
    size *= min(1.0, (width - height) / text_width(text, size))
    write(picture, text, (height / 2, height / 2), size)
    return picture


def _fastest(step: EventStep) -> float:
    """Give the longest flow of a step, predicted or true, in px."""
    return max(
        (longest_flow(flow) for flow in (step.flow, step.true_flow) if flow is not None),
        default=0.0,
    )
