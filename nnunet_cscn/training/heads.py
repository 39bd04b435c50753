"""Load the segmentation heads of pretrained weights, which nnU-Net leaves out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nnunet_cscn.errors import UserError

VARIABLE = "CSCN_HEADS"  # nnU-Net's command takes no options of ours
_HEAD = ".seg_layers."  # by which nnU-Net knows what depends on the labels


def wanted_heads() -> Path | None:
    """Return the file that ``CSCN_HEADS`` names; None where it is not set."""
    value = os.environ.get(VARIABLE, "").strip()
    return Path(value) if value else None


def load_heads(network: nn.Module, file: Path, labels: Sequence[str]) -> int:
    """Load all weights that depend on the labels: the heads, and the kernels that see probabilities.

    Args:
        network: The network, without nnU-Net's wrappers.
        file: What ``cscn weights adapt`` wrote.
        labels: The names of the network's outputs, in their order.

    Returns:
        The number of loaded tensors.

    Raises:
        UserError: When the file is missing or none of ``cscn weights adapt``, or was made for other labels.
    """
    content = _read(file)
    if tuple(content["labels"]) != tuple(labels):
        raise UserError(
            f"{VARIABLE}={file} was made for the labels {', '.join(content['labels'])}, the data set has "
            f"{', '.join(labels)}: make the weights again with `cscn weights adapt MODEL --for DATASET`"
        )
    own = network.state_dict()
    frozen = {key for key, value in network.named_parameters() if not value.requires_grad}  # stage one's, finished
    given = content["network_weights"].items()
    heads = {key: value for key, value in given if _HEAD in key and key not in frozen}
    if misfits := [key for key, value in heads.items() if key not in own or own[key].shape != value.shape]:
        raise UserError(
            f"{VARIABLE}={file} does not fit the network ({misfits[0]}): make the weights again with "
            "`cscn weights adapt MODEL --for DATASET` for this configuration"
        )
    network.load_state_dict({**own, **heads})
    return sum(not key.endswith("_extra_state") for key in heads)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"{VARIABLE}={file} does not exist: give the file that `cscn weights adapt` wrote")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        _ = content["network_weights"].items(), content["labels"]
    except Exception:  # torch raises many kinds for a file that is none of its own
        raise UserError(
            f"{VARIABLE}={file} is not a file of `cscn weights adapt`: make one with "
            "`cscn weights adapt MODEL --for DATASET`"
        ) from None
    return dict(content)
