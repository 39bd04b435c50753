"""A seeded share of the kills; ``CSCN_KILLS=20`` runs as many of each as the full run."""

import os
import random
import resource
import signal
import subprocess

import numpy as np
import pytest

from reliability import kills

pytestmark = pytest.mark.slow  # each runs whole commands

N_KILLS = int(os.environ.get("CSCN_KILLS", "1"))
PHANTOM = ("--cases", 3, "--test-cases", 1, "--in-plane", 104, "--slices", "20", "24")


def phantom(out, *more):
    return ["phantom", "-o", out, *PHANTOM, *more]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    done = kills.run(phantom(out))
    assert done.returncode == 0, done.stderr
    return kills.content(out)


@pytest.mark.parametrize("seed", range(N_KILLS))
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_phantom_is_made_again_as_if_undisturbed(tmp_path, undisturbed, seed, workers):
    status = kills.kill_when_writing(phantom(tmp_path, "--processes", workers), tmp_path, random.Random(seed))
    assert status in (0, -signal.SIGKILL)
    again = kills.run(phantom(tmp_path, "--processes", workers))
    assert again.returncode == 0, again.stderr
    assert kills.content(tmp_path) == undisturbed


@pytest.fixture
def source(tmp_path, write_volume):
    generator = np.random.default_rng(0)
    for number in range(6):
        voxels = generator.integers(0, 1000, (20, 64, 64)).astype(np.int16)
        write_volume(tmp_path / "source" / f"c{number}" / "mr.nii.gz", voxels)
        write_volume(tmp_path / "source" / f"c{number}" / "gtv.nii.gz", (voxels > 990).astype(np.uint8))
    return tmp_path / "source"


@pytest.mark.parametrize("seed", range(N_KILLS))
def test_a_killed_conversion_goes_on_as_if_undisturbed(tmp_path, source, seed):
    def convert(out):
        return ["convert", "nifti", source, "-o", out, "--dataset-id", 950, "--name", "A",
                "--image", "MR={case}/mr.nii.gz", "--mask", "GTVp={case}/gtv.nii.gz"]  # fmt: skip

    once = kills.run(convert(tmp_path / "once"))
    assert once.returncode == 0, once.stderr
    (tmp_path / "raw").mkdir()
    kills.kill_when_writing(convert(tmp_path / "raw"), tmp_path / "raw", random.Random(seed))
    again = kills.run(convert(tmp_path / "raw"))
    assert again.returncode == 0, again.stderr
    ours, theirs = (
        {name: value for name, value in kills.content(tmp_path / place).items() if not name.endswith((".png", ".csv"))}
        for place in ("raw", "once")
    )
    assert ours == theirs


def test_a_terminated_phantom_leaves_nothing_and_ends_with_143(tmp_path):
    status = kills.kill_during(phantom(tmp_path, "--cases", 200, "--processes", 2), 8, signal.SIGTERM)
    assert status == 143
    assert list(tmp_path.iterdir()) == []


def test_a_phantom_that_the_disk_cannot_hold_is_told(tmp_path):
    done = subprocess.run(
        [*kills.CSCN, *map(str, phantom(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2
    assert "Dataset901_NPC" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
