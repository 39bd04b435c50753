"""``cscn cascade``: the maps that the second stage learns from."""

from __future__ import annotations

import contextlib
import io
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import console, progress_bar
from nnunet_cscn.cli.executor_options import Devices, Slurm, chosen_devices, chosen_executor, run_shown
from nnunet_cscn.execution.jobs import Executor, Job

if TYPE_CHECKING:
    from nnunet_cscn.cascade.manifest import Manifest
    from nnunet_cscn.cascade.stage_one import StageOne


def cascade(
    dataset: Annotated[str, typer.Argument(help="Data set, by number or name.")],
    configuration: Annotated[str, typer.Argument(help="Configuration, such as 3d_fullres.")],
    *,
    trainer: Annotated[str, typer.Option("-tr", "--trainer", help="Trainer of stage one.")] = "BUNetTrainer",
    plans: Annotated[str, typer.Option("-p", "--plans", help="Plans of stage one.")] = "nnUNetPlans",
    checkpoint: Annotated[str, typer.Option("-chk", help="Checkpoint to predict with.")] = "checkpoint_final.pth",
    onto: Annotated[
        str | None,
        typer.Option(
            "--onto",
            metavar="CONFIGURATION",
            help="Store the maps on this configuration's grid.",
            show_default="its own",
        ),
    ] = None,
    devices: Devices = None,
    slurm: Slurm = None,
    part: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Predict every training case with the fold that did not see it, and store the maps.

    All folds of stage one have to be trained. What is right already is kept,
    what is stale is made again; a run that was interrupted goes on where it
    stopped. CSCNStagedTrainer learns from these maps. Stage one may have another
    spacing than stage two: --onto brings its maps onto stage two's grid.

    Example: cscn cascade 901 3d_lowres --onto 3d_fullres
    """
    from nnunet_cscn.cascade.manifest import maps_of
    from nnunet_cscn.cascade.stage_one import StageOne

    stage_one = StageOne.find(dataset, configuration, trainer=trainer, plans=plans, checkpoint=checkpoint, onto=onto)
    stage_one.check_folds()
    if part is not None:
        _make_part(stage_one, part, chosen_devices(devices)[0])
        return
    chosen = [] if slurm is not None else chosen_devices(devices)
    if len(chosen) == 1:
        _make_here(stage_one, chosen[0])
    else:
        executor = chosen_executor(devices, slurm, folder=log_folder(stage_one))
        make_maps_elsewhere(stage_one, executor, n_parts=len(chosen) or len(stage_one.splits))
    n_maps = len(finish(stage_one).cases)
    console.print(f"{n_maps} maps in {maps_of(stage_one).folder}", soft_wrap=True, markup=False)


def make_maps_elsewhere(stage_one: StageOne, executor: Executor, *, n_parts: int) -> None:
    """Share the maps out over jobs."""
    run_shown(executor, [_part_job(stage_one, index, n_parts) for index in range(n_parts)])


def finish(stage_one: StageOne) -> Manifest:
    """Write the manifest, check all maps against it, and return it."""
    from nnunet_cscn.cascade.manifest import check_maps
    from nnunet_cscn.cascade.postprocessor import write_manifest

    write_manifest(stage_one)
    return check_maps(stage_one)


def log_folder(stage_one: StageOne) -> Path:
    """Return where the jobs' logs are kept, beside those of the trainings."""
    return stage_one.folder / "logs"


def _make_here(stage_one: StageOne, device: str) -> None:
    import torch

    from nnunet_cscn.cascade.postprocessor import make_maps

    with progress_bar() as progress:
        task = progress.add_task("maps", total=len(stage_one.fold_of))
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net tells what it loads
            make_maps(
                stage_one,
                device=torch.device(device),
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )


def _make_part(stage_one: StageOne, part: str, device: str) -> None:
    import torch

    from nnunet_cscn.cascade.postprocessor import make_maps

    index, _, count = part.partition("/")
    make_maps(
        stage_one,
        device=torch.device(device),
        part=(int(index), int(count)),
        on_progress=lambda done, total: print(f"{done}/{total}", flush=True),
    )


def _part_job(stage_one: StageOne, index: int, count: int) -> Job:
    command = (*shlex.split(stage_one.cascade_command()), "--devices", "{device}", "--part", f"{index}/{count}")
    return Job(
        name=f"maps {index + 1} of {count}",
        command=command,
        log_file=log_folder(stage_one) / f"cascade_{Path(stage_one.checkpoint).stem}_{index + 1}_of_{count}.log",
        progress=r"^(\d+)/\d+$",
        total=len(range(index, len(stage_one.fold_of), count)),
    )
