"""``cscn train``: train all folds, and both stages of the staged cascade."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, run_with_progress
from nnunet_cscn.cli.fold_options import Folds, chosen_folds
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.trainings import Training

if TYPE_CHECKING:
    from nnunet_cscn.execution.estimates import Estimate


def train(
    dataset: Annotated[str, typer.Argument(help="Data set: number or name.")],
    configuration: Annotated[
        str | None,
        typer.Argument(help="Configuration, such as 3d_fullres.", show_default="with --auto: 3d_fullres, else 2d"),
    ] = None,
    *,
    auto: Annotated[
        bool,
        typer.Option(
            "--auto", help="Plan for this machine, preprocess, tell the time, train fold 0, validate and report."
        ),
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="With --auto: stop before the training, when its time is known.")
    ] = False,
    staged: Annotated[
        bool, typer.Option("--staged", help="Train the staged cascade: stage one, its probability maps, stage two.")
    ] = False,
    trainer: Annotated[
        str | None,
        typer.Option(
            "-tr",
            "--trainer",
            show_default="CSCNTrainer; CSCNStagedTrainer with --staged",
            help="Trainer. With --staged: trainer of stage two.",
        ),
    ] = None,
    plans: Annotated[
        str | None,
        typer.Option(
            "-p", "--plans", show_default="nnUNetPlans; nnUNetCSCNPlans with --auto", help="Name of the plans."
        ),
    ] = None,
    folds: Folds = None,
    devices: Devices = None,
    slurm: Slurm = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="With --auto: write time and files to this JSON file."),
    ] = None,
) -> None:
    """Train folds with nnUNetv2_train, one at a time on each device.

    The command keeps finished folds and resumes interrupted ones. With --staged,
    it trains stage one on all folds, makes the out-of-fold probability maps of
    stage one, and trains stage two.

    With --auto, the command needs only a data set in nnU-Net's raw format. It
    makes plans for the memory of this machine (nine tenths of the GPU's), and
    preprocesses the data. It measures a few training steps and tells how long the
    training takes. Then it trains fold 0 (or those of -f), predicts the
    validation cases, and writes validation_report.html and model_card.md into the
    model's folder. Run the same command again to resume. Choose a shorter
    training with -tr, such as CSCNTrainer_100epochs.

    Example: cscn train 901 3d_fullres --staged
    Example: cscn train --auto 901 -tr CSCNTrainer_100epochs
    """
    if auto:
        if staged or slurm is not None:
            raise UserError(f"--auto cannot be used with {'--staged' if staged else '--slurm'}: remove one of them")
        _train_automatically(
            dataset, configuration, trainer=trainer, plans=plans, folds=folds, devices=devices,
            only_estimate=estimate, json_file=json_file,
        )  # fmt: skip
        return
    if estimate or json_file is not None:
        raise UserError(f"{'--estimate' if estimate else '--json'} is only used with --auto: add --auto")
    if configuration is None:
        raise UserError("CONFIGURATION is missing: name it, such as 3d_fullres, or add --auto")
    from nnunet_cscn.nnunet.folders import preprocessed_dataset, results_folder
    from nnunet_cscn.workflows import train as workflow

    jobs_folder = results_folder() / preprocessed_dataset(dataset).name / "cscn_jobs"
    workflow.train(
        dataset,
        configuration,
        staged=staged,
        trainer=trainer,
        plans=plans or "nnUNetPlans",
        folds=chosen_folds(folds),
        executor=chosen_executor(devices, slurm, folder=jobs_folder),
        n_parts=None if slurm is not None else len(chosen_devices(devices)),
        run=run_with_progress,
        on_finished=_show_finished,
    )


def _show_finished(training: Training) -> None:
    console.print(f"{training.trainer} fold {training.fold} is finished: {training.folder}", soft_wrap=True)


def _train_automatically(
    dataset: str,
    configuration: str | None,
    *,
    trainer: str | None,
    plans: str | None,
    folds: list[str] | None,
    devices: str | None,
    only_estimate: bool,
    json_file: Path | None,
) -> None:
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.auto_train import PLANS, TRAINER, train_automatically

    made = train_automatically(
        dataset,
        configuration,
        trainer=trainer or TRAINER,
        plans=plans or PLANS,
        folds=chosen_folds(folds) or [0],
        devices=None if devices is None else chosen_devices(devices),
        only_estimate=only_estimate,
        run=run_with_progress,
        on_note=lambda note: console.print(note, markup=False, highlight=False, soft_wrap=True),
        on_estimate=_show_estimate,
    )
    if json_file is not None:
        content = {
            "estimate": None if made.estimate is None else made.estimate.to_json(),
            "folds": [str(training.folder) for training in made.trainings],
            "report": None if made.report is None else str(made.report),
            "model_card": None if made.model_card is None else str(made.model_card),
        }
        write_json(json_file, content)
    for file in (made.report, made.model_card):
        if file is not None:
            console.print(f"written to {file}", markup=False, highlight=False, soft_wrap=True)


def _show_estimate(found: Estimate) -> None:
    pace = found.pace
    end = datetime.now() + timedelta(seconds=found.total_s)
    console.print(
        f"training takes about {format_duration(found.training_s)}: {found.epochs_left} epochs of "
        f"{pace.steps_per_epoch} steps, {pace.train_step_s:.2g} s a step (measured on {pace.n_steps} steps). "
        f"Predicting the validation cases takes about {format_duration(found.validation_s)}. "
        f"The end is at about {end:%Y-%m-%d %H:%M}.",
        highlight=False,
        soft_wrap=True,
    )


def format_duration(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> format_duration(40), format_duration(310), format_duration(8000), format_duration(300_000)
        ('1 min', '5 min', '2 h 13 min', '3 d 11 h')
    """
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} d {minutes % (24 * 60) // 60} h"
