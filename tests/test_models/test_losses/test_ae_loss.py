import pytest
import torch
from mmpose.models.losses import AssociativeEmbeddingLoss

from mmpose_ext.models import BatchedAssociativeEmbeddingLoss


def bare(**options):
    """The loss without its weights."""
    return BatchedAssociativeEmbeddingLoss(pull_weight=1.0, push_weight=1.0, **options)


def person(*pixels):
    """A person's keypoints; None: not labelled."""
    return [[0, 0] if pixel is None else [pixel, 1] for pixel in pixels]


def crowd(images=3, keypoints=5, people=4, dtype=torch.float32, seed=0):
    """Tag maps 6x7, and the pixels of so many people, of whose keypoints some are labelled."""
    generator = torch.Generator().manual_seed(seed)
    tags = torch.randn(images, keypoints, 6, 7, dtype=dtype, generator=generator)
    indices = []
    for _ in range(images):
        pixels = torch.randint(0, 42, (people, keypoints), generator=generator)
        labelled = torch.randint(0, 3, (people, keypoints), generator=generator).clamp(max=1)
        indices.append(torch.stack([pixels * labelled, labelled], dim=-1))
    return tags.requires_grad_(), indices


def published_loss(tags, indices, push_type):
    """Loops over the formula of the spec."""
    pulls, pushes = [], []
    for maps, people in zip(tags.flatten(2), indices, strict=True):
        found = [
            torch.stack([maps[k, i] for k, (i, v) in enumerate(keypoints.tolist()) if v])
            for keypoints in people
            if keypoints[:, 1].any()
        ]
        P = len(found)
        pull = sum((t - t.mean()).square().mean() for t in found) / max(P, 1)
        push = maps.sum() * 0
        for one in found:
            for other in found:
                diff = one.mean() - other.mean()
                push = push + (
                    (-(diff**2)).exp() if push_type == 'exp' else (1 - diff.abs()).relu()
                )
        pulls.append(pull + maps.sum() * 0)
        pushes.append(0.5 * (push - P) / ((P - 1) * P) if P > 1 else push * 0)
    return torch.stack(pulls), torch.stack(pushes)


@pytest.mark.parametrize(
    ('push_type', 'push', 'pull'), [('exp', 0.2848914266, 0.9512500167), ('max', 0.125, 0.95125)]
)
def test_published_numbers_of_two_people(push_type, push, pull):
    tags = (torch.arange(32) * 0.1).view(1, 2, 4, 4)
    # Pixels 3 and 22 of the flattened tags, 10 and 30.
    indices = [torch.tensor([person(3, 22 - 16), person(10, 30 - 16)])]
    result = bare(push_type=push_type)(tags, indices)
    assert [value.item() for value in result] == pytest.approx([pull, push], abs=1e-6)
    weighted = BatchedAssociativeEmbeddingLoss(push_type=push_type)(tags, indices)
    assert [v.item() for v in weighted] == pytest.approx([pull / 1000, push / 1000], rel=1e-6)


def test_published_numbers_of_three_people():
    tags = torch.tensor([[0.0, 1.0, 5.0, 9.0], [0.2, 1.4, 9.0, 9.0]]).view(1, 2, 1, 4)
    indices = [torch.tensor([person(0, 0), person(1, 1), person(2, None)])]
    pull, push = bare()(tags, indices)
    assert push.item() == pytest.approx(0.0496996231, abs=1e-6)
    assert pull.item() == pytest.approx(0.0166666657, abs=1e-6)
    # MMPose's push loss holds the diagonal.
    mmpose = AssociativeEmbeddingLoss()(tags, indices)
    assert mmpose[1].item() == pytest.approx(push.item() + 0.25, abs=1e-5)


