"""Grouping of keypoint candidates into people by their tags.

Source: Newell et al., `Associative Embedding <https://arxiv.org/abs/1611.05424>`_, section 3.2, in
the form that HigherHRNet and SWAHR publish.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

# A step of the rounded tag distance outweighs any difference of heatmap values (SWAHR's choice).
ROUND_WEIGHT = 100
# Decides between assignments of equal cost; weighs no more than 1e-6 * tag_thr a pair (ours).
TIE_WEIGHT = 1e-6


class Candidates(NamedTuple):
    """C keypoint candidates of one image, sorted by joint and then by falling value.

    Attributes:
        joints: (C,) int64, which keypoint each one is.
        pixels: (C, 2) int64, x and y in pixels of the maps.
        values: (C,) float32, the heatmap there.
        tags: (C, L) float32, the L tag maps there; finite.
    """

    joints: np.ndarray
    pixels: np.ndarray
    values: np.ndarray
    tags: np.ndarray


class _Groups:
    """Groups as they grow: row g has a key, what it holds of each keypoint, and its tags' sum."""

    def __init__(self, num_candidates: int, num_keypoints: int, num_tags: int) -> None:
        self.size = 0
        self.keys = np.empty(num_candidates, np.float32)
        self.members = np.full((num_candidates, num_keypoints), -1)
        self.sums = np.zeros((num_candidates, num_tags), np.float32)
        self.counts = np.zeros((num_candidates, 1), np.float32)

    def open(self, keys: np.ndarray) -> np.ndarray:
        """Rows with these keys, opened where no group has the key; equal keys get the same row."""
        start = self.size
        known = np.concatenate((self.keys[:start], keys))
        _, first, inverse = np.unique(known, return_index=True, return_inverse=True)
        rows = first[inverse.reshape(-1)][start:]
        new = np.unique(rows[rows >= start])
        self.size += len(new)
        self.keys[start : self.size] = known[new]
        return np.where(rows < start, rows, start + np.searchsorted(new, rows))

    def add(self, joint: int, members: np.ndarray, tags: np.ndarray, rows: np.ndarray) -> None:
        """Give the candidates of one joint, in this order, to groups; rows of -1 open their own.

        Groups are keyed by the tag that opened them. A candidate that opens a group whose key is
        taken replaces that group's keypoint and all its tags, as in the published code.
        """
        is_new = rows < 0
        rows = rows.copy()
        rows[is_new] = self.open(tags[is_new, 0])
        # Of candidates with the same row the last one stays.
        self.members[rows, joint] = members
        opened_at = np.full(self.size, -1)
        opened_at[rows[is_new]] = np.flatnonzero(is_new)
        self.sums[rows[is_new]] = tags[is_new]
        self.counts[rows[is_new]] = 1
        # A group takes at most one candidate by its tag: no row appears twice from here on.
        joins = ~is_new & (np.arange(len(rows)) > opened_at[rows])
        self.sums[rows[joins]] += tags[joins]
        self.counts[rows[joins]] += 1


def assign_by_tag(
    values: np.ndarray, tags: np.ndarray, group_tags: np.ndarray, tag_thr: float
) -> np.ndarray:
    """Assign the candidates of one joint to groups, at the least total cost.

    The cost of a pair is ``100 * round(d) - value`` with d the Euclidean distance of the tags and
    halves rounded to even. If there are more candidates than groups, a place without a group costs
    the same for each, which is the published padding with columns of 1e10.

    Several assignments often cost the same: on a line ``|a - g| + |b - h| = |a - h| + |b - g|`` for
    tags a and b on one side of g and h. The published code takes the one that Munkres' algorithm
    finds, even if that pairs no one with their own group. Here (ours) the sum of
    ``min(d, tag_thr)`` decides, so that acceptable pairs are preferred, and of these closer ones.

    Args:
        values: Heatmap values, (C,).
        tags: (C, L).
        group_tags: Mean tags of the groups, (G, L).
        tag_thr: A pair is accepted if its distance is smaller.

    Returns:
        The group of each candidate, (C,) int64, -1 where it has none.
    """
    distances = np.linalg.norm(tags.astype(np.float64)[:, None] - group_tags[None], axis=2)
    cost = np.round(distances) * ROUND_WEIGHT - values[:, None]
    cost += TIE_WEIGHT * np.minimum(distances, tag_thr)
    rows, columns = linear_sum_assignment(cost)
    accepted = distances[rows, columns] < tag_thr
    assigned = np.full(len(values), -1)
    assigned[rows[accepted]] = columns[accepted]
    return assigned


def match_by_tag(
    candidates: Candidates, order: np.ndarray, tag_thr: float, max_people: int
) -> np.ndarray:
    """Group candidates into N people.

    Joint types are taken in the given order. Candidates of the first one that has any open a group
    each; those of the others go to the groups that :func:`assign_by_tag` finds, or open new
    ones. This loop over the K joint types is the algorithm: each one depends on the groups that
    the last one left.

    Args:
        candidates: Keypoint candidates of an image.
        order: Permutation of the K joint types, (K,).
        tag_thr: Largest distance of a tag to the mean of its group's, exclusive.
        max_people: Only the first ``max_people`` groups are matched; all are returned.

    Returns:
        Which candidate each person has of each keypoint, (N, K) int64, -1 where it has none.
    """
    joints, _, values, tags = candidates
    groups = _Groups(len(values), len(order), tags.shape[1])
    starts = np.searchsorted(joints, np.arange(len(order) + 1))
    for joint in order.tolist():
        members = np.arange(starts[joint], starts[joint + 1])
        if not len(members):
            continue
        rows = np.full(len(members), -1)
        matched = min(groups.size, max_people)
        if matched:
            means = groups.sums[:matched] / groups.counts[:matched]
            rows = assign_by_tag(values[members], tags[members], means, tag_thr)
        groups.add(joint, members, tags[members], rows)
    return groups.members[: groups.size]
