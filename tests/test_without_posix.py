"""Windows has no POSIX modules and no fork: everything has to be importable without, and commands have to start."""

import os
import shutil
import subprocess
import sys

import pytest

WITHOUT_POSIX = """
import multiprocessing, os, signal, sys

MODULES = {"crypt", "curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MODULES:
            raise ModuleNotFoundError(f"{name} is a POSIX module", name=name)

for name in MODULES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocker())
for name in ("fork", "getpgid", "getuid", "killpg", "sched_getaffinity", "setsid"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGKILL"):
    if hasattr(signal, name):
        delattr(signal, name)
multiprocessing.set_start_method("spawn", force=True)
"""

IMPORT_ALL = """
import importlib, pkgutil
import nnunet_cscn

failed = {}
for module in pkgutil.walk_packages(nnunet_cscn.__path__, "nnunet_cscn."):
    try:
        importlib.import_module(module.name)
    except ImportError as fault:
        failed[module.name] = str(fault)
print(failed)
"""

COMMAND = """
if __name__ == "__main__":
    from nnunet_cscn.cli.main import main

    main()
"""

TRAIN = """
if __name__ == "__main__":
    from nnunetv2.run.run_training import run_training_entry

    run_training_entry()
"""


def run(program, *arguments, folder, **variables):
    file = folder / "program.py"  # spawned processes import it again
    file.write_text(WITHOUT_POSIX + program, encoding="utf-8")
    command = [sys.executable, str(file), *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)


def test_every_module_is_imported_without_posix_modules(tmp_path):
    done = run(IMPORT_ALL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "{}"


@pytest.mark.parametrize("arguments", [["--version"], ["train", "--help"], ["env"]])
def test_commands_start_without_posix_modules(tmp_path, arguments):
    done = run(COMMAND, *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_processes_are_spawned_without_posix_modules(tmp_path):
    small = ("--cases", 1, "--test-cases", 1, "--slices", 20, 20, "--in-plane", 100)
    done = run(COMMAND, "phantom", *small, "--processes", 2, "-o", tmp_path / "raw", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "raw").rglob("*_0000.nii.gz"))) == 2


@pytest.mark.slow
def test_training_and_prediction_with_worker_processes_run_without_posix_modules(tmp_path):
    import tiny_dataset

    tiny_dataset.make(tmp_path, "labels")
    variables = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    variables |= {"nnUNet_n_proc_DA": "2", "nnUNet_def_n_proc": "2"}
    trained = run(
        *(TRAIN, tiny_dataset.NAME, "3d_tiny", 0, "-tr", "CSCNTrainer", "-device", "cpu"), folder=tmp_path, **variables
    )
    assert trained.returncode == 0, trained.stderr
    (tmp_path / "in").mkdir()
    shutil.copy(tmp_path / "raw" / tiny_dataset.NAME / "imagesTr" / "case_0_0000.nii.gz", tmp_path / "in")
    predicted = run(
        *(COMMAND, "predict", "-i", tmp_path / "in", "-o", tmp_path / "out", "-d", "901", "-c", "3d_tiny", "-f", "0"),
        *("-device", "cpu", "-npp", "1", "-nps", "1"),
        folder=tmp_path,
        **variables,
    )
    assert predicted.returncode == 0, predicted.stderr
    assert (tmp_path / "out" / "case_0.nii.gz").is_file()
