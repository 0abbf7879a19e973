"""Pictures of what bottom-up models predict: all people of a photograph, a colour for each."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.model import BaseModel
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_warp_matrix

from mmpose_ext.visualization.captions import PAPER, header, text_width, write
from mmpose_ext.visualization.person3d import as_array
from mmpose_ext.visualization.sheets import draw_skeleton, read_photo, tile_images

_GAP = 4
_TITLES = ('photograph', 'truth', 'predicted groups')
_MAP_TITLES = ('highest heatmap', 'its tag')
_STROKE = 3.0  # people shorter than a third of the picture get thinner strokes
_GOLDEN_RATIO = 0.618034  # hues that far apart, around the circle, never come close


@dataclass(frozen=True)
class Frame:
    """Where a photograph lies in a square picture.

    Attributes:
        scale (float): Pixels of the picture for a pixel of the photograph.
        left (int): White pixels on its left.
        top (int): White pixels above it.
        size (tuple[int, int]): Its width and height in the picture.
        cell (int): Side of the picture.
    """

    scale: float
    left: int
    top: int
    size: tuple[int, int]
    cell: int

    @classmethod
    def around(cls, width: int, height: int, cell: int) -> 'Frame':
        """Put a photograph of ``width`` and ``height`` into the middle of a picture."""
        scale = cell / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(scale, (cell - size[0]) // 2, (cell - size[1]) // 2, size, cell)

    def fit(self, photo: np.ndarray) -> np.ndarray:
        """Scale a photograph (H, W, 3) to its size in the picture."""
        method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(photo, self.size, interpolation=method)

    def on_paper(self, fitted: np.ndarray) -> np.ndarray:
        """Put a photograph of the right size onto white, (cell, cell, 3)."""
        paper = np.full((self.cell, self.cell, 3), PAPER, np.uint8)
        width, height = self.size
        paper[self.top : self.top + height, self.left : self.left + width] = fitted
        return paper

    def place(self, points: np.ndarray) -> np.ndarray:
        """Turn points (..., 2) of the photograph into pixels of the picture."""
        return (np.asarray(points) + 0.5) * self.scale - 0.5 + (self.left, self.top)

    def lay(
        self,
        values: np.ndarray,
        center: np.ndarray,
        scale: np.ndarray,
        interpolation: int = cv2.INTER_LINEAR,
    ) -> np.ndarray:
        """Lay a map (h, w) of the network's input over the photograph.

        Args:
            values (np.ndarray): The map, float32.
            center (np.ndarray): Centre of the input in pixels of the photograph, (2,).
            scale (np.ndarray): Its width and height in pixels of the photograph, (2,).
            interpolation (int): Of OpenCV. Defaults to linear.

        Returns:
            np.ndarray: The map at the photograph's size in the picture, 0 where there is none.
        """
        warp = get_warp_matrix(np.ravel(center), np.ravel(scale), 0, values.shape[::-1])
        # Pixel x of the picture lies at (x + 0.5) / scale - 0.5 of the photograph.
        warp[:, 2] += warp[:, :2].sum(1) * (0.5 / self.scale - 0.5)
        warp[:, :2] /= self.scale
        return cv2.warpAffine(values, warp, self.size, flags=interpolation | cv2.WARP_INVERSE_MAP)


def person_colors(count: int) -> list[tuple[int, int, int]]:
    """Choose a colour for each person.

    Args:
        count (int): How many people.

    Returns:
        list[tuple[int, int, int]]: RGB of each, 0 to 255; the first ones differ most.
    """
    hues = (0.02 + _GOLDEN_RATIO * np.arange(count)) % 1
    tints = [colorsys.hsv_to_rgb(hue, 0.85, 1.0) for hue in hues]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in tints]


def draw_people(
    image: np.ndarray,
    keypoints: np.ndarray,
    visible: np.ndarray,
    dataset_meta: dict,
    *,
    kpt_thr: float,
    scores: np.ndarray | None = None,
) -> np.ndarray:
    """Draw people, each in a colour of their own, so that wrong groups are seen at once.

    Where they overlap, those with higher scores lie on top; strokes suit a person's size.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8.
        keypoints (np.ndarray): Keypoints (N, K, 2) in pixels.
        visible (np.ndarray): Scores or visibilities of the keypoints (N, K).
        dataset_meta (dict): ``metainfo`` of the dataset: the skeleton.
        kpt_thr (float): Keypoints with a lower score are not drawn.
        scores (np.ndarray | None): Score of each person (N,), written above them. Defaults to
            None: nothing is written.

    Returns:
        np.ndarray: A new BGR image.
    """
    drawn = image.copy()
    colors = person_colors(len(keypoints))
    order = range(len(keypoints)) if scores is None else np.argsort(scores, kind='stable')
    seen = {person: keypoints[person][visible[person] >= kpt_thr] for person in order}
    people = [person for person in order if len(seen[person])]
    for person in people:
        color, one = colors[person], slice(person, person + 1)
        meta = dataset_meta | {
            'keypoint_colors': [color] * keypoints.shape[1],
            'skeleton_link_colors': [color] * len(dataset_meta['skeleton_links']),
        }
        size = min(max(image.shape), _STROKE * np.ptp(seen[person], axis=0).max())
        drawn = draw_skeleton(drawn, keypoints[one], visible[one], meta, kpt_thr, size)
    if scores is None:
        return drawn
    # Words last, lest a neighbour's arm hides them.
    for person in people:
        x, y = seen[person][:, 0].mean(), seen[person][:, 1].min() - 10
        _write_score(drawn, f'{scores[person]:.2f}', (x, max(y, 8.0)), colors[person][::-1])
    return drawn


def draw_highest_heatmap(photo: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Lay the highest of the keypoints' heatmaps over a photograph.

    Args:
        photo (np.ndarray): BGR image (H, W, 3) uint8.
        heatmap (np.ndarray): At each pixel the highest of the heatmaps, (H, W).

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8; 1 and more is brightest.
    """
    heat = np.clip(heatmap, 0, 1)
    warm = cv2.applyColorMap(np.rint(255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return cv2.addWeighted(_dimmed(photo), 0.5, warm, 1.0, 0)


def draw_tags(
    photo: np.ndarray, tags: np.ndarray, heatmap: np.ndarray, heat_thr: float
) -> np.ndarray:
    """Colour the pixels of keypoints by their tags: people should differ, their joints should not.

    Args:
        photo (np.ndarray): BGR image (H, W, 3) uint8.
        tags (np.ndarray): Tag of the keypoint with the highest heat, (H, W).
        heatmap (np.ndarray): That heat, (H, W).
        heat_thr (float): Pixels with less are left grey.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8; the lowest tag is blue, the highest red.
    """
    drawn = _dimmed(photo)
    seen = (heatmap > heat_thr) & np.isfinite(tags)
    if not seen.any():
        return drawn
    low, high = tags[seen].min(), tags[seen].max()
    share = np.where(seen, (tags - low) / max(high - low, 1e-6), 0)
    colors = cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_TURBO)
    drawn[seen] = colors[seen]
    return drawn


def crowd_sheet(
    model: BaseModel,
    dataset: BaseDataset,
    indices: Sequence[int],
    *,
    pictures_per_row: int = 1,
    cell: int = 384,
    kpt_thr: float = 0.1,
) -> np.ndarray:
    """Draw what a bottom-up model predicts: for each photograph three pictures, or five.

    The photograph; the true people; the predicted people, a colour for each, and their scores.
    Where the model gives its maps (``test_cfg.output_heatmaps``), also the highest heatmap at
    each pixel, and the tag of that keypoint, which says whose it is.

    Args:
        model (BaseModel): A bottom-up pose estimator.
        dataset (BaseDataset): Dataset in test mode and ``data_mode='bottomup'``; it gives the
            inputs and the truth.
        indices (Sequence[int]): Which of its photographs to draw.
        pictures_per_row (int): Photographs in a row of the sheet. Defaults to 1.
        cell (int): Side of a picture in pixels. Defaults to 384.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.1.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If a photograph is missing.
    """
    rows = []
    for index in indices:
        # One at a time: photographs differ in size.
        with torch.no_grad():
            (prediction,) = model.test_step(pseudo_collate([dataset[index]]))
        rows.append(_panels(prediction, dataset.metainfo, cell, kpt_thr))
    titles = [*_TITLES, *_MAP_TITLES][: len(rows[0])]
    sheet = tile_images([p for row in rows for p in row], len(titles) * pictures_per_row, _GAP)
    return np.concatenate([header(titles * pictures_per_row, cell, _GAP), sheet])


def _panels(prediction: PoseDataSample, meta: dict, cell: int, kpt_thr: float) -> list[np.ndarray]:
    photo = read_photo(prediction.img_path)
    frame = Frame.around(photo.shape[1], photo.shape[0], cell)
    picture = frame.on_paper(frame.fit(photo))
    truth, guess = prediction.gt_instances, prediction.pred_instances
    panels = [picture, picture, picture]
    if 'keypoints' in truth:  # a photograph without people has none
        seen = np.asarray(truth.keypoints_visible)
        panels[1] = draw_people(picture, frame.place(truth.keypoints), seen, meta, kpt_thr=0.5)
    points = frame.place(as_array(guess.keypoints))
    scores = as_array(guess.bbox_scores) if 'bbox_scores' in guess else None
    panels[2] = draw_people(
        picture, points, as_array(guess.keypoint_scores), meta, kpt_thr=kpt_thr, scores=scores
    )
    if 'heatmaps' in prediction.get('pred_fields', ()):
        panels += _map_panels(prediction, frame, photo, kpt_thr)
    return panels


def _map_panels(
    prediction: PoseDataSample, frame: Frame, photo: np.ndarray, heat_thr: float
) -> list[np.ndarray]:
    heatmaps = as_array(prediction.pred_fields.heatmaps)
    where = prediction.input_center, prediction.input_scale
    heat = frame.lay(heatmaps.max(0), *where)
    fitted = frame.fit(photo)
    panels = [draw_highest_heatmap(fitted, heat)]
    if 'tags' in prediction.pred_fields:
        # Of two sets, the second is that of the flipped image.
        tags = as_array(prediction.pred_fields.tags)[: len(heatmaps)]
        tag = np.take_along_axis(tags, heatmaps.argmax(0)[None], axis=0)[0]
        tag = frame.lay(tag, *where, interpolation=cv2.INTER_NEAREST)
        panels.append(draw_tags(fitted, tag, heat, heat_thr))
    return [frame.on_paper(panel) for panel in panels]


def _dimmed(photo: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY) // 2
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _write_score(
    picture: np.ndarray, text: str, position: tuple[float, float], color: tuple[int, int, int]
) -> None:
    width = text_width(text, 13)
    x, y = (round(value) for value in position)
    left, right = round(x - width / 2) - 3, round(x + width / 2) + 3
    cv2.rectangle(picture, (left, y - 8), (right, y + 8), color, cv2.FILLED)
    write(picture, text, (x, y), 13.0, anchor='center')
