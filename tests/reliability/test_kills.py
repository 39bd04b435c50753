"""A seeded share of the kills; ``CSCN_KILLS=20`` runs as many of each as the full run."""

import os
import random
import resource
import signal
import subprocess
import time

import pytest

import tiny_dataset
from nnunet_cscn.paper.configuration import PLANS
from reliability import commands, kills

pytestmark = pytest.mark.slow  # each runs whole commands

N_KILLS = int(os.environ.get("CSCN_KILLS", "1"))
NAMES = (
    "phantom", "phantom with two processes", "convert nifti", "convert sts", "convert dicom", "evaluate", "report",
    "predict", "predict-dicom", "cascade", "train", "train --staged", "nnUNetv2_train --c", "paper run", "demo",
)  # fmt: skip
TRAININGS = {
    "train": commands.train,
    "train --staged": commands.train_staged,
    "nnUNetv2_train --c": commands.nnunet_train,
    "paper run": commands.paper_run,
}


@pytest.fixture(scope="module")
def make(request, tmp_path_factory):
    """Return a function that makes the inputs of a command, and runs it once without a disturbance."""
    made = {}

    def get(name, write_volume):
        if name not in made:
            command = _command(name, tmp_path_factory.mktemp("input"), write_volume, request)
            out = tmp_path_factory.mktemp("undisturbed")
            command.prepare(out)
            before = time.monotonic()
            done = kills.run(command, out)
            assert done.returncode == 0, done.stderr
            made[name] = command, kills.content(out, command.exact, command.ignored), time.monotonic() - before
        return made[name]

    return get


def _command(name, folder, write_volume, request):
    if name in TRAININGS:
        return TRAININGS[name](_prepared(folder, is_paper=name == "paper run"))
    if name in ("convert nifti", "convert sts", "evaluate", "report"):
        return getattr(commands, name.replace(" ", "_"))(folder, write_volume)
    others = {
        "phantom": lambda: commands.phantom("--processes", 1),
        "phantom with two processes": lambda: commands.phantom("--processes", 2),
        "convert dicom": lambda: commands.convert_dicom(folder),
        "predict": lambda: commands.predict(request.getfixturevalue("trained_models")("labels")),
        "predict-dicom": lambda: commands.predict_dicom(request.getfixturevalue("trained_models")("labels"), folder),
        "cascade": lambda: commands.cascade(request.getfixturevalue("_staged_folders_once")("labels")),
        "demo": commands.demo,
    }
    return others[name]()


def _prepared(folder, *, is_paper):
    tiny_dataset.make(folder, "labels")
    if is_paper:
        tiny_dataset.add_cases(folder, 6, 7)
        small = ("--spacing", 2, "--features", 4, "--batch-size", 2)
        prepare = commands.Killed(
            lambda _out: ["paper", "prepare", 901, *commands.PAPER, *small], environment=commands.inside
        )
        assert kills.run(prepare, folder).returncode == 0
        commands.save_every_epoch(folder, PLANS)
    else:
        commands.save_every_epoch(folder, epochs=6)
    return folder


@pytest.mark.parametrize("seed", range(N_KILLS))
@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_that_runs_again_leaves_what_an_undisturbed_one_does(make, tmp_path, write_volume, name, seed):
    command, expected, seconds = make(name, write_volume)
    chance = random.Random(f"{name} {seed}")
    out = tmp_path / "out"
    out.mkdir()
    command.prepare(out)
    if seed % 2:
        status = kills.kill_during(command, out, chance.uniform(0, seconds))
    else:
        status = kills.kill_when_writing(command, out, chance)
    assert status in (0, -signal.SIGKILL)
    kills.wait_for_the_end(out)
    kept = command.kept(out)
    again = kills.run(command, out)
    assert again.returncode == 0, again.stderr
    assert kills.content(out, command.exact, command.ignored) == expected
    for file, rows in kept.items():
        assert (out / file).read_text(encoding="utf-8").splitlines()[: len(rows)] == rows


def test_a_terminated_phantom_leaves_nothing_and_ends_with_143(tmp_path):
    phantom = commands.phantom("--cases", 200, "--processes", 2)
    assert kills.kill_during(phantom, tmp_path, 8, signal.SIGTERM) == 143
    assert list(tmp_path.iterdir()) == []


def test_a_phantom_that_the_disk_cannot_hold_is_told(tmp_path):
    done = subprocess.run(
        [*commands.CSCN, *map(str, commands.phantom().arguments(tmp_path))],
        capture_output=True,
        encoding="utf-8",
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2
    assert "Dataset901_NPC" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
