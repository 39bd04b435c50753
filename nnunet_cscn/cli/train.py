"""``cscn train``: train all folds, and both stages of the staged cascade."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, run_with_progress
from nnunet_cscn.cli.fold_options import FoldsToTrain, chosen_training_folds
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.execution.trainings import Training


def train(
    dataset: Annotated[str, typer.Argument(help="Data set: number or name.")],
    configuration: Annotated[str, typer.Argument(help="Configuration, such as 3d_fullres.")],
    *,
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
    plans: Annotated[str, typer.Option("-p", "--plans", help="Name of the plans.")] = "nnUNetPlans",
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
) -> None:
    """Train folds with nnUNetv2_train, one at a time on each device.

    The command keeps finished folds and resumes interrupted ones. With --staged,
    it trains stage one on all folds, makes the out-of-fold probability maps of
    stage one, and trains stage two.

    Example: cscn train 901 3d_fullres --staged
    """
    from nnunet_cscn.nnunet.folders import preprocessed_dataset, results_folder
    from nnunet_cscn.workflows import train as workflow

    jobs_folder = results_folder() / preprocessed_dataset(dataset).name / "cscn_jobs"
    workflow.train(
        dataset,
        configuration,
        staged=staged,
        trainer=trainer,
        plans=plans,
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
    """Say that a checkpoint was removed."""
    console.print(f"{file} was incomplete and has been removed", soft_wrap=True, markup=False, highlight=False)
