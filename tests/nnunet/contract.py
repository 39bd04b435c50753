"""What the package relies on in nnunetv2, collected from the source of both.

* calls: the names of the parameters that calls of nnU-Net's functions and classes give;
* overrides: the parameters of nnU-Net's methods that the package's classes replace;
* attributes: what the package reads from nnU-Net's objects.

``python tests/nnunet/contract.py`` writes ``contract.txt``: after a change of what the package relies on, and for a
new release of nnunetv2 after each difference was looked at.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nnunet_cscn
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.nnunet.trainer import ConfigurationManager, PlansManager, nnUNetTrainer

FILE = Path(__file__).with_name("contract.txt")
PACKAGE = Path(nnunet_cscn.__file__).parent
OBJECTS = {  # how the package calls nnU-Net's objects
    "plans_manager": PlansManager,
    "configuration_manager": ConfigurationManager,
    "predictor": nnUNetPredictor,
    "trainer": nnUNetTrainer,
}


@functools.cache
def contract() -> list[str]:
    """Return a line for each thing that the package relies on, sorted."""
    calls: dict[str, set[str]] = {}
    lines: set[str] = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        module = importlib.import_module(".".join(("nnunet_cscn", *file.relative_to(PACKAGE).with_suffix("").parts)))
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for name, parameters in _calls(tree, _imported(tree, module)):
            calls.setdefault(name, set()).update(parameters)
        lines |= set(_overrides(module)) | set(_own_attributes(module)) | set(_read_attributes(tree))
    lines |= {f"call {name}({', '.join(sorted(parameters))})" for name, parameters in calls.items()}
    return sorted(lines)


def _is_nnunets(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).split(".")[0] == "nnunetv2"


def _imported(tree: ast.AST, module: ModuleType) -> dict[str, Any]:
    """nnU-Net's functions and classes by the names that a file imports, at its top and inside functions."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            source = importlib.import_module(node.module) if _may_hold(node.module) else None
            for alias in node.names:
                thing = getattr(source, alias.name, None)
                if _is_nnunets(thing):
                    found[alias.asname or alias.name] = thing
    return found


def _may_hold(module: str) -> bool:
    return module.startswith("nnunetv2") or module.startswith("nnunet_cscn.nnunet")


def _calls(tree: ast.AST, names: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each call of one of nnU-Net's functions or methods: its full name and the parameters that it gives."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in names:
            thing = names[node.func.id]
            yield f"{thing.__module__}.{thing.__qualname__}", _given(node, list(inspect.signature(thing).parameters))
        elif isinstance(node.func, ast.Attribute):
            cls = OBJECTS.get(getattr(node.func.value, "id", getattr(node.func.value, "attr", "")))
            method = getattr(cls, node.func.attr, None)
            if inspect.isfunction(method):
                _self, *parameters = inspect.signature(method).parameters
                yield f"{cls.__qualname__}.{method.__name__}", _given(node, parameters)


def _given(call: ast.Call, parameters: list[str]) -> list[str]:
    """The parameters that a call gives; those given by position with their number."""
    n_positional = sum(not isinstance(argument, ast.Starred) for argument in call.args)
    given = [f"{index + 1}: {name}" for index, name in enumerate(parameters[:n_positional])]
    given += [f"{index + 1}: missing" for index in range(len(parameters), n_positional)]
    keywords = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    return given + [name if name in parameters else f"{name}: missing" for name in keywords]


def _classes(module: ModuleType) -> Iterator[tuple[type, list[type]]]:
    """The classes of a module with a base of nnU-Net, and these bases."""
    for thing in vars(module).values():
        if isinstance(thing, type) and thing.__module__ == module.__name__:
            bases = [base for base in thing.__mro__ if _is_nnunets(base)]
            if bases:
                yield thing, bases


def _overrides(module: ModuleType) -> Iterator[str]:
    for thing, bases in _classes(module):
        for name in vars(thing):
            base = next((base for base in bases if name in vars(base)), None)
            if base is None or not callable(getattr(base, name)) or name in {"__doc__", "__module__"}:
                continue
            theirs = ", ".join(inspect.signature(getattr(base, name)).parameters)
            yield f"override {base.__qualname__}.{name}({theirs})"


def _own_attributes(module: ModuleType) -> Iterator[str]:
    """What methods of the package's classes read from ``self`` and none of the package's classes defines."""
    for thing, bases in _classes(module):
        ours = [cls for cls in thing.__mro__ if cls.__module__.startswith("nnunet_cscn")]
        defined = set().union(*(_defined(cls) for cls in ours))
        for name in _names_of(_source(thing), "self") - defined:
            if not name.startswith("__"):
                yield _line(name, bases)


def _read_attributes(tree: ast.AST) -> Iterator[str]:
    """What is read from objects that the package calls as in OBJECTS, of what their class has."""
    for variable, cls in OBJECTS.items():
        for name in _names_of(tree, variable) & _defined(cls):
            yield _line(name, [cls])


def _line(name: str, bases: list[type]) -> str:
    owner = next((base for base in bases if name in _defined(base)), None)
    what = bases[0].__qualname__ if owner is None else owner.__qualname__
    return f"attribute {what}.{name}" + (": missing" if owner is None else "")


def _names_of(tree: ast.AST, variable: str) -> set[str]:
    """The attributes that are read or called of a variable, or of an attribute with this name."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and getattr(node.value, "id", getattr(node.value, "attr", None)) == variable
    }


@functools.cache
def _defined(cls: type) -> set[str]:
    """The names that a class defines: in its body, by annotation, and by assignment to ``self`` in its methods."""
    assigned = {
        node.attr
        for node in ast.walk(_source(cls))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and getattr(node.value, "id", "") == "self"
    }
    return set(vars(cls)) | set(inspect.get_annotations(cls)) | assigned


@functools.cache
def _source(cls: type) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except OSError:  # made by a function
        return ast.Module([], [])


if __name__ == "__main__":
    FILE.write_text("\n".join(contract()) + "\n", encoding="utf-8")
