import errno
import os
import subprocess
import sys
from typing import Annotated

import pytest
import typer

from nnunet_cscn.cli.app import error_console, run
from nnunet_cscn.errors import ArgumentError, CommandFailed, DiskFull, UserError


@pytest.fixture
def ended(monkeypatch, capsys):
    """Return a function that runs a command that raises an exception, and returns exit status and output."""

    def run_raising(exception):
        app = typer.Typer(pretty_exceptions_enable=False)

        @app.command()
        def command():
            raise exception

        monkeypatch.setattr(sys, "argv", ["cscn"])
        with pytest.raises(SystemExit) as left:
            run(app)
        shown = capsys.readouterr()
        assert shown.out == ""
        return left.value.code, shown.err

    return run_raising


def test_the_users_mistake_is_one_sentence_as_it_is(ended):
    assert ended(UserError("--size: expected [1, 2], got [red]3[/red]")) == (
        2,
        "error: --size: expected [1, 2], got [red]3[/red]\n",
    )


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (ArgumentError("rois", "expected a label"), "--roi: expected a label"),
        (ArgumentError("source", "no folder"), "SOURCE: no folder"),
        (ArgumentError("dataset_id", "expected a number"), "--number: expected a number"),
        (ArgumentError("elsewhere_set", "unknown"), "--elsewhere-set: unknown"),
        (ArgumentError("rois", "two fit: add keep_all=True"), "--roi: two fit: add --keep-all"),
        (UserError("a.nii.gz is there: add keep_all=True"), "a.nii.gz is there: add --keep-all"),
        (UserError("options.json holds views=True"), "options.json holds views=True"),
    ],
)
def test_arguments_are_shown_as_the_flags_of_the_command(monkeypatch, capsys, mistake, sentence):
    inner, outer = typer.Typer(), typer.Typer(pretty_exceptions_enable=False)

    @inner.command("dicom")
    def command(
        source: str,
        rois: Annotated[str, typer.Option("--roi")] = "",
        dataset_id: Annotated[int, typer.Option("-n", "--number")] = 1,
        keep_all: Annotated[bool, typer.Option("--keep-all")] = False,
    ):
        raise mistake

    @inner.command("other")
    def other():
        pass

    outer.add_typer(inner, name="convert")
    monkeypatch.setattr(sys, "argv", ["cscn", "convert", "dicom", "here"])
    with pytest.raises(SystemExit) as left:
        run(outer)
    assert left.value.code == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("cannot write"), "cannot write"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_with_status_2(ended, refusal, sentence):
    assert ended(refusal) == (2, f"error: {sentence}\n")


def test_of_many_cases_a_terminal_gets_the_first_and_a_file_gets_all(ended, monkeypatch):
    mistake = UserError("\n  ".join(["60 cases cannot be read:", *(f"case_{number}" for number in range(60))]))
    assert ended(mistake)[1].splitlines()[-1] == "  case_59"
    monkeypatch.setattr(type(error_console), "is_terminal", True)
    monkeypatch.setattr(error_console, "no_color", True)
    *_, last, said = ended(mistake)[1].splitlines()
    assert last.strip() == "case_49"
    assert said.strip() == "and 10 more; all of them with `2> FILE` after the command"


def test_an_interruption_ends_as_the_shell_expects(ended):
    status, shown = ended(KeyboardInterrupt())
    assert status == 130
    assert "Traceback" not in shown


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command():
        raise RuntimeError("ours")

    monkeypatch.setattr(sys, "argv", ["cscn"])
    with pytest.raises(RuntimeError, match="ours"):
        run(app)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path, refused):
    tmp_path.chmod(0o500)
    assert f"error: {tmp_path / 'raw'}: Permission denied" in refused("phantom", tmp_path / "raw", "--cases", 1)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, refused):
    (tmp_path / "raw").write_text("a file")
    assert str(tmp_path / "raw") in refused("phantom", tmp_path / "raw" / "below", "--cases", 1)


CSCN = (sys.executable, "-m", "nnunet_cscn.cli.main")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_standard_output_that_is_full_is_named(unbuffered):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ended = subprocess.run(
            [*CSCN, "env"], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (2, "error: standard output: No space left on device\n")


def test_a_closed_standard_output_is_no_fault():
    ended = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *CSCN, "--version"], stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_ends_a_command_without_a_word(unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*CSCN, "env"], stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_failed_command_of_nnunets_is_one_sentence_with_status_1(ended):
    assert ended(CommandFailed("`nnUNetv2_train 901` ended with status 1")) == (
        1,
        "error: `nnUNetv2_train 901` ended with status 1\n",
    )


def test_a_command_of_nnunets_without_room_on_the_disk_is_the_users_to_mend(ended):
    assert ended(DiskFull("no space left on the disk of a.log")) == (2, "error: no space left on the disk of a.log\n")
