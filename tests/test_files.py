import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nnunet_cscn import temporary
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import check_output_folder, read_json_file, replacing, replacing_folder, write_json, write_text

DEAD = f"{temporary.PREFIX}{temporary._machine()}-999999999-1-01234567"
ELSEWHERE = f"{temporary.PREFIX}00000000-1-1-01234567"


@pytest.fixture(autouse=True)
def _first_look(monkeypatch):
    """Each test is a new process to the code: it looks into all folders anew."""
    monkeypatch.setattr(temporary, "_looked_into", set())


def test_what_is_being_written_is_no_file_among_others(tmp_path):
    with replacing(tmp_path / "case_0000.nii.gz") as unfinished:
        assert unfinished.name == "case_0000.nii.gz"
        unfinished.write_text("half")
        assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["case_0000.nii.gz"]


def test_after_an_exception_all_is_as_before(tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def write_half():
        with replacing(tmp_path / "a.txt") as unfinished:
            unfinished.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
from nnunet_cscn.files import {name}
with {name}(Path(sys.argv[1])) as unfinished:
    (unfinished / "a" if unfinished.is_dir() else unfinished).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["replacing", "replacing_folder"])
def test_what_a_killed_process_leaves_is_removed_by_the_next_one(tmp_path, name):
    subprocess.run([sys.executable, "-c", KILLED.format(name=name), tmp_path / "made"], check=False)
    assert [entry.is_dir() for entry in tmp_path.iterdir()] == [True]
    write_text(tmp_path / "other.txt", "whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.txt"]


def test_what_others_are_writing_stays(tmp_path):
    living = (
        tmp_path
        / f"{temporary.PREFIX}{temporary._machine()}-{os.getppid()}-{temporary._start_of(os.getppid())}-01234567"
    )
    for folder in (living, tmp_path / ELSEWHERE, tmp_path / DEAD, tmp_path / ".cscn-tmp-mine"):
        folder.mkdir()
    write_text(tmp_path / "a.txt", "whole")
    assert {entry.name for entry in tmp_path.iterdir()} == {living.name, ELSEWHERE, ".cscn-tmp-mine", "a.txt"}


def test_what_another_machine_left_goes_after_a_day(tmp_path):
    (tmp_path / ELSEWHERE).mkdir()
    os.utime(tmp_path / ELSEWHERE, (0, 0))
    write_text(tmp_path / "a.txt", "whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_what_lies_deeper_is_removed_when_asked_for(tmp_path):
    (tmp_path / "imagesTr" / DEAD / "new").mkdir(parents=True)
    temporary.remove_stale(tmp_path)
    assert (tmp_path / "imagesTr" / DEAD).is_dir()
    temporary.remove_stale(tmp_path, below=True)
    assert not (tmp_path / "imagesTr" / DEAD).exists()


def test_a_folder_that_was_moved_aside_by_a_killed_process_comes_back(tmp_path):
    old = tmp_path / "Dataset901_A" / "model 100%"
    (tmp_path / DEAD).mkdir()
    kept = temporary.aside(tmp_path / DEAD, old)
    kept.mkdir()
    (kept / "plans.json").write_text("{}")
    old.parent.mkdir()
    temporary.remove_stale(tmp_path)
    assert (old / "plans.json").is_file()
    assert not (tmp_path / DEAD).exists()


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").write_text("old")
    with replacing_folder(tmp_path / "made") as unfinished:
        (unfinished / "below").mkdir()
        (unfinished / "below" / "new").write_text("new")
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "made",
        "made/below",
        "made/below/new",
    ]


def test_a_full_disk_names_the_file_in_the_new_folder(tmp_path):
    def fill_the_disk():
        with (
            replacing_folder(tmp_path / "made") as unfinished,
            replacing(unfinished / "labels" / "case.nii.gz") as temporary,
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))

    with pytest.raises(OSError, match="No space left") as told:
        fill_the_disk()
    assert told.value.filename == str(tmp_path / "made" / "labels" / "case.nii.gz")


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()) or real(handle)
    )
    write_text(tmp_path / "a.txt", "whole")
    assert [path.name for path in synced] == ["a.txt", tmp_path.name]
    assert synced[0].parent != tmp_path


