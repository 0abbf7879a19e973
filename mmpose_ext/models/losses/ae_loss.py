"""Associative-embedding loss without loops over images, people and keypoints."""

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mmpose_ext.models.options import check_not_negative, check_option

PUSH_TYPES = ('exp', 'max')
REDUCTIONS = ('mean', 'sum')


def associative_embedding_errors(
    tags: Tensor, valid: Tensor, push_type: str = 'exp'
) -> tuple[Tensor, Tensor]:
    """Pull and push errors of the tags of each image.

    With the tags t of the labelled keypoints of a person, their mean m and the number P of people
    who have any: ``pull = 1 / P * sum_i mean((t_i - m_i) ** 2)`` and
    ``push = 1 / (2 * P * (P - 1)) * sum_(i != j) exp(-(m_i - m_j) ** 2)``, 0 if P < 2.

    Source: `Associative Embedding <https://arxiv.org/abs/1611.05424>`_ with the normalisation of
    HigherHRNet's public code.

    Args:
        tags (Tensor): Tags of N people, (B, N, K).
        valid (Tensor): Which are of labelled keypoints, bool (B, N, K).
        push_type (str): ``'exp'``, or the older ``'max'``: ``max(0, 1 - |m_i - m_j|)`` in place
            of the exponential.

    Returns:
        tuple[Tensor, Tensor]: Pull and push errors, (B,) each.

    Raises:
        ValueError: If the type is unknown.
    """
    check_option('push_type', push_type, PUSH_TYPES)
    keypoints = valid.sum(-1)
    divisor = keypoints.clamp(min=1)
    # torch.where, not a product: a tag nobody asks for may be infinite.
    means = tags.where(valid, 0).sum(-1) / divisor
    spread = (tags - means[..., None]).where(valid, 0).square().sum(-1) / divisor

    labelled = keypoints > 0
    people = labelled.sum(-1)
    pull = spread.sum(-1) / people.clamp(min=1)

    distances = means[:, :, None] - means[:, None]
    closeness = (
        (-distances.square()).exp() if push_type == 'exp' else (1 - distances.abs()).clamp(min=0)
    )
    pairs = labelled[:, :, None] & labelled[:, None]
    pairs = pairs & ~torch.eye(pairs.shape[-1], dtype=torch.bool, device=pairs.device)
    pair_count = people * (people - 1)
    push = 0.5 * closeness.where(pairs, 0).sum((1, 2)) / pair_count.clamp(min=1)
    return pull, push


@MODELS.register_module()
class BatchedAssociativeEmbeddingLoss(nn.Module):
    """Associative-embedding loss of a whole batch at once, in float32 or better.

    See :func:`associative_embedding_errors`. Images without people, and people without labelled
    keypoints, give zeros through which gradients (of zeros) flow.

    The push loss of MMPose's ``AssociativeEmbeddingLoss`` keeps each person's distance to itself,
    so that its value is larger by ``0.5 / (P - 1)``; its gradient is the same. It sums over the
    batch: ``reduction='sum'``.

    Args:
        push_type (str): ``'exp'`` (HigherHRNet, SWAHR) or ``'max'``.
        pull_weight (float): Published: 0.001.
        push_weight (float): Published: 0.001.
        reduction (str): ``'mean'`` (published) or ``'sum'`` over the images.

    Raises:
        ValueError: If a weight is negative or an option unknown.
    """

    def __init__(
        self,
        push_type: str = 'exp',
        pull_weight: float = 0.001,
        push_weight: float = 0.001,
        reduction: str = 'mean',
    ) -> None:
        super().__init__()
        check_option('push_type', push_type, PUSH_TYPES)
        check_option('reduction', reduction, REDUCTIONS)
        check_not_negative(pull_weight=pull_weight, push_weight=push_weight)
        self.push_type = push_type
        self.pull_weight = pull_weight
        self.push_weight = push_weight
        self.reduction = reduction

    def forward(self, tags: Tensor, keypoint_indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Compute the pull and the push loss.

        Args:
            tags: Tag maps, (B, K, h, w).
            keypoint_indices: For each image the keypoints of its N_i people, integers
                (N_i, K, 2): the pixel ``y * w + x``, inside the maps, and whether the keypoint is
                labelled.

        Returns:
            Pull and push loss, scalars.

        Raises:
            ValueError: If the shapes do not fit each other.
        """
        _check_shapes(tags, keypoint_indices)
        indices = pad_sequence(list(keypoint_indices), batch_first=True)  # (B, N, K, 2)
        valid = indices[..., 1] > 0
        # An unlabelled keypoint may lie anywhere, so it looks at pixel 0.
        pixels = indices[..., 0].where(valid, 0).long()
        # One gather, whose backward pass makes one gradient of the size of the maps.
        picked = tags.flatten(2).gather(2, pixels.transpose(1, 2)).transpose(1, 2)
        picked = picked.to(torch.promote_types(tags.dtype, torch.float32))
        pull, push = associative_embedding_errors(picked, valid, self.push_type)
        if self.reduction == 'mean':
            return self.pull_weight * pull.mean(), self.push_weight * push.mean()
        return self.pull_weight * pull.sum(), self.push_weight * push.sum()


def _check_shapes(tags: Tensor, keypoint_indices: Sequence[Tensor]) -> None:
    if tags.ndim != 4:
        raise ValueError(f'tag maps must have the shape (B, K, h, w), got {tuple(tags.shape)}.')
    if len(keypoint_indices) != len(tags):
        raise ValueError(
            f'{len(tags)} images need as many sets of keypoint_indices, got '
            f'{len(keypoint_indices)}.'
        )
    expected = (tags.shape[1], 2)
    for indices in keypoint_indices:
        if tuple(indices.shape[1:]) != expected or indices.ndim != 3:
            raise ValueError(
                f'keypoint_indices must have the shape (N, K, 2) with K = {expected[0]} as the '
                f'tags, got {tuple(indices.shape)}.'
            )
