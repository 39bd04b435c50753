import errno
import os
import sys

import pytest
import typer

from nnunet_cscn.cli.app import run
from nnunet_cscn.errors import CommandFailed, UserError


@pytest.fixture
def ended(monkeypatch, capsys):
    """Return a function that runs a command which raises, and returns its exit status and what it printed."""

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


def test_a_failed_command_of_nnunets_is_one_sentence_with_status_1(ended):
    assert ended(CommandFailed("`nnUNetv2_train 901` ended with status 1")) == (
        1,
        "error: `nnUNetv2_train 901` ended with status 1\n",
    )
