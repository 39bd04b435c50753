"""``cscn cascade``: make the stage-one probability maps from which stage two learns."""

from __future__ import annotations

from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, run_with_progress
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.cli.phase_bar import PhaseBar


def cascade(
    dataset: Annotated[str, typer.Argument(help="Data set: number or name.")],
    configuration: Annotated[str, typer.Argument(help="Configuration of stage one, such as 3d_lowres.")],
    *,
    trainer: Annotated[str, typer.Option("-tr", "--trainer", help="Trainer of stage one.")] = "BUNetTrainer",
    plans: Annotated[str, typer.Option("-p", "--plans", help="Plans of stage one.")] = "nnUNetPlans",
    checkpoint: Annotated[str, typer.Option("-chk", help="Checkpoint file of stage one.")] = "checkpoint_final.pth",
    onto: Annotated[
        str | None,
        typer.Option(
            "--onto",
            metavar="CONFIGURATION",
            help="Stage two's configuration: resample the maps onto its grid.",
            show_default="CONFIGURATION",
        ),
    ] = None,
    devices: Devices = None,
    slurm: Slurm = None,
    trust: Trust = False,
    part: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make the out-of-fold probability maps of stage one for CSCNStagedTrainer.

    Each training case is predicted by the fold that was not trained on it, so
    all folds of stage one must be trained first. The command keeps valid maps
    and replaces outdated ones. After an interruption, run it again: it resumes.
    Stage one may have a different spacing from stage two: --onto resamples the
    maps onto the grid of stage two.

    Example: cscn cascade 901 3d_lowres --onto 3d_fullres
    """
    from nnunet_cscn.cascade.stage_one import StageOne
    from nnunet_cscn.workflows.cascade import make_cascade_maps, make_part_of_maps

    stage_one = StageOne.find(dataset, configuration, trainer=trainer, plans=plans, checkpoint=checkpoint, onto=onto)
    chosen = [] if slurm is not None else chosen_devices(devices)
    if part is not None:
        index, _, count = part.partition("/")
        make_part_of_maps(
            stage_one,
            part=(int(index), int(count)),
            device=chosen[0],
            on_progress=lambda done, total: print(f"{done}/{total}", flush=True),
        )
        return
    stage_one.check_folds()  # raise errors before the progress bar appears
    is_here = len(chosen) == 1
    with PhaseBar("maps", total=len(stage_one.fold_of) if is_here else None) as making:
        maps = make_cascade_maps(
            dataset,
            configuration,
            trainer=trainer,
            plans=plans,
            checkpoint=checkpoint,
            onto=onto,
            device=chosen[0] if is_here else None,
            executor=None if is_here else chosen_executor(devices, slurm, folder=stage_one.folder / "logs"),
            n_parts=len(chosen) or None,
            run=run_with_progress,
            on_progress=making,
        )
    console.print(f"{len(maps.cases)} maps in {maps.folder}", soft_wrap=True, markup=False)
