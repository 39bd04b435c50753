"""The steps of the demo: synthetic cases, plans, training, prediction, scores, figures and report."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn import __version__
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.folder import FolderScores, score_folders
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.execution.commands import environment, run_command
from nnunet_cscn.execution.jobs import run_jobs
from nnunet_cscn.execution.local import LocalExecutor
from nnunet_cscn.execution.trainings import Training
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.phantom.dataset import write_dataset
from nnunet_cscn.phantom.settings import PhantomSettings
from nnunet_cscn.planning.configurations import Changes, derive_configuration
from nnunet_cscn.temporary import remove_stale

DATASET = "Dataset901_NPC"
CONFIGURATION = "3d_demo"
EPOCHS = 11
ITERATIONS = 50

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Step:
    """One step of the demo: its name and its function, which reports (done, total)."""

    name: str
    run: Callable[[OnProgress], None]


@dataclass(frozen=True)
class Demo:
    """A demo run; all its files are below one folder.

    Attributes:
        folder: Folder of all files.
        seed: Seed of the synthetic cases, the weights and the batches.
        device: Device for training and prediction: ``cpu`` or ``cuda``.
        training_cases: Number of synthetic training cases.
        test_cases: Number of synthetic test cases.
    """

    folder: Path
    seed: int = 0
    device: str = "cpu"
    training_cases: int = 24
    test_cases: int = 6

    def steps(self) -> Iterator[Step]:
        """Yield the remaining steps in order. Finished steps are skipped.

        Raises:
            UserError: If the folder contains another demo or other files.
        """
        self._claim_folder()
        for step in (
            Step("synthetic cases", self._make_cases),
            Step("plan", self._plan),
            Step("preprocess", self._preprocess),
            Step("train CSCNTrainer", self._train),
            Step("predict unseen cases", self._predict),
            Step("evaluate", self._evaluate),
            Step("draw", self._draw_contours),
            Step("report", self._report),
        ):
            done = self.folder / "steps_done" / step.name.replace(" ", "_")
            if not done.exists():
                yield step
                done.parent.mkdir(exist_ok=True)
                done.touch()

    @property
    def predictions(self) -> Path:
        """Folder of the predicted segmentations."""
        return self.folder / "predictions"

    @property
    def pictures(self) -> Path:
        """Folder of the figures."""
        return self.folder / "pictures"

    @property
    def report(self) -> Path:
        """The file that ``cscn report`` writes."""
        return self.folder / "report.html"

    @property
    def scores_file(self) -> Path:
        """The file of the scores, in the format of ``cscn evaluate --json``."""
        return self.folder / "scores.json"

    def scores(self) -> FolderScores:
        """Score the predictions."""
        return score_folders(self.predictions, self._raw / "labelsTs", labels=read_labels(self._raw / "dataset.json"))

    @property
    def _raw(self) -> Path:
        return self.folder / "raw" / DATASET

    @property
    def _plans_file(self) -> Path:
        return self.folder / "preprocessed" / DATASET / "nnUNetPlans.json"

    def _claim_folder(self) -> None:
        """Start in an empty folder, or continue in one that contains the same demo."""
        marker = self.folder / "demo.json"
        remove_stale(self.folder, below=True)
        wanted = {**asdict(self), "folder": None, "version": __version__}
        if marker.is_file():
            if read_json_file(marker) != wanted:
                raise UserError(
                    f"{self.folder} contains a demo with different settings: choose another folder or delete this one"
                )
        elif self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise UserError(f"{self.folder} is not empty and contains no demo: choose another folder")
        else:
            write_json(marker, wanted)
        for name in ("raw", "preprocessed", "results"):
            (self.folder / name).mkdir(exist_ok=True)

    def _run(self, command: list[str], *, on_line: Callable[[str], None] = lambda line: None, **env: str) -> None:
        log_file = self.folder / "logs" / f"{command[0]}.log"
        run_command(command, log_file, env=environment(self.folder, **env), on_line=on_line)

    def _make_cases(self, on_progress: OnProgress) -> None:
        settings = PhantomSettings(cases=self.training_cases, test_cases=self.test_cases, seed=self.seed)
        write_dataset(
            self.folder / "raw", settings, processes=2, on_progress=lambda _phase, done, total: on_progress(done, total)
        )

    def _plan(self, on_progress: OnProgress) -> None:
        self._run(["nnUNetv2_plan_and_preprocess", "-d", "901", "--verify_dataset_integrity", "--no_pp"])
        plans = read_plans_file(self._plans_file)
        changes = Changes(
            options={
                "epochs": EPOCHS,
                "iterations_per_epoch": ITERATIONS,
                "validation_iterations_per_epoch": 4,
                "seed": self.seed,
                "fine": {"checkpointing": False},  # faster, and memory is no problem here
            },
            patch_size=(24, 64, 64),
            batch_size=2,
            spacing_mm=(3.0, 1.5, 1.5),
            features=8,
            max_features=96,
        )
        plans["configurations"][CONFIGURATION] = derive_configuration(plans, "3d_fullres", CONFIGURATION, changes)
        write_json(self._plans_file, plans)
        on_progress(1, 1)

    def _preprocess(self, on_progress: OnProgress) -> None:
        self._run(["nnUNetv2_preprocess", "-d", "901", "-plans_name", "nnUNetPlans", "-c", CONFIGURATION, "-np", "2"])
        on_progress(1, 1)

    def _train(self, on_progress: OnProgress) -> None:
        with _variables(environment(self.folder, nnUNet_n_proc_DA="0")):
            training = Training(DATASET, CONFIGURATION, "CSCNTrainer", "nnUNetPlans", fold=0)
            training.remove_damaged_files()
            # one more step than epochs: the validation
            run_jobs(
                LocalExecutor([self.device]), [training.job()], on_progress=lambda _job, n: on_progress(n, EPOCHS + 1)
            )

    def _predict(self, on_progress: OnProgress) -> None:
        done = 0

        def follow(line: str) -> None:
            nonlocal done
            if line.startswith("done with"):
                done += 1
                on_progress(done, self.test_cases)

        self._run(
            [
                *("nnUNetv2_predict", "-i", str(self._raw / "imagesTs"), "-o", str(self.predictions)),
                *("-d", "901", "-c", CONFIGURATION, "-f", "0", "-tr", "CSCNTrainer"),
                *("-device", self.device, "-npp", "1", "-nps", "1"),
            ],
            on_line=follow,
        )

    def _evaluate(self, on_progress: OnProgress) -> None:
        write_json(self.scores_file, self.scores().to_json())
        on_progress(1, 1)

    def _draw_contours(self, on_progress: OnProgress) -> None:
        from nnunet_cscn.report.contours import draw_case

        scores: dict[str, Any] = json.loads(self.scores_file.read_text(encoding="utf-8"))["cases"]
        for i, (case, labels) in enumerate(scores.items()):
            draw_case(
                self._raw / "imagesTs" / f"{case}_0000.nii.gz",
                self._raw / "labelsTs" / f"{case}.nii.gz",
                self.predictions / f"{case}.nii.gz",
                self.pictures / f"{case}.png",
                title=f"{case}: DSC {labels['GTVp']['dsc']:.2f}",
            )
            on_progress(i + 1, len(scores))

    def _report(self, on_progress: OnProgress) -> None:
        from nnunet_cscn.report.provenance import Provenance
        from nnunet_cscn.report.writing import write_report

        write_report(
            self.report,
            self.scores(),
            Provenance.from_process(sys.argv),
            title="CSCNTrainer on synthetic cases",
            images=self._raw / "imagesTs",
            on_progress=on_progress,
        )


@contextlib.contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process inside the ``with`` block."""
    kept = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