@pytest.mark.parametrize('push_type', ['exp', 'max'])
@pytest.mark.parametrize('images', [1, 4])
@pytest.mark.parametrize('people', [0, 1, 2, 9])
def test_equals_loops_over_the_formula(push_type, images, people):
    tags, indices = crowd(images, people=people)
    expected = [value.mean() for value in published_loss(tags, indices, push_type)]
    result = bare(push_type=push_type)(tags, indices)
    torch.testing.assert_close(result, tuple(expected))
    ours, theirs = (
        torch.autograd.grad(sum(values), tags, retain_graph=True) for values in (result, expected)
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('people', [2, 7])
def test_mmposes_loss_but_for_the_diagonal(people):
    tags, indices = crowd(people=people)
    ours = bare(reduction='sum')(tags, indices)
    mmpose = AssociativeEmbeddingLoss()(tags, indices)
    counts = [int((image[..., 1].sum(1) > 0).sum()) for image in indices]
    diagonal = sum(0.5 / (count - 1) for count in counts)
    assert min(counts) > 1
    torch.testing.assert_close(ours[0], mmpose[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours[1] + diagonal, mmpose[1], rtol=1e-5, atol=1e-5)
    grads = [torch.autograd.grad(sum(values), tags)[0] for values in (ours, mmpose)]
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)


def test_images_of_unequal_crowds():
    """Padding to the largest crowd counts nobody twice."""
    tags, indices = crowd(images=3)
    indices = [indices[0][:1], indices[1], indices[2][:0]]
    together = bare(reduction='sum')(tags, indices)
    apart = [bare()(tags[i : i + 1], indices[i : i + 1]) for i in range(3)]
    for i in range(2):
        assert together[i].item() == pytest.approx(sum(values[i].item() for values in apart))


def test_order_of_people_and_an_added_number_change_nothing():
    tags, indices = crowd()
    expected = bare()(tags, indices)
    torch.testing.assert_close(bare()(tags, [image.flip(0) for image in indices]), expected)
    torch.testing.assert_close(bare()(tags + 5, indices), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'people', [[], [person(None, None)], [person(3, None)], [person(None, None)] * 3]
)
def test_nobody_to_compare_gives_zeros_with_a_gradient(people):
    tags = torch.randn(2, 2, 4, 4, requires_grad=True)
    indices = [torch.tensor(people, dtype=torch.long).view(-1, 2, 2)] * 2
    losses = bare()(tags, indices)
    assert [loss.item() for loss in losses] == [0, 0]
    sum(losses).backward()
    assert torch.equal(tags.grad, torch.zeros_like(tags))


def test_unlabelled_keypoints_may_lie_anywhere():
    tags = torch.tensor([[float('nan'), 1.0, 5.0], [float('inf'), 1.4, 2.0]]).view(1, 2, 1, 3)
    tags.requires_grad_()
    indices = torch.tensor([person(1, 1), person(2, None)])
    expected = bare()(tags, [indices])
    indices[1, 1, 0] = 10**9
    assert bare()(tags, [indices]) == expected
    sum(expected).backward()
    assert tags.grad.isfinite().all()


@pytest.mark.parametrize('push_type', ['exp', 'max'])
def test_gradcheck(push_type):
    tags, indices = crowd(2, 3, 3, torch.float64)
    loss = bare(push_type=push_type)
    assert torch.autograd.gradcheck(lambda t: loss(t, indices), (tags,))


def test_same_under_autocast_and_of_half_precision():
    tags, indices = crowd()
    expected = bare()(tags, indices)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(bare()(tags, indices), expected)
    halves = tags.detach().bfloat16()
    torch.testing.assert_close(bare()(halves, indices), bare()(halves.float(), indices))


@pytest.mark.parametrize(
    'options',
    [dict(push_type='cosine'), dict(reduction='none'), dict(pull_weight=-1), dict(push_weight=-1)],
)
def test_refuses_options(options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        BatchedAssociativeEmbeddingLoss(**options)


def test_refuses_shapes():
    tags, indices = crowd()
    with pytest.raises(ValueError, match=r'\(B, K, h, w\), got \(3, 5, 42\)'):
        bare()(tags.flatten(2), indices)
    with pytest.raises(ValueError, match='3 images need as many sets of keypoint_indices, got 2'):
        bare()(tags, indices[:2])
    with pytest.raises(ValueError, match=r'K = 5 as the tags, got \(4, 4, 2\)'):
        bare()(tags, [image[:, 1:] for image in indices])
