"""The paper's experiment by the real commands, on eight tiny cases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tiny_dataset
from nnunet_cscn.paper.configuration import PLANS

OPTIONS = ("-c", "3d_paper_tiny", "--budget", "0.002")
MODEL = f"CSCNPaperTrainer__{PLANS}__3d_paper_tiny_0p002"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("paper")
    tiny_dataset.make(root, "labels")
    tiny_dataset.add_cases(root, 6, 7)
    return root


@pytest.fixture(scope="module")
def run(root, runner):
    return runner(root)


def test_the_whole_experiment_from_the_command_line(root, run):
    small = ("--spacing", "2", "--features", "4", "--batch-size", "2")
    run("cscn", "paper", "prepare", "901", *OPTIONS, *small)
    train = ("cscn", "paper", "run", "901", *OPTIONS, "--methods", "CSCN", "-f", "0", "--devices", "cpu")
    run(*train)
    fold = root / "results" / tiny_dataset.NAME / MODEL / "fold_0"
    tested = sorted((fold / "test").iterdir())
    splits = json.loads((root / "preprocessed" / tiny_dataset.NAME / "cscn_paper_splits.json").read_text())["splits"]
    assert [file.name.removesuffix(".nii.gz") for file in tested] == splits[0]["test"]
    checkpoint = (fold / "checkpoint_final.pth").stat().st_mtime_ns
    run(*train)  # nothing is left to do
    assert (fold / "checkpoint_final.pth").stat().st_mtime_ns == checkpoint
    out = root / "out"
    run("cscn", "paper", "table", "901", *OPTIONS, "--methods", "CSCN", "--csv", str(root / "table.csv"))
    assert (root / "table.csv").read_text().count("CSCN") == 2  # one row for each label
    run("cscn", "paper", "figures", "901", *OPTIONS, "--methods", "CSCN", "-o", str(out))
    assert len(list(out.iterdir())) == 10

    images = root / "images"
    images.mkdir()
    case = splits[0]["test"][0]
    shutil.copy(root / "raw" / tiny_dataset.NAME / "imagesTr" / f"{case}_0000.nii.gz", images)
    where = (
        "-d",
        "901",
        "-c",
        "3d_paper_tiny_0p002",
        "-p",
        PLANS,
        "-tr",
        "CSCNPaperTrainer",
        "-f",
        "0",
        "-device",
        "cpu",
    )
    run("nnUNetv2_predict", "-i", str(images), "-o", str(root / "stock"), *where, "-npp", "1", "-nps", "1")
    assert (root / "stock" / f"{case}.nii.gz").read_bytes() == tested[0].read_bytes()
    run("cscn", "predict", "--views", "-i", str(images), "-o", str(root / "views"), *where, "-npp", "0", "-nps", "0")
    assert (root / "views" / f"{case}.nii.gz").is_file()
