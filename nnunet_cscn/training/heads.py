"""Load the segmentation heads of pretrained weights, which nnU-Net skips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nnunet_cscn.errors import UserError

VARIABLE = "CSCN_HEADS"  # nnU-Net's command accepts no further options
_HEAD = ".seg_layers."  # nnU-Net recognises heads by this part of the name


def wanted_heads() -> Path | None:
    """Return the file in the variable ``CSCN_HEADS``; None if it is not set."""
    value = os.environ.get(VARIABLE, "").strip()
    return Path(value) if value else None


def load_heads(network: nn.Module, file: Path, labels: Sequence[str]) -> int:
    """Load the weights that depend on the labels: segmentation heads and kernels for probabilities.

    Args:
        network: The network without nnU-Net's wrappers.
        file: A file of ``cscn weights adapt``.
        labels: The names of the outputs, in order.

    Returns:
        The number of loaded tensors.

    Raises:
        UserError: If the file is missing, is not from ``cscn weights adapt``, or was made for other labels.
    """
    content = _read(file)
    if tuple(content["labels"]) != tuple(labels):
        raise UserError(
            f"{VARIABLE}={file} was made for the labels {', '.join(content['labels'])}, the data set has "
            f"{', '.join(labels)}: make the weights again with `cscn weights adapt MODEL --for DATASET`"
        )
    own = network.state_dict()
    frozen = {key for key, value in network.named_parameters() if not value.requires_grad}  # stage one is not trained
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
