"""Errors of optical flow."""

import numpy as np


def endpoint_errors(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """Measure how far each pixel's flow ends from where it should (EPE).

    Args:
        pred (np.ndarray): Predicted flow in px, (2, H, W) or (N, 2, H, W).
        gt (np.ndarray): True flow of the same shape.

    Returns:
        np.ndarray: Distances in px, float64 (H, W) or (N, H, W).

    Raises:
        ValueError: If the shapes differ or are not those of flows.
    """
    pred, gt = _as_flows(pred, gt)
    return np.hypot(*np.moveaxis(pred - gt, -3, 0))


def angular_errors(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """Measure the angle between the flows (u, v, 1) in space and time (AAE).

    The 1 keeps the angle from depending on the direction of flows of nearly no length (Barron,
    Fleet, Beauchemin: Performance of optical flow techniques, IJCV 1994).

    Args:
        pred (np.ndarray): Predicted flow in px, (2, H, W) or (N, 2, H, W).
        gt (np.ndarray): True flow of the same shape.

    Returns:
        np.ndarray: Angles in degrees, float64 (H, W) or (N, H, W).

    Raises:
        ValueError: If the shapes differ or are not those of flows.
    """
    (u, v), (x, y) = (np.moveaxis(flow, -3, 0) for flow in _as_flows(pred, gt))
    # By the cross product: the arc cosine is blind to small angles.
    cross = np.sqrt((v - y) ** 2 + (x - u) ** 2 + (u * y - v * x) ** 2)
    return np.degrees(np.arctan2(cross, u * x + v * y + 1))


def flow_cosines(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """Measure the cosine of the angle between the flows in the image.

    Args:
        pred (np.ndarray): Predicted flow in px, (2, H, W) or (N, 2, H, W).
        gt (np.ndarray): True flow of the same shape.

    Returns:
        np.ndarray: Cosines, float64 (H, W) or (N, H, W); 0 where one of the flows is 0.

    Raises:
        ValueError: If the shapes differ or are not those of flows.
    """
    pred, gt = _as_flows(pred, gt)
    lengths = np.hypot(*np.moveaxis(pred, -3, 0)) * np.hypot(*np.moveaxis(gt, -3, 0))
    product = (pred * gt).sum(-3)
    return np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)


def _as_flows(pred: np.ndarray, gt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if pred.shape != gt.shape or pred.ndim not in (3, 4) or pred.shape[-3] != 2:
        raise ValueError(
            f'expected two flows of one shape (2, H, W) or (N, 2, H, W), got {pred.shape} and '
            f'{gt.shape}'
        )
    return pred.astype(np.float64), gt.astype(np.float64)
