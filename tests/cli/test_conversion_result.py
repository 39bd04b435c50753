"""What a conversion prints at its end."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from nnunet_cscn.cli.conversion_result import show_result
from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.conversion_result import ConversionResult


def case(*notes):
    return SimpleNamespace(notes=notes, is_new=True)


def result(converted, problems=None):
    return ConversionResult(Path("Dataset950_NPC"), converted, problems or {}, Path("Dataset950_NPC/report.csv"))


def test_notes_are_printed_with_their_case(capsys):
    show_result(result({"P2": case("GTVp: 33 % of it lies outside"), "P1": case("a", "b"), "P3": case()}))
    assert capsys.readouterr().out.splitlines() == [
        "Dataset950_NPC: 3 of 3 cases converted",
        "note: P1: a",
        "note: P1: b",
        "note: P2: GTVp: 33 % of it lies outside",
    ]


def test_many_notes_are_counted_and_the_report_is_named(capsys):
    show_result(result({f"P{number:02}": case("[x] a", "b") for number in range(8)}))
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 + 10 + 1
    assert out[1] == "note: P00: [x] a"
    assert "6 more notes" in out[-1]
    assert "report.csv" in out[-1]


def test_notes_are_printed_before_the_cases_that_failed(capsys):
    with pytest.raises(UserError, match="1 of 2 cases cannot be converted"):
        show_result(result({"P1": case("a")}, {"P2": "no images"}))
    assert "note: P1: a" in capsys.readouterr().out
