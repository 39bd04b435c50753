"""The maps that the second stage of the cascade learns from."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cscn.execution.jobs import Executor, Job, RunJobs, run_jobs
from nnunet_cscn.prediction.devices import chosen_device

if TYPE_CHECKING:
    from nnunet_cscn.cascade.manifest import Manifest
    from nnunet_cscn.cascade.stage_one import StageOne

FINAL = "checkpoint_final.pth"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class CascadeMaps:
    """The maps of a stage one, all of them checked.

    Attributes:
        folder: Where they are.
        cases: The cases, one map each.
    """

    folder: Path
    cases: tuple[str, ...]


def make_cascade_maps(
    dataset: str | int,
    configuration: str,
    *,
    trainer: str = "BUNetTrainer",
    plans: str = "nnUNetPlans",
    checkpoint: str = FINAL,
    onto: str | None = None,
    device: str | None = None,
    executor: Executor | None = None,
    n_parts: int | None = None,
    run: RunJobs = run_jobs,
    on_progress: OnProgress | None = None,
) -> CascadeMaps:
    """Predict every training case with the fold that did not see it, and store the maps.

    What is right already is kept, what is stale is made again; a run that was interrupted goes on where it stopped.
    CSCNStagedTrainer learns from these maps.

    Args:
        dataset: The data set, by number or name.
        configuration: Configuration of stage one, such as ``3d_lowres``.
        trainer: Trainer of stage one.
        plans: Plans of stage one.
        checkpoint: Which checkpoint of each fold.
        onto: The configuration of stage two, where that has another grid; None for stage one's own.
        device: Where this process predicts: ``cuda``, ``cuda:1``, ``cpu`` or ``mps``; None for a GPU where there is
            one, else the CPU.
        executor: What runs other processes that share the maps, such as ``LocalExecutor(["cuda:0", "cuda:1"])``; None
            for this process alone.
        n_parts: How many such processes; None for one for each fold.
        run: What runs their jobs to the end, such as ``run_jobs`` with callbacks.
        on_progress: Called, in this process, with the number of finished maps and of all of them.

    Returns:
        The maps.

    Raises:
        UserError: When data set, plans or configuration are unknown, or a fold is not trained or does not fit the data
            set as it is now; with the commands to run.
        CommandFailed: When one of the other processes failed.

    Example:
        >>> make_cascade_maps(901, "3d_lowres", onto="3d_fullres", device="cuda").folder  # doctest: +SKIP
    """
    from nnunet_cscn.cascade.stage_one import StageOne

    stage_one = StageOne.find(dataset, configuration, trainer=trainer, plans=plans, checkpoint=checkpoint, onto=onto)
    if executor is None:
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net tells what it loads
            make_part_of_maps(stage_one, device=device, on_progress=on_progress)
    else:
        stage_one.check_folds()
        make_maps_in_jobs(stage_one, executor, n_parts=n_parts, run=run)
    manifest = finish_maps(stage_one)
    return CascadeMaps(_maps_folder(stage_one), tuple(sorted(manifest.cases)))


def make_part_of_maps(
    stage_one: StageOne,
    *,
    part: tuple[int, int] = (0, 1),
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Make a share of the maps in this process, without the manifest.

    Args:
        stage_one: The stage one.
        part: Which share, from 0 on, and of how many.
        device: As in ``make_cascade_maps``.
        on_progress: Called with the number of finished maps of this share and of all of them.

    Raises:
        UserError: As ``make_cascade_maps``.
    """
    from nnunet_cscn.cascade.postprocessor import make_maps

    make_maps(stage_one, device=chosen_device(device), part=part, on_progress=on_progress)


def make_maps_in_jobs(
    stage_one: StageOne, executor: Executor, *, n_parts: int | None = None, run: RunJobs = run_jobs
) -> None:
    """Share the maps out over jobs, without the manifest; arguments as in ``make_cascade_maps``."""
    n_jobs = len(stage_one.splits) if n_parts is None else n_parts
    run(executor, [_part_job(stage_one, index, n_jobs) for index in range(n_jobs)])


def finish_maps(stage_one: StageOne) -> Manifest:
    """Write the manifest, check all maps against it, and return it.

    Raises:
        UserError: When a map is missing or not right.
    """
    from nnunet_cscn.cascade.manifest import check_maps
    from nnunet_cscn.cascade.postprocessor import write_manifest

    write_manifest(stage_one)
    return check_maps(stage_one)


def _maps_folder(stage_one: StageOne) -> Path:
    from nnunet_cscn.cascade.manifest import stage_one_maps

    return stage_one_maps(stage_one).folder


def _part_job(stage_one: StageOne, index: int, count: int) -> Job:
    command = (*shlex.split(stage_one.cascade_command()), "--devices", "{device}", "--part", f"{index}/{count}")
    log_name = f"cascade_{Path(stage_one.checkpoint).stem}_{index + 1}_of_{count}.log"
    return Job(
        name=f"maps {index + 1} of {count}",
        command=command,
        log_file=stage_one.folder / "logs" / log_name,  # beside those of the trainings
        progress=r"^(\d+)/\d+$",
        total=len(range(index, len(stage_one.fold_of), count)),
    )
