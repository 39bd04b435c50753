"""A seeded share of the kills; ``CSCN_KILLS=20`` runs as many of each as the full run."""

import os
import random
import resource
import signal
import subprocess
import time

import pytest

from reliability import commands, kills

pytestmark = pytest.mark.slow  # each runs whole commands

N_KILLS = int(os.environ.get("CSCN_KILLS", "1"))
NAMES = (
    "phantom", "phantom with two processes", "convert nifti", "convert sts", "convert dicom", "evaluate", "report",
    "predict", "predict-dicom", "cascade", "train",
)  # fmt: skip


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
            done = kills.run(command.arguments(out), **command.environment(out))
            assert done.returncode == 0, done.stderr
            made[name] = command, kills.content(out, command.exact, command.ignored), time.monotonic() - before
        return made[name]

    return get


def _command(name, folder, write_volume, request):
    if name.startswith("phantom"):
        return commands.phantom("--processes", 1 if name == "phantom" else 2)
    if name == "convert dicom":
        return commands.convert_dicom(folder)
    if name == "train":
        import tiny_dataset

        tiny_dataset.make(folder, "labels")
        return commands.train(folder)
    if name == "cascade":
        return commands.cascade(request.getfixturevalue("_staged_folders_once")("labels"))
    if name.startswith("predict"):
        root = request.getfixturevalue("trained_models")("labels")
        return commands.predict(root) if name == "predict" else commands.predict_dicom(root, folder)
    return getattr(commands, name.replace(" ", "_"))(folder, write_volume)


@pytest.mark.parametrize("seed", range(N_KILLS))
@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_that_runs_again_leaves_what_an_undisturbed_one_does(make, tmp_path, write_volume, name, seed):
    command, expected, seconds = make(name, write_volume)
    chance = random.Random(f"{name} {seed}")
    out = tmp_path / "out"
    out.mkdir()
    command.prepare(out)
    arguments, environment = command.arguments(out), command.environment(out)
    if seed % 2:
        status = kills.kill_during(arguments, chance.uniform(0, seconds), **environment)
    else:
        status = kills.kill_when_writing(arguments, out, chance, **environment)
    assert status in (0, -signal.SIGKILL)
    kills.end_orphans(out)
    again = kills.run(arguments, **environment)
    assert again.returncode == 0, again.stderr
    assert kills.content(out, command.exact, command.ignored) == expected


def test_a_terminated_phantom_leaves_nothing_and_ends_with_143(tmp_path):
    arguments = commands.phantom("--cases", 200, "--processes", 2).arguments(tmp_path)
    assert kills.kill_during(arguments, 8, signal.SIGTERM) == 143
    assert list(tmp_path.iterdir()) == []


def test_a_phantom_that_the_disk_cannot_hold_is_told(tmp_path):
    done = subprocess.run(
        [*kills.CSCN, *map(str, commands.phantom().arguments(tmp_path))],
        capture_output=True,
        encoding="utf-8",
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2
    assert "Dataset901_NPC" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
