import numpy as np
import pytest
from munkres import Munkres

from mmpose_ext.codecs.functional.tag_grouping import Candidates, assign_by_tag, match_by_tag


def candidates(*joints: tuple[int, float, tuple[float, ...]]) -> Candidates:
    """Of (keypoint, value, tags), in this order; pixels do not matter."""
    numbers, values, tags = zip(*joints, strict=True)
    return Candidates(
        np.array(numbers),
        np.zeros((len(joints), 2), int),
        np.array(values, np.float32),
        np.array(tags, np.float32),
    )


def no_candidates(num_tags: int = 1) -> Candidates:
    return Candidates(
        np.zeros(0, int),
        np.zeros((0, 2), int),
        np.zeros(0, np.float32),
        np.zeros((0, num_tags), np.float32),
    )


def match(found: Candidates, K: int, max_people: int = 30, tag_thr: float = 1.0) -> list[list[int]]:
    return match_by_tag(found, np.arange(K), tag_thr, max_people).tolist()


@pytest.mark.parametrize(('C', 'G'), [(4, 4), (6, 3), (3, 7), (30, 30), (1, 1)])
def test_an_assignment_costs_as_little_as_munkres(C, G):
    rng = np.random.default_rng(C + G)
    values = rng.random(C).astype(np.float32)
    tags = rng.normal(0, 3, (C, 2)).astype(np.float32)
    groups = rng.normal(0, 3, (G, 2)).astype(np.float32)
    distances = np.linalg.norm(tags[:, None].astype(float) - groups, axis=2)
    cost = np.round(distances) * 100 - values[:, None].astype(float)
    padded = np.concatenate((cost, np.full((C, max(C - G, 0)), 1e10)), axis=1)
    pairs = [pair for pair in Munkres().compute(padded.copy()) if pair[1] < G]
    assigned = assign_by_tag(values, tags, groups, tag_thr=np.inf)
    rows = np.flatnonzero(assigned >= 0)
    assert len(rows) == min(C, G) == len(set(assigned[rows]))
    least = sum(cost[pair] for pair in pairs)
    assert cost[rows, assigned[rows]].sum() == pytest.approx(least, abs=1e-4)


def test_halves_of_a_distance_are_rounded_to_even():
    # The value decides between 0.5 and 0, both rounded to 0, but not between 1.5 (2) and 1 (1).
    tags = np.array([[0.5], [0]], np.float32)
    groups = np.zeros((1, 1), np.float32)
    higher_first = np.array([0.9, 0.1], np.float32)
    assert assign_by_tag(higher_first, tags, groups, 1.0).tolist() == [0, -1]
    assert assign_by_tag(higher_first, tags + np.float32(1), groups, 9.0).tolist() == [-1, 0]


def test_of_equal_costs_the_acceptable_pair_is_taken():
    # 0 + round(3) = round(1) + round(2): both tags are on the same side of both groups.
    tags = np.array([[2.0], [3.0]], np.float32)
    groups = np.array([[0.0], [2.0]], np.float32)
    assert assign_by_tag(np.ones(2, np.float32), tags, groups, 1.0).tolist() == [1, -1]
    assert assign_by_tag(np.ones(2, np.float32), tags[::-1], groups, 1.0).tolist() == [-1, 1]


def test_a_pair_at_the_threshold_is_refused():
    found = candidates((0, 0.9, (0.0,)), (1, 0.9, (1.0,)))
    assert match(found, K=2) == [[0, -1], [-1, 1]]
    assert match(found, K=2, tag_thr=1.01) == [[0, 1]]


def test_the_first_joint_with_candidates_opens_the_groups():
    found = candidates((1, 0.9, (0.0,)), (1, 0.8, (5.0,)), (2, 0.9, (5.2,)), (2, 0.8, (0.1,)))
    assert match(found, K=3) == [[-1, 0, 3], [-1, 1, 2]]


def test_order_decides_which_joint_opens_the_groups():
    found = candidates((0, 0.9, (0.9,)), (1, 0.9, (0.0,)), (1, 0.8, (5.0,)))
    assert match_by_tag(found, np.array([1, 0]), 1.0, 30).tolist() == [[0, 1], [-1, 2]]
    assert match_by_tag(found, np.array([0, 1]), 1.0, 30).tolist() == [[0, 1], [-1, 2]]
    assert match_by_tag(found, np.array([1, 0]), 0.5, 30).tolist() == [[-1, 1], [-1, 2], [0, -1]]
    assert match_by_tag(found, np.array([0, 1]), 0.5, 30).tolist() == [[0, -1], [-1, 1], [-1, 2]]


def test_a_group_is_where_the_mean_of_its_tags_is():
    # 1.4 is 1.4 from the first tag, and 0.95 from the mean of 0 and 0.9.
    found = candidates((0, 0.9, (0.0,)), (1, 0.9, (0.9,)), (2, 0.9, (1.4,)))
    assert match(found, K=3) == [[0, 1, 2]]
    assert match(candidates((0, 0.9, (0.0,)), (2, 0.9, (1.4,))), K=3) == [[0, -1, -1], [-1, -1, 1]]


def test_distances_take_all_sets_of_tags():
    found = candidates((0, 0.9, (0.0, 0.0)), (1, 0.9, (0.8, 0.8)), (2, 0.9, (0.4, 0.4)))
    assert match(found, K=3) == [[0, -1, 2], [-1, 1, -1]]


def test_equal_keys_collide():
    # Two noses with one tag: one group, and the later one stays.
    found = candidates((0, 0.9, (2.0,)), (0, 0.8, (2.0,)))
    assert match(found, K=1) == [[1]]
    assert match(candidates((0, 0.9, (0.0,)), (0, 0.8, (-0.0,))), K=1) == [[1]]


def test_a_candidate_with_a_taken_key_replaces_joint_and_tags():
    # The second set of tags keeps joint 1 from joining, but its key is the group's.
    found = candidates(
        (0, 0.9, (0.0, 0.0)), (1, 0.9, (0.0, 9.0)), (2, 0.9, (0.0, 9.1)), (3, 0.9, (0.1, 0.0))
    )
    assert match(found, K=4) == [[0, 1, 2, -1], [-1, -1, -1, 3]]


def test_only_the_first_groups_are_matched_but_all_are_returned():
    found = candidates(
        *[(0, 0.9 - n / 10, (5.0 * n,)) for n in range(3)],
        *[(1, 0.9 - n / 10, (5.0 * n + 0.1,)) for n in range(3)],
    )
    assert match(found, K=2) == [[0, 3], [1, 4], [2, 5]]
    assert match(found, K=2, max_people=2) == [[0, 3], [1, 4], [2, -1], [-1, 5]]


def test_no_candidates_are_no_people():
    assert match_by_tag(no_candidates(), np.arange(3), 1.0, 30).shape == (0, 3)
