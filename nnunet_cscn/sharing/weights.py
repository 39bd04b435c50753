"""Write and read weights as safetensors, a format that cannot run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import parse_json
from nnunet_cscn.nnunet.checkpoints import require_entries

ENDING = ".safetensors"
_KEY = "nnunet_cscn"


def write_weights(checkpoint: Mapping[str, Any], file: Path) -> None:
    """Write a checkpoint for prediction, without plans and description of the data set.

    nnU-Net's networks contain some tensors under two names. Each tensor is written once.

    Args:
        checkpoint: Result of ``slim_checkpoint``.
        file: The file to write.

    Raises:
        UserError: When the weights contain something other than tensors, or the other entries something other than
            text, numbers, lists and dictionaries.
    """
    tensors: dict[str, Tensor] = {}
    also: dict[str, str] = {}
    first: dict[Any, str] = {}
    for name, tensor in checkpoint["network_weights"].items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise UserError(f"{name} among the weights is not a tensor: models with other content cannot be exported")
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and place in first:
            also[name] = first[place]
        else:
            first[place] = name
            tensors[name] = tensor.contiguous().clone()
    arguments = {key: value for key, value in checkpoint["init_args"].items() if key not in ("plans", "dataset_json")}
    rest = {key: value for key, value in checkpoint.items() if key not in ("network_weights", "init_args")}
    order = list(checkpoint["network_weights"])
    content = {**rest, "init_args": arguments, "also": also, "order": order}
    try:
        text = json.dumps(content)
    except (TypeError, ValueError) as fault:
        raise UserError(f"the checkpoint has an entry that cannot be exported as text ({fault})") from None
    save_file(tensors, file, metadata={_KEY: text})


def read_weights(file: Path, plans: Mapping[str, Any], dataset_json: Mapping[str, Any]) -> dict[str, Any]:
    """Read a checkpoint that ``write_weights`` wrote.

    Args:
        file: The file.
        plans: Plans of the model.
        dataset_json: Description of the training data set.

    Raises:
        UserError: When the file is damaged or was not written by ``write_weights``.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            content = parse_json(opened.metadata()[_KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        names = [(name, content["also"].get(name, name)) for name in content.pop("order")]
        weights = {name: tensors[source] for name, source in names}
        arguments = {**content["init_args"], "plans": dict(plans), "dataset_json": dict(dataset_json)}
        del content["also"]
        checkpoint = {**content, "network_weights": weights, "init_args": arguments}
        axes = content["inference_allowed_mirroring_axes"]
        checkpoint["inference_allowed_mirroring_axes"] = None if axes is None else tuple(axes)
        require_entries(checkpoint)
    except (SafetensorError, OSError, KeyError, TypeError, AttributeError, ValueError) as fault:
        raise UserError(f"{file} contains no weights of an exported model ({fault}): get the model again") from None
    return checkpoint


def same_weights(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two checkpoints contain the same tensors under the same names."""
    first, second = one["network_weights"], other["network_weights"]
    return first.keys() == second.keys() and all(_same(tensor, second[name]) for name, tensor in first.items())


def _same(one: Tensor, other: Tensor) -> bool:
    is_alike = one.dtype == other.dtype and one.shape == other.shape
    return is_alike and torch.equal(
        one.contiguous().view(-1).view(torch.uint8), other.contiguous().view(-1).view(torch.uint8)
    )
