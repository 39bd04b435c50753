"""Read blocks of options from JSON into dataclasses. Unknown options are errors."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nnunet_cscn.errors import UserError
from nnunet_cscn.numbers import is_number

_Dataclass = TypeVar("_Dataclass")

_LONGEST_SHOWN = 100  # characters


def read_options(kind: type[_Dataclass], path: str, block: Any) -> _Dataclass:
    """Read a block of options into a dataclass, including nested blocks.

    Args:
        kind: The dataclass.
        path: Name of the block in error messages.
        block: Names and values. Missing options keep their defaults.

    Raises:
        UserError: When an option is unknown or a value has the wrong type.
    """
    if not isinstance(block, Mapping):
        raise UserError(f"{path}: expected a block of options, got {_shown(block)}")
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in block:
        if key not in names:
            raise UserError(f"{path}.{key}: unknown option; available: {', '.join(names)}")
    return kind(**{key: _convert(hints[key], f"{path}.{key}", value) for key, value in block.items()})


def _convert(kind: Any, path: str, value: Any) -> Any:
    """Check that ``value`` has the type ``kind`` and convert it to this type."""
    if dataclasses.is_dataclass(kind):
        return read_options(kind, path, value)  # type: ignore[arg-type]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = next(k for k in get_args(kind) if k is not type(None))
        return None if value is None else _convert(inner, path, value)
    if origin is Literal:
        if value not in get_args(kind):
            raise UserError(f"{path}: expected one of {', '.join(get_args(kind))}, got {_shown(value)}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UserError(f"{path}: expected a list, got {_shown(value)}")
        return tuple(_convert(get_args(kind)[0], path, item) for item in value)
    return _convert_scalar(kind, path, value)


def _convert_scalar(kind: type, path: str, value: Any) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise UserError(f"{path}: expected true or false, got {_shown(value)}")
        return value
    if kind is int:
        if not is_number(value) or int(value) != value:
            raise UserError(f"{path}: expected an integer, got {_shown(value)}")
        return int(value)
    if kind is str:
        if not isinstance(value, str):
            raise UserError(f"{path}: expected text, got {_shown(value)}")
        return value
    if not is_number(value):
        raise UserError(f"{path}: expected a number, got {_shown(value)}")
    return float(value)


def _shown(value: Any) -> str:
    """Return a value for a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
