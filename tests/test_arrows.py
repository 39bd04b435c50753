"""Packages import what stands below or beside them in the table of docs/DESIGN.md, and there are no cycles."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

import nnunet_cscn

PACKAGE = Path(nnunet_cscn.__file__).parent
DESIGN = Path(__file__).parents[1] / "docs" / "DESIGN.md"


def _imports() -> dict[str, set[str]]:
    """The packages that each package imports, at the top of a file or inside functions."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            rooms = {module.split(".")[1] for module in modules if module.startswith("nnunet_cscn.")}
            found.setdefault(room, set()).update(rooms - {room})
    return found


def _rows() -> list[list[str]]:
    """The packages of each row of the table."""
    table = DESIGN.read_text(encoding="utf-8").split("## Rules")[0]
    return [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]


IMPORTS, ROW = _imports(), {room: number for number, row in enumerate(_rows()) for room in row}


def test_the_table_names_every_package_once():
    assert sorted(room for row in _rows() for room in row) == sorted(set(IMPORTS) - {"__init__"})


def test_there_is_no_cycle():
    graphlib.TopologicalSorter(IMPORTS).prepare()  # raises CycleError with the packages


@pytest.mark.parametrize("room", sorted(set(IMPORTS) - {"__init__"}))
def test_no_arrow_points_upwards(room):
    assert {other for other in IMPORTS[room] if ROW[other] < ROW[room]} == set()


@pytest.mark.parametrize("room", ["conversion", "formats", "dicom", "nifti", "workflows"])
def test_no_sentence_speaks_of_a_flag(room):
    for file in (PACKAGE / room).glob("convert*.py" if room == "workflows" else "*.py"):
        assert not re.search(r"(?<![\w-])--[a-z]", file.read_text(encoding="utf-8")), file.name
