"""A page in the browser: drop a picture, choose a method, see people in 2D and 3D."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mmpose_ext.apis.inputs import InputError
from mmpose_ext.apis.predictor import PosePredictor
from mmpose_ext.apis.results import PoseResult, PoseResults
from mmpose_ext.visualization.mesh_export import export_mesh
from mmpose_ext.visualization.skeleton_mesh import export_skeletons

if TYPE_CHECKING:
    import gradio

_TITLE = 'mmpose_ext'
_HINT = 'Drop a picture, choose a method, press the button.'
# Files of the page's answers are deleted when they are this old, in seconds.
_KEPT = 3600


def build_webdemo(predictors: Mapping[str, PosePredictor]) -> gradio.Blocks:
    """Build the page.

    Nothing is fetched from the network and nothing is reported to anybody; pictures stay on the
    machine that the page runs on.

    Args:
        predictors (Mapping[str, PosePredictor]): What can be chosen, by name; see
            :func:`mmpose_ext.apis.load`.

    Returns:
        gradio.Blocks: The page; its ``launch()`` serves it.

    Raises:
        ImportError: If Gradio is not installed.
        ValueError: If there is nothing to choose from.
    """
    if not predictors:
        raise ValueError('the page needs at least one method to choose from')
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            'the page needs Gradio: pip install "mmpose_ext[webdemo]" or pip install gradio'
        ) from error

    names = list(predictors)
    with gradio.Blocks(title=_TITLE, analytics_enabled=False, delete_cache=(_KEPT, _KEPT)) as page:
        gradio.Markdown(f'# {_TITLE}\n{_HINT}')
        with gradio.Row():
            with gradio.Column():
                # The file as it came: reading it is ours, with all its kinds of pixels.
                picture = gradio.Image(label='Picture', type='filepath', image_mode=None)
                method = gradio.Radio(names, value=names[0], label='Method')
                threshold = gradio.Slider(0, 1, 0.3, step=0.05, label='Least score of a keypoint')
                button = gradio.Button('Find people', variant='primary')
                summary = gradio.Markdown()
                download = gradio.File(label='Numbers (JSON)', visible=False)
            with gradio.Column(scale=2):
                drawn = gradio.Image(label='2D', format='png', height=480, interactive=False)
                model3d = gradio.Model3D(
                    label='3D (of 3D methods): drag to turn, scroll to zoom',
                    height=420,
                    interactive=False,
                )
        button.click(
            _answerer(predictors, gradio),
            inputs=[picture, method, threshold],
            outputs=[drawn, model3d, summary, download],
        )
    return page


def _answerer(predictors: Mapping[str, PosePredictor], gradio: Any) -> Callable[..., tuple]:
    """Make what the button calls."""
    # Goes with the page. Gradio serves copies of what lies in it.
    answers = tempfile.TemporaryDirectory(prefix='mmpose_ext_page_')

    def answer(path: str | None, method: str, threshold: float) -> tuple:
        if path is None:
            raise gradio.Error('There is no picture yet: drop one.', print_exception=False)
        try:
            result = analyse(predictors[method], path)
        except (OSError, ValueError) as error:
            raise gradio.Error(str(error), print_exception=False) from error
        folder = Path(tempfile.mkdtemp(dir=answers.name))
        numbers, body = folder / 'people.json', folder / 'people.glb'
        PoseResults([result]).to_json(numbers)
        return (
            cv2.cvtColor(result.plot(kpt_thr=threshold), cv2.COLOR_BGR2RGB),
            None if write_3d(result, body) is None else str(body),
            describe(result, method),
            gradio.update(value=str(numbers), visible=True),
        )

    return answer


def analyse(predictor: PosePredictor, path: str | Path) -> PoseResult:
    """Find the people of one picture.

    Args:
        predictor (PosePredictor): The method.
        path (str | Path): The picture.

    Returns:
        PoseResult: Its people, with the picture.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it cannot be read.
    """
    found = next(iter(predictor.stream(path)))
    if isinstance(found, InputError):
        raise ValueError(found.message)
    return found


def write_3d(result: PoseResult, path: str | Path) -> Path | None:
    """Write the people of a picture in 3D, for a viewer that turns them.

    Args:
        result (PoseResult): The people.
        path (str | Path): The file, ``.glb``. Bodies stand where they stand before the camera;
            skeletons, whose place is not known, side by side from left to right.

    Returns:
        Path | None: The file; None where there is nothing in 3D.

    Raises:
        ImportError: If ``trimesh`` is not installed.
        OSError: If the file cannot be written.
    """
    if not len(result.keypoints):
        return None
    if result.meshes is not None:
        vertices = np.stack([mesh.vertices for mesh in result.meshes])
        export_mesh(path, vertices, result.meshes[0].faces)
        return Path(path)
    if result.joints_3d is not None:
        order = np.argsort(result.boxes[:, [0, 2]].mean(axis=1))
        meta = result.dataset_meta
        links, colors = meta['skeleton_links'], meta['skeleton_link_colors']
        export_skeletons(path, result.joints_3d[order], links, colors)
        return Path(path)
    return None


def describe(result: PoseResult, method: str) -> str:
    """Say in Markdown what was found.

    Args:
        result (PoseResult): The people.
        method (str): Name of the method.

    Returns:
        str: A line, and a table with a row for each person.
    """
    count, (width, height) = len(result.keypoints), result.size
    if not count:
        return f'**{method}** found nobody in this picture of {width} x {height} pixels.'
    people = '1 person' if count == 1 else f'{count} people'
    lines = [
        f'**{method}** found {people} in {width} x {height} pixels.',
        '',
        '| | box x1, y1, x2, y2 | its score | mean score of keypoints |',
        '|---|---|---|---|',
    ]
    rows = zip(result.boxes, result.box_scores, result.keypoint_scores, strict=True)
    for number, (box, box_score, scores) in enumerate(rows):
        corners = ', '.join(f'{edge:.0f}' for edge in box)
        lines.append(f'| {number} | {corners} | {box_score:.2f} | {scores.mean():.2f} |')
    return '\n'.join(lines)
