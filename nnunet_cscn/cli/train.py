"""``cscn train``: train all folds, and both stages of the staged cascade."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, run_with_progress
from nnunet_cscn.cli.fold_options import FoldsToTrain, chosen_training_folds
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.trainings import Training, removal_note


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
    folds: FoldsToTrain = None,
    pretrained_weights: Annotated[
        Path | None,
        typer.Option(
            "-pretrained_weights",
            "--pretrained-weights",
            metavar="FILE",
            help="Weights to start new trainings from, such as those of `cscn weights`.",
        ),
    ] = None,
    devices: Devices = None,
    slurm: Slurm = None,
    trust: Trust = False,
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
        others = {"--staged": staged, "--slurm": slurm, "--pretrained-weights": pretrained_weights}
        if wrong := next((option for option, value in others.items() if value), None):
            raise UserError(f"--auto cannot be used with {wrong}: remove one of them")
        from nnunet_cscn.cli.auto_train import train_automatically

        train_automatically(
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
        folds=chosen_training_folds(folds),
        pretrained_weights=pretrained_weights,
        executor=chosen_executor(devices, slurm, folder=jobs_folder),
        n_parts=None if slurm is not None else len(chosen_devices(devices)),
        run=run_with_progress,
        on_finished=_show_finished,
        on_removed=show_removed,
    )


def _show_finished(training: Training) -> None:
    console.print(f"{training.trainer} fold {training.fold} is finished: {training.folder}", soft_wrap=True)


def show_removed(file: Path) -> None:
    """Say that a checkpoint or a summary was removed."""
    console.print(removal_note(file), soft_wrap=True, markup=False, highlight=False)
