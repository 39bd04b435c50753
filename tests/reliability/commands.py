"""The commands that are killed: their inputs, arguments, and which of their files have the same content every time."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import tiny_dataset
from dicom_files import write_series, write_structures
from dicom_studies import square
from nnunet_cscn.execution.commands import executable
from nnunet_cscn.files import write_json
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.protocol.epochs import FILE
from tiny_training import CONFIGURATION

CSCN = (sys.executable, "-m", "nnunet_cscn.cli.main")
Arguments = Callable[[Path], Sequence[object]]
EXACT = (".nii.gz", ".dcm", "dataset.json", "patients.json", "splits_final.json", ".b2nd", "summary.json")
"""Endings of files that are the same after each run. Reports, pictures and checkpoints hold dates or times."""


def _copy(source: Path, out: Path) -> None:
    shutil.copytree(source, out, dirs_exist_ok=True)


def _nothing(_folder: Path) -> None:
    pass


def _no_epochs(_out: Path) -> Mapping[str, Sequence[str]]:
    return {}


def epochs_in_checkpoints(out: Path) -> Mapping[str, Sequence[str]]:
    """Return, for each training below a folder, the rows of the epochs that its last checkpoint holds.

    A row holds the seconds of its epoch, so it changes if the epoch is trained again.
    """
    found = {}
    for file in sorted(out.rglob(FILE)):
        latest = [file.with_name(f"checkpoint_{name}.pth") for name in ("final", "latest")]
        if written := [each for each in latest if each.is_file()]:
            n_epochs = int(read_checkpoint(written[0])["current_epoch"])
            found[file.relative_to(out).as_posix()] = file.read_text(encoding="utf-8").splitlines()[: n_epochs + 1]
    return found


@dataclass(frozen=True)
class Killed:
    """A command that is killed and run again.

    Attributes:
        arguments: The arguments of ``cscn`` for an output folder.
        prepare: Fills the output folder, where the command changes what is there.
        exact: Endings of files whose content has to be the same as undisturbed.
        ignored: Parts of the paths of files that come and go: logs.
        environment: Variables for an output folder.
        program: What takes the arguments; ``cscn`` by default.
        kept: Returns what a second run may not do again.
    """

    arguments: Arguments
    prepare: Callable[[Path], None] = _nothing
    exact: Sequence[str] = EXACT
    ignored: Sequence[str] = ()
    environment: Callable[[Path], Mapping[str, str]] = field(default=lambda _folder: {})
    program: Sequence[str] = CSCN
    kept: Callable[[Path], Mapping[str, Sequence[str]]] = _no_epochs


def phantom(*more: object) -> Killed:
    small = ("--cases", 3, "--test-cases", 1, "--in-plane", 104, "--slices", "20", "24")
    return Killed(lambda out: ["phantom", "-o", out, *small, *more], exact=("",))


def convert_nifti(source: Path, write_volume: Callable[..., Path]) -> Killed:
    generator = np.random.default_rng(0)
    for number in range(6):
        voxels = generator.integers(0, 1000, (20, 64, 64)).astype(np.int16)
        write_volume(source / f"c{number}" / "mr.nii.gz", voxels)
        write_volume(source / f"c{number}" / "gtv.nii.gz", (voxels > 990).astype(np.uint8))
    patterns = ("--image", "MR={case}/mr.nii.gz", "--mask", "GTVp={case}/gtv.nii.gz")
    return Killed(lambda out: ["convert", "nifti", source, "-o", out, "--dataset-id", 950, *patterns])


def convert_sts(source: Path, write_volume: Callable[..., Path]) -> Killed:
    generator = np.random.default_rng(0)
    for number in range(1, 7):
        voxels = generator.integers(0, 1000, (12, 64, 64)).astype(np.int16)
        write_volume(source / "images" / f"STS_{number:03d}.nii.gz", voxels)
        write_volume(source / "labels" / f"STS_{number:03d}.nii.gz", (voxels > 990).astype(np.uint8))
    return Killed(lambda out: ["convert", "sts", source, "-o", out])


def convert_dicom(source: Path) -> Killed:
    generator = np.random.default_rng(0)
    for number in range(5):
        slices = write_series(
            source / str(number), generator.integers(0, 900, (8, 40, 48)).astype(np.int16), patient=f"P{number}"
        )
        contours = {"GTVp": [square(slices, index, (3.5, 5.5), (17.5, 21.5)) for index in range(1, 6)]}
        write_structures(source / str(number) / "rt.dcm", contours, slices=slices, patient=f"P{number}")
    return Killed(lambda out: ["convert", "dicom", source, out, "--dataset-id", 950, "--roi", "GTVp"])


def scored_folders(folder: Path, write_volume: Callable[..., Path]) -> tuple[Path, Path]:
    """Six cases: reference masks and predictions that miss a part."""
    generator = np.random.default_rng(0)
    for number in range(6):
        reference = np.zeros((12, 40, 40), np.uint8)
        reference[3:9, 10:30, 10:30] = 1
        for kind in ("reference", "prediction"):
            write_volume(folder / kind / f"c{number}.nii.gz", reference * (generator.random(reference.shape) < 0.95))
        write_volume(folder / "images" / f"c{number}_0000.nii.gz", reference * np.int16(100))
    return folder / "prediction", folder / "reference"


def evaluate(folder: Path, write_volume: Callable[..., Path]) -> Killed:
    prediction, reference = scored_folders(folder, write_volume)
    return Killed(
        lambda out: ["evaluate", prediction, reference, "--json", out / "scores.json", "--csv", out / "scores.csv"],
        prepare=lambda out: out.mkdir(exist_ok=True),
        exact=(".csv",),
    )


def report(folder: Path, write_volume: Callable[..., Path]) -> Killed:
    prediction, reference = scored_folders(folder, write_volume)
    return Killed(
        lambda out: ["report", prediction, reference, "-o", out / "report.html", "--images", folder / "images"],
        prepare=lambda out: out.mkdir(exist_ok=True),
    )


def inside(folder: Path) -> Mapping[str, str]:
    """Return variables for nnU-Net's folders below one, and for as few processes as it can work with."""
    folders = {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}
    return {**folders, "nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1"}


