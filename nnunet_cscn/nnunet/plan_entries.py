"""Check the types of the entries of a configuration in nnU-Net's plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.numbers import is_number


def check_entries(name: str, plan: Mapping[str, Any], remedy: str) -> None:
    """Check the entries that are there. Entries that are missing or unknown are not checked.

    Args:
        name: Name of the configuration, for the message.
        plan: The configuration with all inherited entries.
        remedy: The end of the message.

    Raises:
        UserError: When an entry has another type than nnU-Net writes. The message names it.
    """
    architecture = plan.get("architecture")
    arguments = architecture.get("arch_kwargs") if isinstance(architecture, Mapping) else None
    blocks = {"": plan, "architecture.": architecture, "arch_kwargs.": arguments}
    for prefix, block in blocks.items():
        if not isinstance(block, Mapping):
            continue
        for key, (is_right, expected) in _EXPECTED[prefix].items():
            if block.get(key) is not None and not is_right(block[key]):
                raise UserError(
                    f"the configuration {name} of the plans is not valid: {prefix}{key}: expected {expected}, "
                    f"got {block[key]!r:.100}; {remedy}"
                )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _each(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (list, tuple)) and all(is_right(each) for each in value)


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping)


_TEXT, _TEXTS, _BLOCK = (_is_text, "text"), (_each(_is_text), "a list of texts"), (_is_block, "a block")
_SIZE, _SIZES = (_is_size, "a positive integer"), (_each(_is_size), "a list of positive integers")
_LENGTHS = (_each(_is_positive), "a list of positive numbers")

_EXPECTED: Mapping[str, Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "": {
        "data_identifier": _TEXT,
        "preprocessor_name": _TEXT,
        "previous_stage": _TEXT,
        "batch_size": _SIZE,
        "patch_size": _SIZES,
        "spacing": _LENGTHS,
        "median_image_size_in_voxels": _LENGTHS,
        "normalization_schemes": _TEXTS,
        "architecture": _BLOCK,
        "cscn": _BLOCK,
    },
    "architecture.": {"network_class_name": _TEXT, "arch_kwargs": _BLOCK, "_kw_requires_import": _TEXTS},
    "arch_kwargs.": {"n_stages": _SIZE},
}
