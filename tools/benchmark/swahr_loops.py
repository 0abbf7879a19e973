"""SWAHR's decoding with plain loops, and maps of crowds: what the benchmark compares ours with.

``loop_decode`` does what the authors' test code is known to do, step for step and with the same
libraries (max pooling and topk of torch, Munkres in Python, numpy for each person), written
from a description of it. It is as fast as such code is: nothing in it is slow on purpose.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from munkres import Munkres
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

Decoded = tuple[np.ndarray, np.ndarray, np.ndarray]
# Makes pairs of row and column from the costs of candidates and groups, and the tags' distances.
Match = Callable[[np.ndarray, np.ndarray], Iterable[tuple[int, int]]]
# Head, shoulders, hips, elbows and wrists, knees and ankles: the published order for COCO.
COCO_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)
# x and y of COCO's 17 keypoints of a standing person in heights from the feet's middle.
STANDING = np.array(
    [
        *[(0, -0.93), (0.02, -0.95), (-0.02, -0.95), (0.05, -0.93), (-0.05, -0.93)],
        *[(0.11, -0.8), (-0.11, -0.8), (0.15, -0.63), (-0.15, -0.63), (0.17, -0.48)],
        *[(-0.17, -0.48), (0.08, -0.5), (-0.08, -0.5), (0.09, -0.26), (-0.09, -0.26)],
        *[(0.09, -0.03), (-0.09, -0.03)],
    ]
)


# Maps.


def crowd_points(rng: np.random.Generator, people: int, size: tuple[int, int]) -> np.ndarray:
    """Keypoints (N, 17, 2) of standing people that keep apart, in a picture of ``size`` (w, h)."""
    columns = int(np.ceil(np.sqrt(people * size[0] / size[1] * 1.6)))
    rows = int(np.ceil(people / columns))
    cell = np.divide(size, (columns, rows))
    place = np.stack(np.divmod(np.arange(people), columns)[::-1], axis=1)
    height = cell[1] * rng.uniform(0.75, 0.9, (people, 1, 1))
    feet = (place + rng.uniform((0.45, 0.95), (0.55, 0.99), (people, 2))) * cell
    return feet[:, None] + height * STANDING + rng.normal(0, 0.01, (people, 17, 2)) * height


def crowd_maps(
    people: int,
    size: tuple[int, int] = (704, 512),
    sigma: float = 8.0,
    missing: float = 0.2,
    seed: int = 0,
    whole_noses: bool = True,
) -> tuple[Tensor, Tensor]:
    """Maps such as a network makes of a crowd, with two sets of tags.

    Each keypoint is a Gaussian of height 0.5 to 0.95; smooth noise of 0.01 is everywhere. Every
    pixel has the tag of the person with the nearest such keypoint, with smooth noise of 0.1:
    people's tags are 1.5 apart. Some keypoints have a height of 0.02 to 0.08 instead.

    Args:
        people: Number of people, N.
        size: (w, h) in pixels, multiples of 4.
        sigma: Standard deviation of a Gaussian in pixels.
        missing: Share of the keypoints that are too low to be found.
        seed: Of the random numbers.
        whole_noses: No nose is missing. Noses open the groups, so that every later keypoint has a
            group of its own, and only one way to assign them costs least.

    Returns:
        Heatmaps (17, h, w) and tags (2, 17, h, w), float32.
    """
    rng = np.random.default_rng(seed)
    points = crowd_points(rng, people, size)
    peaks = rng.uniform(0.5, 0.95, (people, 17))
    is_missing = rng.random((people, 17)) < missing
    is_missing[:, 0] &= not whole_noses
    peaks[is_missing] = rng.uniform(0.02, 0.08, is_missing.sum())
    person_tags = 1.5 * (rng.permutation(people) - people / 2)
    x, y = np.arange(size[0]), np.arange(size[1])
    pixels = np.stack(np.meshgrid(x, y), axis=-1)
    heatmaps, tags = np.zeros((17, size[1], size[0])), np.empty((17, size[1], size[0]))
    for k in range(17):
        factors = [np.exp(np.square(x - points[:, k, :1]) / (-2 * sigma**2))]
        factors.append(np.exp(np.square(y - points[:, k, 1:]) / (-2 * sigma**2)))
        for across, down, peak in zip(*factors, peaks[:, k], strict=True):
            np.maximum(heatmaps[k], peak * down[:, None] * across, out=heatmaps[k])
        tags[k] = person_tags[cKDTree(points[:, k]).query(pixels)[1]]
    noise = torch.from_numpy(rng.normal(0, 1, (3, 17, size[1] // 4, size[0] // 4)))
    noise = interpolate(noise, (size[1], size[0]), mode='bilinear')
    heat = torch.from_numpy(heatmaps) + 0.01 * noise[0]
    return heat.float(), (torch.from_numpy(tags) + 0.1 * noise[1:]).float()


# Decoding.


def loop_decode(
    heatmaps: Tensor,
    tags: Tensor,
    order: tuple[int, ...] = COCO_ORDER,
    keypoint_thr: float = 0.1,
    tag_thr: float = 1.0,
    nms_kernel: int = 5,
    max_people: int = 30,
    adjust: bool = True,
    refine: bool = True,
    match: Match | None = None,
) -> Decoded:
    """Decode one image; arguments and results are those of ``decode_crowd``.

    ``match`` assigns candidates to groups; by default it is Munkres' algorithm in Python.
    """
    peaks = max_pool2d(heatmaps[None], nms_kernel, stride=1, padding=nms_kernel // 2)[0]
    kept = heatmaps * torch.eq(heatmaps, peaks).float()
    values, places = kept.flatten(1).topk(max_people, dim=1)
    peak_tags = torch.stack([one.flatten(1).gather(1, places) for one in tags], dim=2)
    width = heatmaps.shape[2]
    pixels = torch.stack((places % width, places // width), dim=2)
    candidates = (values.numpy(), peak_tags.numpy(), pixels.numpy())
    people = loop_groups(*candidates, order, keypoint_thr, tag_thr, max_people, match or munkres)
    if adjust:
        for person in people:
            for k, joint in enumerate(person):
                if joint[2] > 0:
                    joint[:2] = loop_adjust(heatmaps[k], int(joint[0]), int(joint[1]))
    person_scores = np.array([person[:, 2].mean() for person in people], np.float32)
    if refine:
        maps, tags_last = heatmaps.numpy(), tags.permute(1, 2, 3, 0).contiguous().numpy()
        for person in people:
            # The published code copies both from the device anew for each person.
            loop_fill(person, maps.copy(), tags_last.copy())
    return people[..., :2], people[..., 2], person_scores


def munkres(cost: np.ndarray, distances: np.ndarray) -> list[tuple[int, int]]:
    """Assignment of the least cost; rows that exceed the columns get columns of 1e10."""
    surplus = cost.shape[0] - cost.shape[1]
    if surplus > 0:
        cost = np.concatenate((cost, np.full((cost.shape[0], surplus), 1e10)), axis=1)
    return Munkres().compute(cost)


def loop_groups(
    values: np.ndarray,
    tags: np.ndarray,
    pixels: np.ndarray,
    order: tuple[int, ...],
    keypoint_thr: float,
    tag_thr: float,
    max_people: int,
    match: Match,
) -> np.ndarray:
    """Group candidates with dictionaries that are keyed by the tag that opened a group.

    Args:
        values: (K, C).
        tags: (K, C, L).
        pixels: (K, C, 2), x and y.
        order: The joint types in the order in which they are grouped.
        keypoint_thr: See ``decode_crowd``.
        tag_thr: See ``decode_crowd``.
        max_people: See ``decode_crowd``.
        match: See ``loop_decode``.

    Returns:
        People (N, K, 3) with x, y, value.
    """
    people: dict[float, np.ndarray] = {}
    group_tags: dict[float, list[np.ndarray]] = {}
    for k in order:
        found = values[k] > keypoint_thr
        added = np.concatenate((pixels[k], values[k][:, None], tags[k]), axis=1)[found]
        if not len(added):
            continue
        keys = list(people)[:max_people]
        matches = {}
        if keys:
            means = np.array([np.mean(group_tags[key], axis=0) for key in keys])
            distances = np.linalg.norm(added[:, None, 3:] - means[None], axis=2)
            cost = np.round(distances) * 100 - added[:, 2:3]
            matches = dict(match(cost, distances))
        for row, (joint, tag) in enumerate(zip(added, tags[k][found], strict=True)):
            column = matches.get(row, len(keys))
            if column < len(keys) and distances[row, column] < tag_thr:
                people[keys[column]][k] = joint[:3]
                group_tags[keys[column]].append(tag)
            else:
                people.setdefault(tag[0], np.zeros((len(order), 3)))[k] = joint[:3]
                group_tags[tag[0]] = [tag]
    return np.array(list(people.values()), np.float32).reshape(-1, len(order), 3)


def loop_adjust(heatmap: Tensor | np.ndarray, x: int, y: int) -> tuple[float, float]:
    """Centre of a pixel, moved a quarter towards the higher neighbour."""
    height, width = heatmap.shape
    is_right = heatmap[y, min(x + 1, width - 1)] > heatmap[y, max(x - 1, 0)]
    is_below = heatmap[min(y + 1, height - 1), x] > heatmap[max(y - 1, 0), x]
    return x + (0.75 if is_right else 0.25), y + (0.75 if is_below else 0.25)


def loop_fill(person: np.ndarray, heatmaps: np.ndarray, tags: np.ndarray) -> None:
    """Fill a person's missing joints in place; all joints are looked for.

    Args:
        person: (K, 3), x, y, value.
        heatmaps: (K, H, W).
        tags: (K, H, W, L).
    """
    own = [tags[k, int(y), int(x)] for k, (x, y, value) in enumerate(person) if value > 0]
    mean = np.mean(own, axis=0)
    found = []
    for heatmap, tag in zip(heatmaps, tags, strict=True):
        distance = ((tag - mean[None, None]) ** 2).sum(axis=2) ** 0.5
        y, x = np.unravel_index(np.argmax(heatmap - np.round(distance)), heatmap.shape)
        found.append((*loop_adjust(heatmap, int(x), int(y)), heatmap[y, x]))
    for joint, candidate in zip(person, found, strict=True):
        if joint[2] == 0 and candidate[2] > 0:
            joint[:] = candidate
