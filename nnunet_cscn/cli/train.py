"""``cscn train``: all folds, both stages, one command."""

from __future__ import annotations

from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.cascade import finish, make_maps_elsewhere
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, chosen_folds, run_shown
from nnunet_cscn.errors import UserError
from nnunet_cscn.execution.jobs import Executor
from nnunet_cscn.execution.trainings import Training, trainings


def train(
    dataset: Annotated[str, typer.Argument(help="Data set, by number or name.")],
    configuration: Annotated[str, typer.Argument(help="Configuration, such as 3d_fullres.")],
    *,
    staged: Annotated[
        bool, typer.Option("--staged", help="The staged cascade: both stages, and the maps between.")
    ] = False,
    trainer: Annotated[
        str | None,
        typer.Option(
            "-tr",
            "--trainer",
            show_default="CSCNTrainer, or CSCNStagedTrainer",
            help="Trainer; with --staged that of stage two.",
        ),
    ] = None,
    plans: Annotated[str, typer.Option("-p", "--plans", help="Plans.")] = "nnUNetPlans",
    folds: Annotated[str | None, typer.Option("-f", "--folds", show_default="all", help="Such as 0,1,2.")] = None,
    devices: Devices = None,
    slurm: Slurm = None,
) -> None:
    """Train folds with nnU-Net's own command, one at a time on each device.

    What is finished is left alone, and what was interrupted goes on. With
    --staged, stage one is trained on all folds first, then its out-of-fold maps
    are made, then stage two is trained.

    Example: cscn train 901 3d_fullres --staged
    """
    from nnunet_cscn.nnunet.folders import preprocessed_dataset, results_folder

    name = preprocessed_dataset(dataset).name
    chosen = trainer or ("CSCNStagedTrainer" if staged else "CSCNTrainer")
    if staged and not chosen.startswith("CSCNStagedTrainer"):
        raise UserError(
            f"--staged -tr {chosen}: that is no second stage; stage one is chosen by the configuration's option "
            "staged.stage_one (`cscn configure`)"
        )
    last = trainings(name, configuration, chosen, plans=plans, folds=chosen_folds(folds))
    executor = chosen_executor(devices, slurm, folder=results_folder() / name / "cscn_jobs")
    if staged:
        n_devices = None if slurm is not None else len(chosen_devices(devices))
        _prepare_stage_two(name, configuration, plans, last, executor, n_parts=n_devices)
    _train(last, executor)


def _prepare_stage_two(
    dataset: str, configuration: str, plans: str, last: list[Training], executor: Executor, *, n_parts: int | None
) -> None:
    """Train stage one and make its maps, once nothing speaks against either."""
    from nnunet_cscn.cascade.lineage import check_lineage
    from nnunet_cscn.cascade.stage_one import StageOne
    from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
    from nnunet_cscn.settings.block import Settings

    options = Settings.from_configuration(configuration_from_plans(read_plans(dataset, plans), configuration)).staged
    stage_one = StageOne.before(dataset, configuration, plans, options)
    _ = stage_one.splits  # refused before anything is trained on them
    _train(trainings(dataset, stage_one.configuration, stage_one.trainer, plans=plans), executor)
    stage_one.check_folds()
    make_maps_elsewhere(stage_one, executor, n_parts=n_parts or len(stage_one.splits))
    check_lineage([training.folder for training in last], finish(stage_one))


def _train(wanted: list[Training], executor: Executor) -> None:
    for training in wanted:
        if training.is_finished:
            console.print(f"{training.trainer} fold {training.fold} is finished: {training.folder}", soft_wrap=True)
    run_shown(executor, [training.job() for training in wanted if not training.is_finished])
