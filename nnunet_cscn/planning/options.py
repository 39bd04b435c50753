"""Read options such as ``loss.gamma=1``, and merge blocks of options."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.files import parse_json

_DEEPEST = 10  # blocks in blocks


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Turn ``name=value`` texts into nested blocks. Values are JSON; anything else is plain text.

    Raises:
        ArgumentError: If a text has no ``=``, or a name is both an option and a block.

    Example:
        >>> parse_assignments(["epochs=50", "loss.gamma=1", "fusion=fine"])
        {'epochs': 50, 'loss': {'gamma': 1}, 'fusion': 'fine'}
    """
    nested: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise ArgumentError("assignments", f"expected NAME=VALUE, such as loss.gamma=1; got {assignment!r}")
        *blocks, last = name.strip().split(".")
        if len(blocks) > _DEEPEST:
            raise ArgumentError("assignments", f"expected at most {_DEEPEST} dots in a name, got {len(blocks)}")
        block = nested
        for key in blocks:
            block = block.setdefault(key, {})
            if not isinstance(block, dict):
                raise ArgumentError("assignments", f"{assignment}: {key} already has a value; set it only once")
        block[last] = _value(text.strip())
    return nested


def merge_options(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of ``base`` in which ``changes`` replace or extend the entries, block by block.

    Example:
        >>> merge_options({"loss": {"gamma": 2, "dice_weight": 0}}, {"loss": {"gamma": 1}})
        {'loss': {'gamma': 1, 'dice_weight': 0}}
    """
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        both_blocks = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge_options(result[key], value) if both_blocks else copy.deepcopy(value)
    return result


def _value(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text