def _model(root: Path) -> Callable[[Path], Mapping[str, str]]:
    return lambda _out: inside(root)


MODEL = ("-d", 901, "-c", CONFIGURATION, "-f", 0, "-device", "cpu", "--disable_tta")


def predict(root: Path) -> Killed:
    images = root / "raw" / tiny_dataset.NAME / "imagesTr"
    return Killed(
        lambda out: ["predict", "-i", images, "-o", out, *MODEL, "-npp", 1, "-nps", 1, "--continue_prediction"],
        environment=_model(root),
    )


def predict_dicom(root: Path, source: Path) -> Killed:
    generator = np.random.default_rng(0)
    for number in range(3):
        voxels = generator.integers(0, 900, (12, 32, 32)).astype(np.int16)
        write_series(source / str(number), voxels, StudyInstanceUID=f"1.2.{number}", patient=f"P{number}")
    return Killed(lambda out: ["predict-dicom", source, "-o", out, *MODEL], exact=(), environment=_model(root))


def cascade(staged: Path) -> Killed:
    def prepare(out: Path) -> None:
        _copy(staged, out)
        shutil.rmtree(out / "preprocessed" / tiny_dataset.NAME / "cscn")

    return Killed(
        lambda _out: ["cascade", 901, CONFIGURATION, "--devices", "cpu"],
        prepare,
        ignored=("/logs/",),
        environment=inside,
    )


TRAINING_LOGS = ("/logs/", "training_log_", "checkpoint_best", "events.out.tfevents")
"""Files of a training that nnU-Net or TensorBoard names by the time, or writes only where an epoch is the best."""


def _training(
    arguments: Sequence[object],
    prepared: Path,
    *,
    program: Sequence[str] = CSCN,
    exact: Sequence[str] = ("splits_final.json",),
) -> Killed:
    return Killed(
        lambda _out: arguments,
        prepare=lambda out: _copy(prepared, out),
        exact=exact,
        ignored=TRAINING_LOGS,
        environment=inside,
        program=program,
        kept=epochs_in_checkpoints,
    )


def save_every_epoch(prepared: Path, plans: str = "nnUNetPlans", **changes: int) -> None:
    """Change options of a prepared data set, and write a checkpoint at the end of each epoch."""
    file = prepared / "preprocessed" / tiny_dataset.NAME / f"{plans}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    for plan in content["configurations"].values():
        if "cscn" in plan:
            plan["cscn"].update(changes, checkpoint_minutes=1e-6)
    write_json(file, content)


def train(prepared: Path) -> Killed:
    return _training(["train", 901, CONFIGURATION, "-f", 0, "--devices", "cpu"], prepared)


def train_staged(prepared: Path) -> Killed:
    return _training(["train", 901, CONFIGURATION, "--staged", "-f", 0, "--devices", "cpu"], prepared)


def nnunet_train(prepared: Path) -> Killed:
    """nnU-Net's own command with ``--c``, as its users resume a training."""
    arguments = ["Dataset901_Tiny", CONFIGURATION, 0, "-tr", "CSCNTrainer", "-device", "cpu", "--c"]
    return _training(arguments, prepared, program=(executable("nnUNetv2_train"),))


PAPER = ("-c", "3d_paper_tiny", "--budget", "0.002")


def paper_run(prepared: Path) -> Killed:
    return _training(["paper", "run", 901, *PAPER, "--methods", "CSCN", "-f", 0, "--devices", "cpu"], prepared)


def demo() -> Killed:
    """The demo with six small cases and short epochs: only the numbers differ from what a user runs."""
    smaller = (
        "import functools, sys\n"
        "from nnunet_cscn.demo import job\n"
        "from nnunet_cscn.cli.main import main\n"
        "job.EPOCHS, job.ITERATIONS = 4, 3\n"
        "job.Demo = functools.partial(job.Demo, training_cases=6, test_cases=2)\n"
        "main()\n"
    )
    return Killed(
        lambda out: ["demo", "-o", out],
        exact=("_0000.nii.gz", "splits_final.json", "dataset.json"),
        ignored=TRAINING_LOGS,
        program=(sys.executable, "-c", smaller),
        kept=epochs_in_checkpoints,
    )
