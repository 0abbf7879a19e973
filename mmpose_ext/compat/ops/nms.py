"""Non-maximum suppression as mmcv's compiled ops do it, in plain torch."""

import torch
from torch import Tensor

# Boxes whose IoU is computed at once: bounds the memory, not the result.
_BLOCK = 1024


def pairwise_iou(boxes: Tensor, others: Tensor, offset: int = 0) -> Tensor:
    """Return the IoU of every box with every other.

    Args:
        boxes (Tensor): ``(N, 4)`` as x1, y1, x2, y2, in pixels.
        others (Tensor): ``(M, 4)``, likewise.
        offset (int): 0, or 1 where x2 and y2 are the last pixel inside the box.

    Returns:
        Tensor: ``(N, M)``. NaN between two boxes without area, as in mmcv: it
        suppresses nothing.
    """
    top_left = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inter = (bottom_right - top_left + offset).clamp(min=0).prod(dim=-1)
    return inter / (_area(boxes, offset)[:, None] + _area(others, offset) - inter)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Keep each box that no better kept box overlaps by more than a threshold.

    Greedy suppression looks sequential. Within a block of boxes in descending score it
    is the fixed point of "keep what no kept box before it suppresses", reached after as
    many rounds as the longest chain of suppressions, usually a handful (Zheng et al.,
    Cluster-NMS, arXiv:2005.03572, eq. 8).

    Args:
        boxes (Tensor): ``(N, 4)`` as x1, y1, x2, y2, in pixels.
        scores (Tensor): ``(N,)``.
        iou_threshold (float): Boxes with a greater IoU suppress one another.
        offset (int): 0, or 1 where x2 and y2 are the last pixel inside the box.

    Returns:
        Tensor: Indices of the kept boxes, ``(num_kept,)`` int64, in descending score.
    """
    order = scores.sort(descending=True).indices  # not stable: equal scores as in mmcv
    ranked = boxes[order].to(torch.promote_types(boxes.dtype, torch.float32))
    kept = order.new_empty(0)
    for block in torch.arange(len(order), device=order.device).split(_BLOCK):
        suppressed = pairwise_iou(ranked[kept], ranked[block], offset) > iou_threshold
        block = block[~suppressed.any(dim=0)]
        kept = torch.cat((kept, block[_greedy_keep(ranked[block], iou_threshold, offset)]))
    return order[kept]


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Lower the scores of boxes that overlap better ones (Soft-NMS).

    Takes the best remaining box, N times, and weighs down the scores of the others by
    their IoU with it (Bodla et al., Soft-NMS, arXiv:1704.04503, Fig. 2). Two boxes without
    area do not overlap; the compiled op makes their scores NaN in method 2.

    Args:
        boxes (Tensor): ``(N, 4)`` as x1, y1, x2, y2, in pixels.
        scores (Tensor): ``(N,)``; not changed.
        dets (Tensor): ``(N, 5)``. Its first ``num_kept`` rows are overwritten by the kept
            boxes and their lowered scores; the others stay as they were.
        iou_threshold (float): IoU from which methods 0 and 1 act.
        sigma (float): Width of method 2.
        min_score (float): A box whose lowered score is below is dropped.
        method (int): Weight at the IoU o: 0, naive: 0; 1, linear: 1 - o; 2, gaussian:
            exp(-o^2 / sigma).
        offset (int): 0, or 1 where x2 and y2 are the last pixel inside the box.

    Returns:
        Tensor: Indices of the kept boxes, ``(num_kept,)`` int64, in the order of ``dets``.
    """
    pool = torch.cat((boxes, scores[:, None]), dim=1)
    index = torch.arange(len(boxes), device=boxes.device)
    rank = 0
    while rank < len(index):
        best = rank + int(pool[rank:, 4].argmax())
        pool[[rank, best]] = pool[[best, rank]]
        index[[rank, best]] = index[[best, rank]]
        rank += 1
        iou = pairwise_iou(pool[rank - 1 : rank, :4], pool[rank:, :4], offset)[0].nan_to_num(0)
        pool[rank:, 4] *= _soft_weight(iou, iou_threshold, sigma, method)
        survivors = rank + _refill(pool[rank:, 4] >= min_score)
        pool = torch.cat((pool[:rank], pool[survivors]))
        index = torch.cat((index[:rank], index[survivors]))
    dets[: len(pool)] = pool
    return index


def _area(boxes: Tensor, offset: int) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2] + offset).prod(dim=1)


def _greedy_keep(ranked: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Mask, ``(N,)``, of what greedy suppression keeps of boxes in descending score."""
    overlaps = (pairwise_iou(ranked, ranked, offset) > iou_threshold).triu(diagonal=1)
    keep = torch.ones(len(ranked), dtype=torch.bool, device=ranked.device)
    while True:
        before, keep = keep, ~(overlaps & keep[:, None]).any(dim=0)
        if torch.equal(before, keep):
            return keep


def _soft_weight(iou: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    if method == 2:
        return torch.exp(-(iou * iou) / sigma)
    lowered = 1 - iou if method == 1 else torch.zeros_like(iou)
    return torch.where(iou >= iou_threshold, lowered, 1)


def _refill(alive: Tensor) -> Tensor:
    """Positions of the survivors, ``(num_alive,)``, in the order that mmcv leaves them in.

    The compiled op fills the place of a dropped box with the last one. The order decides
    only between equal scores.
    """
    count = int(alive.sum())
    order = torch.arange(count, device=alive.device)
    order[~alive[:count]] = count + alive[count:].nonzero()[:, 0].flip(0)
    return order
