import sys
from collections.abc import Callable

import pytest

from dicom_studies import write_studies
from nnunet_cscn.cli.main import main
from nnunet_cscn.execution import commands, jobs


@pytest.fixture
def refused(monkeypatch, capsys) -> Callable[..., str]:
    """Return a function that runs `cscn`, checks for exit status 2 and returns the error message."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["cscn", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        shown = capsys.readouterr().err
        assert "Traceback" not in shown
        return shown

    return run


@pytest.fixture
def cscn(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs `cscn` and returns exit status, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["cscn", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies")


@pytest.fixture
def convert_dicom(cscn, studies, tmp_path):
    def run(*options):
        return cscn("convert", "dicom", studies, tmp_path / "raw", "--dataset", 950, "--name", "NPC", *options)

    return run


@pytest.fixture
def stand_in_for_training(tmp_path, monkeypatch) -> Callable[[str], None]:
    """Return a function that replaces nnUNetv2_train by a fast program (the real one takes half a minute per fold)."""
    command = tmp_path / "bin" / "nnUNetv2_train"
    command.parent.mkdir()
    real = commands.executable
    monkeypatch.setattr(commands, "executable", lambda name: str(command) if name == command.name else real(name))
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.02)

    def write(program: str) -> None:
        command.write_text(program)
        command.chmod(0o755)

    return write
