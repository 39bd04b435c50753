"""``cscn doctor``: check the installation and print a remedy for each problem."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from nnunet_cscn.cli.app import EXIT_USER_ERROR, console, error_console
from nnunet_cscn.diagnosis import diagnose
from nnunet_cscn.diagnosis.finding import Finding

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fault": "[bold red]fault[/]"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check the packages, nnU-Net's folders, the trainers and the device.

    The table shows each problem and its solution. The exit status is 2 if a
    problem was found.

    Example: cscn doctor
    """
    with error_console.status("looking (nnU-Net's own search for trainers takes some seconds)"):
        findings = diagnose()
    faults = [finding for finding in findings if finding.state == "fault"]
    if as_json:
        content = {"works": not faults, "findings": [dataclasses.asdict(finding) for finding in findings]}
        console.print(json.dumps(content, indent=2), soft_wrap=True, markup=False, highlight=False)
    else:
        console.print(_table(findings))
        console.print(f"{len(faults)} faults to mend" if faults else "all that is needed works")
    if faults:
        raise typer.Exit(EXIT_USER_ERROR)


def _table(findings: list[Finding]) -> Table:
    table = Table("", "what", Column("found, and what to do", overflow="fold"))
    for finding in findings:
        text = escape(finding.detail) + (f"\n[bold]{escape(finding.remedy)}[/]" if finding.remedy else "")
        table.add_row(_MARKS[finding.state], escape(finding.subject), text)
    return table
