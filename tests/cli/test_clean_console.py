import os
import subprocess
import sys

import pytest
from rich.table import Table

from nnunet_cscn.cli.clean_console import clean_console

NAMES = ["case\x1b[2J", "case\x1b]0;title\x07", "case\x9b31m", "case\r", "a\u202egnp.exe", "a\udcff"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_shown_steers_the_terminal(capsys, name):
    console = clean_console()
    table = Table(title=name)
    table.add_column(name)
    table.add_row(name)
    console.print(name, markup=False)
    console.print(table)
    shown = capsys.readouterr().out
    assert not [letter for letter in shown if not letter.isprintable() and letter != "\n"]
    # rich drops a bell and a return of the carriage itself
    assert ascii(name)[1:-1].replace(r"\x07", "").replace(r"\r", "") in shown


PROGRAM = """
import sys, typer
from nnunet_cscn.cli.app import console, run
from nnunet_cscn.errors import UserError
app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def command():
    console.print("größe 腫瘍 \\udcff")
    typer.echo("größe 腫瘍 \\udcff")
    raise UserError("größe 腫瘍 \\udcff is missing")

run(app)
"""


@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}],
)
def test_names_that_the_terminal_does_not_know_are_no_traceback(tmp_path, environment):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, tmp_path / "program.py"], capture_output=True, env=os.environ | environment, check=False
    )
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr
    assert b"is missing" in run.stderr
    assert b"\\udcff" in run.stdout
