"""Check the names in plans that nnU-Net imports and calls."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

KNOWN_PACKAGES = ("torch.nn", "dynamic_network_architectures")


def foreign_names(plans: Mapping[str, Any]) -> list[str]:
    """Return the names in plans that are not networks or layers of torch or nnU-Net.

    nnU-Net imports the network class and the arguments listed in ``_kw_requires_import`` by name and calls them. For
    example, ``subprocess.Popen`` as the nonlinearity starts a program.

    Args:
        plans: The content of a plans file.

    Returns:
        The names, each once; an empty list if all are allowed.

    Example:
        >>> foreign_names({"configurations": {"3d": {"architecture": {"network_class_name": "subprocess.Popen"}}}})
        ['subprocess.Popen']
    """
    configurations = plans.get("configurations")
    if not isinstance(configurations, Mapping):
        return []
    blocks = (plan.get("architecture") for plan in configurations.values() if isinstance(plan, Mapping))
    names = [name for block in blocks if isinstance(block, Mapping) for name in _imported(block)]
    return [name for name in dict.fromkeys(names) if not _is_network_part(name)]


def _imported(architecture: Mapping[str, Any]) -> Iterator[str]:
    yield str(architecture.get("network_class_name"))
    arguments = architecture.get("arch_kwargs")
    wanted = architecture.get("_kw_requires_import")
    if wanted is not None and not (isinstance(wanted, (list, tuple)) and all(isinstance(key, str) for key in wanted)):
        yield "what _kw_requires_import names (not a list of texts)"  # nnU-Net goes through it, whatever it is
        return
    for key in wanted or ():
        value = arguments.get(key) if isinstance(arguments, Mapping) else None
        if value is not None:
            yield str(value)


def _is_network_part(name: str) -> bool:
    """Return whether a name is a network class in the known packages. Nothing else is imported for this check."""
    if not _is_known(name):
        return False
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    from torch import nn

    found = _located(name)
    # attributes of a module can be what it has imported from elsewhere
    return found is None or (isinstance(found, type) and issubclass(found, nn.Module) and _is_known(found.__module__))


def _is_known(name: str) -> bool:
    return any(name.startswith(f"{package}.") for package in KNOWN_PACKAGES)


def _located(name: str) -> Any:
    """Return the object with a dotted name; None if the installed versions have no such object."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        with contextlib.suppress(ImportError):
            found: Any = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:]:
                found = getattr(found, part, None)
            return found
    return None
