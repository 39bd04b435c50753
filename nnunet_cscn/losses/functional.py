"""The distance-weighted focal loss as functions.

Guo et al. 2022, Eqs. 5 to 7, after Lin et al., Focal loss for dense object detection, ICCV 2017,
doi 10.1109/ICCV.2017.324.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def distance_weight(inside: Tensor, distance: Tensor) -> Tensor:
    """Return alpha of Eq. 7: d + 1 inside a label, 1 outside.

    Args:
        inside: Boolean, True inside a label.
        distance: Distance to the label's border in mm, same shape. Ignored outside.

    Returns:
        float32, the same shape.

    Note:
        The text of the paper says that the weight is for the boundary, but alpha in Eq. 7 grows towards the centre. We
        use the equation as printed.
    """
    return torch.where(inside, distance.float() + 1.0, 1.0)


def focal_factor(log_p_other: Tensor, gamma: float) -> Tensor:
    """Return (1 - p_t)^gamma of Eq. 5, computed from log(1 - p_t) for numerical precision.

    For gamma below 1 the derivative of the power is infinite at p_t = 1. In the form exp(gamma * log(1 - p_t)) the
    gradient becomes 0 together with the factor, even if the logarithm is infinite.
    """
    return torch.exp(gamma * log_p_other)


def distance_weighted_focal_loss(
    logits: Tensor,
    labels: Tensor,
    distance: Tensor | None,
    *,
    gamma: float = 2.0,
    ignore_label: int | None = None,
    weighted_mean: bool = False,
) -> Tensor:
    """Return the mean over all voxels of alpha * (1 - p_t)^gamma * -log(p_t), with softmax (Eqs. 5 to 7).

    With alpha = 1 (no distance) and gamma = 0 it is the cross-entropy. All sums are in float32.

    Args:
        logits: Raw scores of the classes.
        labels: Integer labels; 0 is the background.
        distance: Distance to the border of the voxel's own label in mm, 0 outside; None for alpha = 1.
        gamma: Focal exponent, at least 0.
        ignore_label: Label of voxels without loss; None if there is none.
        weighted_mean: Divide by the sum of alpha over the valid voxels instead of by their number.

    Shape:
        logits (B, C, Z, Y, X), labels and distance (B, 1, Z, Y, X); in 2D without Z

    Returns:
        A scalar; 0 (with a gradient of 0) when every voxel is ignored.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 1, 2)  # p = 0.5 everywhere
        >>> labels = torch.tensor([0, 1]).reshape(1, 1, 1, 1, 2)
        >>> distance = torch.tensor([0.0, 3.0]).reshape(1, 1, 1, 1, 2)
        >>> loss = distance_weighted_focal_loss(logits, labels, distance)  # (1 + 4) / 2 * 0.25 * log 2
        >>> round(float(loss), 4)
        0.4332
    """
    _check_shapes(logits, labels, distance, channels=1)
    valid = None if ignore_label is None else labels != ignore_label
    classes = labels.long() if valid is None else torch.where(valid, labels, 0).long()
    log_p = F.log_softmax(logits.float(), dim=1)
    log_p_t = log_p.gather(1, classes)
    loss = -log_p_t
    if gamma > 0:
        others = log_p.scatter(
            1, classes, float("-inf")
        )  # 1 - p_t as the sum over the other classes: precise near p_t = 1
        loss = loss * focal_factor(torch.logsumexp(others, dim=1, keepdim=True), gamma)
    alpha = None if distance is None else distance_weight(classes > 0, distance)
    return _mean(loss, alpha, valid, weighted=weighted_mean)


def distance_weighted_region_focal_loss(
    logits: Tensor,
    regions: Tensor,
    distance: Tensor | None,
    *,
    gamma: float = 2.0,
    valid: Tensor | None = None,
    weighted_mean: bool = False,
) -> Tensor:
    """Return the same loss for overlapping regions: each region has its own sigmoid and its own alpha.

    Args:
        logits: Raw scores of the regions.
        regions: Boolean mask of each region.
        distance: Distance to the border of each region in mm, 0 outside; None for alpha = 1.
        gamma: Focal exponent, at least 0.
        valid: Boolean, False for voxels without loss; None if all voxels have loss.
        weighted_mean: Divide by the sum of alpha over the valid voxels instead of by their number.

    Shape:
        logits, regions and distance (B, R, Z, Y, X), valid (B, 1, Z, Y, X); in 2D without Z

    Returns:
        A scalar; 0 (with a gradient of 0) when every voxel is ignored.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check_shapes(logits, regions, distance, channels=logits.shape[1])
    inside = regions > 0
    signed = torch.where(inside, logits.float(), -logits.float())
    loss = -F.logsigmoid(signed)
    if gamma > 0:
        loss = loss * focal_factor(F.logsigmoid(-signed), gamma)
    alpha = None if distance is None else distance_weight(inside, distance)
    return _mean(loss, alpha, None if valid is None else valid.expand_as(loss), weighted=weighted_mean)


def _check_shapes(logits: Tensor, target: Tensor, distance: Tensor | None, *, channels: int) -> None:
    expected = (logits.shape[0], channels, *logits.shape[2:])
    for name, tensor in (("target", target), ("distance", distance)):
        if tensor is not None and tuple(tensor.shape) != expected:
            raise ValueError(f"{name}: expected shape {expected} beside logits {tuple(logits.shape)}, got "
                             f"{tuple(tensor.shape)}")  # fmt: skip


def _mean(loss: Tensor, alpha: Tensor | None, valid: Tensor | None, *, weighted: bool) -> Tensor:
    weight = torch.ones_like(loss) if alpha is None else alpha
    if valid is not None:
        weight = weight * valid
    total = (weight * loss).sum()
    if weighted:
        return total / _over_ranks(weight.sum())
    return total / loss.numel() if valid is None else total / _over_ranks(valid.sum().float())


def _over_ranks(count: Tensor) -> Tensor:
    """Return the mean of ``count`` over all processes of a distributed training, at least 1e-8.

    Distributed training averages the gradients of all processes. Only with a common denominator is this average the
    gradient of the joint batch.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        count = count.detach().clone()
        torch.distributed.all_reduce(count)
        count = count / torch.distributed.get_world_size()
    return count.clamp(min=1e-8)