def test_links_are_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.json").symlink_to("disk/real.json")
    write_json(tmp_path / "link.json", {"a": 1})
    write_json(tmp_path / "link.json", {"a": 2})
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "disk" / "real.json").read_text()) == {"a": 2}


def test_a_pipe_gets_the_content_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_json(tmp_path / "pipe", [1])
    reader.join()
    assert got == ["[\n  1\n]\n"]
    assert [stat.S_ISFIFO(entry.stat().st_mode) for entry in tmp_path.iterdir()] == [True]


def test_a_pipe_whose_reader_leaves_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: os.close(os.open(tmp_path / "pipe", os.O_RDONLY)))
    reader.start()
    with pytest.raises(UserError, match=r"/pipe: the program that reads from it has ended too early"):
        write_json(tmp_path / "pipe", ["long"] * 100_000)  # more than a pipe holds
    reader.join()


def test_a_device_stays_a_device():
    write_json(Path("/dev/null"), [1])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_to_whatever_it_is(tmp_path, name):
    program = f"from pathlib import Path; from nnunet_cscn.files import write_text; write_text(Path({name!r}), 'told')"
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before ")
        out.flush()
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before told"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True).stdout
        == "told"
    )


def test_a_folder_in_the_place_is_named(tmp_path):
    with pytest.raises(IsADirectoryError) as refused:
        write_text(tmp_path, "a")
    assert refused.value.filename == str(tmp_path)


@pytest.mark.parametrize("name", ["a" * 250 + ".json", "größe 腫瘍.json", "a\udcff.json"])
def test_odd_names_are_written(tmp_path, name):
    write_json(tmp_path / name, {name: 1})
    assert read_json_file(tmp_path / name) == {name: 1}
    write_text(tmp_path / name, name)


def test_what_is_refused_bears_the_name_that_the_user_knows(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="No space left") as refused, replacing(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError) as missing, replacing(tmp_path / "a.txt") as unfinished:
        unfinished.read_text()
    assert missing.value.filename == str(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError) as other, replacing(tmp_path / "a.txt"):
        (tmp_path / "source.txt").read_text()
    assert other.value.filename == str(tmp_path / "source.txt")


def test_a_library_that_does_not_say_that_the_disk_is_full_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_cscn.files._LITTLE_ROOM", 2**80)
    with pytest.raises(OSError, match="No space left") as refused, replacing(tmp_path / "a.txt"):
        raise RuntimeError("enforce fail at inline_container.cc")
    assert refused.value.filename == str(tmp_path / "a.txt")


def test_json_that_is_nested_without_end_is_no_json(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="not valid JSON"):
        read_json_file(tmp_path / "deep.json")


def test_an_output_folder_is_checked_before_the_work(tmp_path):
    check_output_folder(tmp_path)
    check_output_folder(tmp_path / "new" / "below")
    assert not (tmp_path / "new").exists()
    write_text(tmp_path / "file", "a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for place in ("file", "file/below", "dangling", "dangling/below"):
        with pytest.raises(ArgumentError, match="is a file, not a folder") as caught:
            check_output_folder(tmp_path / place)
        assert caught.value.argument == "out"


def test_an_output_folder_that_is_read_only_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _place, _mode: False)  # root may write everywhere
    with pytest.raises(ArgumentError, match=r"folder: .* is read-only"):
        check_output_folder(tmp_path / "new", "folder")


@pytest.mark.parametrize("n_levels", [101, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_that_is_nested_too_deep_is_refused(tmp_path, n_levels, opening, closing):
    file = tmp_path / "a.json"
    file.write_text(f"{opening * n_levels}1{closing * n_levels}", encoding="utf-8")
    with pytest.raises(UserError, match="nested too deep"):
        read_json_file(file)


def test_json_of_a_hundred_levels_less_one_is_read(tmp_path):
    (tmp_path / "a.json").write_text("[" * 99 + "]" * 99, encoding="utf-8")
    assert isinstance(read_json_file(tmp_path / "a.json"), list)
