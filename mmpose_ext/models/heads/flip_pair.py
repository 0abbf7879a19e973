"""What MMPose's estimators hand to a head in the flip test."""

from typing import Any


def check_flip_pair(feats: Any) -> None:
    """Refuse features that are not those of the images and of the mirrored images.

    Args:
        feats: What the head was given.

    Raises:
        ValueError: If it is no list of two.
    """
    if not isinstance(feats, list) or len(feats) != 2:
        raise ValueError(
            'flip_test needs a list of two feature tuples, of the images and of the mirrored '
            f'images, got {type(feats).__name__} of length {len(feats)}.'
        )
