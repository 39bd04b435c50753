import os
import shlex
import subprocess

import pytest
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app
from nnunet_cscn.nnunet import discovery


def _evaluated(line: str) -> str:
    """The value of the variable in a POSIX shell after `eval` of the line."""
    script = f'eval "$1"; printf %s "${discovery.TRAINERS_VARIABLE}"'
    return subprocess.run(["sh", "-c", script, "sh", line], capture_output=True, encoding="utf-8", check=True).stdout


def test_the_line_sets_the_variable_to_our_folder(monkeypatch):
    monkeypatch.delenv(discovery.TRAINERS_VARIABLE, raising=False)
    shown = CliRunner().invoke(app, ["env"])
    assert shown.exit_code == 0
    assert shown.output.startswith("export nnUNet_extTrainer=")
    assert shown.output.count("\n") == 1
    assert _evaluated(shown.output) == str(discovery.trainers_folder())


@pytest.mark.parametrize("folder", ["/with space/x", "/quote'd", "/$HOME/`date`", "/[bold]x", "/" + "long/" * 60])
def test_any_folder_that_the_user_has_set_survives_the_shell(monkeypatch, folder):
    monkeypatch.setenv(discovery.TRAINERS_VARIABLE, folder)
    line = CliRunner().invoke(app, ["env"]).output
    assert _evaluated(line) == f"{folder}{os.pathsep}{discovery.trainers_folder()}"


def test_evaluating_twice_changes_nothing(monkeypatch):
    monkeypatch.setenv(discovery.TRAINERS_VARIABLE, str(discovery.trainers_folder()))
    line = CliRunner().invoke(app, ["env"]).output
    assert line == f"export nnUNet_extTrainer={shlex.quote(str(discovery.trainers_folder()))}\n"
