"""From a raw data set to a validated model with its report, in one call that can be resumed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.execution.commands import python_module
from nnunet_cscn.execution.estimates import Estimate, estimate, read_pace, tiles_of_case
from nnunet_cscn.execution.jobs import Job, RunJobs, run_jobs
from nnunet_cscn.execution.local import LocalExecutor, all_devices
from nnunet_cscn.execution.machine import check_gpus, memory_gb
from nnunet_cscn.execution.trainings import Training, is_stock, removal_note, trainings
from nnunet_cscn.nnunet.folders import (
    dataset_number,
    model_path,
    preprocessed_folder,
    raw_dataset,
    read_dataset_json,
    results_folder,
)
from nnunet_cscn.nnunet.plans import configuration_from_plans, data_identifier, read_plans
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.texts import counted
from nnunet_cscn.workflows.train import train

PLANS = "nnUNetCSCNPlans"
TRAINER = "CSCNTrainer"
N_STEPS = 10
FOLDER = "cscn_auto"

OnNote = Callable[[str], None]


@dataclass(frozen=True)
class AutoTraining:
    """What was made.

    Attributes:
        trainings: The trained folds.
        estimate: The estimated time of the training. None if all folds were trained already.
        report: The report on the validation cases; None after the estimate alone.
        model_card: The model card as Markdown; None after the estimate alone.
    """

    trainings: tuple[Training, ...]
    estimate: Estimate | None
    report: Path | None = None
    model_card: Path | None = None


def train_automatically(
    dataset: str | int,
    configuration: str | None = None,
    *,
    trainer: str = TRAINER,
    plans: str = PLANS,
    folds: Sequence[int] = (0,),
    devices: Sequence[str] | None = None,
    n_steps: int = N_STEPS,
    only_estimate: bool = False,
    run: RunJobs = run_jobs,
    on_note: OnNote = lambda note: None,
    on_estimate: Callable[[Estimate], None] = lambda found: None,
) -> AutoTraining:
    """Plan for this machine's memory, preprocess, train, predict the validation cases, and report.

    Finished steps are skipped: existing plans and preprocessed data are used, and an interrupted training is resumed.
    Before the training starts, a few of its steps are measured.

    Args:
        dataset: The data set, by number or name.
        configuration: The configuration; None for 3d_fullres, or 2d where the plans have no other.
        trainer: The trainer.
        plans: Name of the plans; missing plans are made.
        folds: Numbers of folds.
        devices: Such as ``["cuda:0"]``; None for all GPUs, else the CPU. Plans are made for the smallest one.
        n_steps: Training steps to measure.
        only_estimate: Stop after the estimate of the time.
        run: The function that runs jobs.
        on_note: Called with a sentence before each step.
        on_estimate: Called with the estimated time before the training starts.

    Raises:
        ArgumentError: If an argument has a value that it can't have.
        UserError: If the data set is missing or not as nnU-Net wants it.
        CommandFailed: If a step failed.

    Example:
        >>> train_automatically(901, trainer="CSCNTrainer_100epochs").report  # doctest: +SKIP
        PosixPath('.../CSCNTrainer_100epochs__nnUNetCSCNPlans__3d_fullres/validation_report.html')
    """
    if trainer.startswith("CSCNStagedTrainer"):
        raise ArgumentError("trainer", f"{trainer} needs a trained stage one: use `cscn train --staged`")
    if n_steps < 1:
        raise ArgumentError("n_steps", f"expected 1 or more, got {n_steps}")
    raw = raw_dataset(dataset)
    content = read_dataset_json(raw)
    chosen = list(devices) if devices is not None else all_devices()
    check_gpus(chosen)
    _check_trainer(trainer)
    auto = _Auto(raw, plans, results_folder() / raw.name / FOLDER, LocalExecutor(chosen), run, on_note)
    auto.plan(chosen)
    name = configuration or auto.usual_configuration()
    auto.preprocess(name, int(content["numTraining"]))
    wanted = trainings(raw.name, name, trainer, plans=plans, folds=list(folds))
    left = [training for training in wanted if not training.is_finished]
    found = None
    if left:
        found = auto.estimate(left, chosen[0], n_steps)
        on_estimate(found)
    if only_estimate:
        return AutoTraining(tuple(wanted), found)
    train(
        raw.name,
        name,
        trainer=trainer,
        plans=plans,
        folds=list(folds),
        executor=auto.executor,
        run=run,
        on_removed=lambda file: on_note(removal_note(file)),
    )
    model = model_path(raw.name, trainer=trainer, plans=plans, configuration=name)
    on_note("writing the report and the model card")
    report = _write_report(model, wanted, raw)
    from nnunet_cscn.workflows.model_card import write_model_card

    card = write_model_card(model, references=raw / "labelsTr")
    return AutoTraining(tuple(wanted), found, report, card.markdown)


@dataclass(frozen=True)
class _Auto:
    """The steps before the training. Finished steps are skipped."""

    raw: Path
    plans: str
    folder: Path
    executor: LocalExecutor
    run: RunJobs
    on_note: OnNote

    def plan(self, devices: Sequence[str]) -> None:
        if (preprocessed_folder() / self.raw.name / f"{self.plans}.json").is_file():
            self.on_note(f"plans {self.plans}: there already")
            return
        memory = min(memory_gb(device) for device in devices)
        self.on_note(f"planning for {memory:g} GB ({', '.join(dict.fromkeys(devices))})")
        program = python_module("nnunet_cscn.cli.main")
        self._run("plan", *program, "plan", "-d", self.raw.name, "--gpu-memory", f"{memory:g}", "-p", self.plans)

    def usual_configuration(self) -> str:
        configurations = read_plans(self.raw.name, self.plans)["configurations"]
        return "3d_fullres" if "3d_fullres" in configurations else "2d"

    def preprocess(self, configuration: str, n_cases: int) -> None:
        plan = configuration_from_plans(read_plans(self.raw.name, self.plans), configuration)
        data = preprocessed_folder() / self.raw.name / data_identifier(plan)
        if len(list(data.glob("*.pkl"))) >= n_cases:
            self.on_note(f"preprocessed data of {configuration}: there already")
            return
        self.on_note(f"preprocessing {counted(n_cases, 'case')} for {configuration}")
        number = str(dataset_number(self.raw.name))
        self._run("preprocess", "nnUNetv2_preprocess", "-d", number, "-plans_name", self.plans, "-c", configuration)

    def estimate(self, left: Sequence[Training], device: str, n_steps: int) -> Estimate:
        first = left[0]
        plan = configuration_from_plans(read_plans(self.raw.name, self.plans), first.configuration)
        model = f"{first.trainer}__{first.plans}__{first.configuration}"
        # a measurement belongs to one plan with its options: other epochs or patches take another time
        digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:8]
        file = self.folder / f"pace_{model}_{device.replace(':', '_')}_{digest}.json"
        if not file.is_file():
            self.on_note(f"measuring {n_steps} training steps on {device}")
            module = python_module("nnunet_cscn.training.pace")
            what = (self.raw.name, first.configuration, first.trainer, first.plans, str(first.fold))
            self._run("pace", *module, *what, "{device}", str(n_steps), str(file))
        settings = Settings.from_configuration(plan)
        n_tiles = tiles_of_case(plan["median_image_size_in_voxels"], settings.tile_size or plan["patch_size"])
        done = [_done(each) for each in left]
        return estimate(
            read_pace(file),
            epochs_done=[epochs for epochs, _ in done],
            n_tiles=n_tiles,
            budgets_s=_budgets_s(settings, first.trainer, [seconds for _, seconds in done]),
        )

    def _run(self, name: str, *command: str) -> None:
        self.run(self.executor, [Job(name, command, self.folder / "logs" / f"{name}.log")])


def _check_trainer(name: str) -> None:
    """Refuse an unknown trainer before hours of preprocessing."""
    from nnunet_cscn.nnunet.trainer_search import find_trainer

    if find_trainer(name) is None:
        raise ArgumentError("trainer", f"nnU-Net cannot find a trainer {name}: check the name")


def _done(training: Training) -> tuple[int, float]:
    """Return the epochs and the seconds of a time budget that a training has behind it, by its checkpoint."""
    from nnunet_cscn.nnunet.checkpoint_files import is_whole
    from nnunet_cscn.nnunet.checkpoints import read_checkpoint, record_of

    for name in ("final", "latest", "best"):  # the order in which nnU-Net looks for them
        file = training.folder / f"checkpoint_{name}.pth"
        if is_whole(file):
            checkpoint = read_checkpoint(file)
            budget = record_of(checkpoint).get("stop", {})
            return int(checkpoint.get("current_epoch", 0)), float(budget.get("seconds", 0))
    return 0, 0.0


def _budgets_s(settings: Settings, trainer: str, spent_s: Sequence[float]) -> list[float] | None:
    """Return the seconds that each training has left of its time budget; None without a budget."""
    minutes = settings.stop.minutes
    if minutes is None or is_stock(trainer):
        return None
    return [max(0.0, 60 * minutes - seconds) for seconds in spent_s]


def _write_report(model: Path, wanted: Sequence[Training], raw: Path) -> Path:
    from nnunet_cscn.evaluation.cases import CaseFiles, check_pairs
    from nnunet_cscn.evaluation.folder import evaluate_cases
    from nnunet_cscn.evaluation.labels import read_labels
    from nnunet_cscn.formats.endings import files_by_case
    from nnunet_cscn.formats.named_reader import reader_for
    from nnunet_cscn.report.provenance import Provenance
    from nnunet_cscn.report.writing import write_report

    reader = reader_for(raw / "dataset.json", wanted[0].folder / "validation")
    references = files_by_case(raw / "labelsTr", endings=reader.endings)
    predictions: dict[str, Path] = {}
    for training in wanted:
        predictions |= files_by_case(training.folder / "validation", endings=reader.endings)
    if missing := sorted(set(predictions) - set(references)):
        raise UserError(f"{raw / 'labelsTr'} has no reference of {missing[0]}, which was validated: restore the file")
    pairs = [CaseFiles(case, file, references[case]) for case, file in sorted(predictions.items())]
    scores = evaluate_cases(check_pairs(pairs, reader=reader), labels=read_labels(raw / "dataset.json"))
    file = model / "validation_report.html"
    folds = ", ".join(str(training.fold) for training in wanted)
    write_report(
        file,
        scores,
        Provenance.from_process(sys.argv),
        title=f"{wanted[0].trainer} on {raw.name}: validation of fold {folds}",
        images=raw / "imagesTr",
    )
    return file
