"""Make the stage-one probability maps from which stage two learns."""

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
    """The checked probability maps of stage one.

    Attributes:
        folder: Folder of the maps.
        cases: Names of the cases. Each case has one map.
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
    """Predict each training case with the fold that was not trained on it, and store the probability maps.

    Valid maps are kept and outdated maps are replaced. After an interruption, call the function again: it resumes.
    CSCNStagedTrainer learns from these maps.

    Args:
        dataset: Number or name of the data set.
        configuration: Configuration of stage one, such as ``3d_lowres``.
        trainer: Trainer of stage one.
        plans: Plans of stage one.
        checkpoint: File name of the checkpoint of each fold.
        onto: The configuration of stage two, if its grid differs. None for the grid of stage one.
        device: Device of this process: ``cuda``, ``cuda:1``, ``cpu`` or ``mps``. None for a GPU if there is one, else
            the CPU.
        executor: Runs further processes that share the work, such as ``LocalExecutor(["cuda:0", "cuda:1"])``. None to
            use only this process.
        n_parts: Number of these processes. None for one for each fold.
        run: The function that runs their jobs until they end, such as ``run_jobs`` with callbacks.
        on_progress: Called in this process with the number of finished maps and of all maps.

    Returns:
        The maps.

    Raises:
        UserError: When data set, plans or configuration are unknown, or a fold is not trained or does not match the
            current data set. The message contains the commands to run.
        CommandFailed: When one of the processes failed.

    Example:
        >>> make_cascade_maps(901, "3d_lowres", onto="3d_fullres", device="cuda").folder  # doctest: +SKIP
    """
    from nnunet_cscn.cascade.stage_one import StageOne

    stage_one = StageOne.find(dataset, configuration, trainer=trainer, plans=plans, checkpoint=checkpoint, onto=onto)
    if executor is None:
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints what it loads
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
    """Make a part of the maps in this process, without the manifest.

    Args:
        stage_one: Stage one.
        part: Index of the part, counted from 0, and number of parts.
        device: As in ``make_cascade_maps``.
        on_progress: Called with the number of finished maps and of all maps of this part.

    Raises:
        UserError: As for ``make_cascade_maps``.
    """
    from nnunet_cscn.cascade.postprocessor import make_maps

    make_maps(stage_one, device=chosen_device(device), part=part, on_progress=on_progress)


def make_maps_in_jobs(
    stage_one: StageOne, executor: Executor, *, n_parts: int | None = None, run: RunJobs = run_jobs
) -> None:
    """Make the maps in several jobs, without the manifest. The arguments are as in ``make_cascade_maps``."""
    n_jobs = len(stage_one.splits) if n_parts is None else n_parts
    run(executor, [_part_job(stage_one, index, n_jobs) for index in range(n_jobs)])


def finish_maps(stage_one: StageOne) -> Manifest:
    """Write the manifest, check that all maps agree with it, and return it.

    Raises:
        UserError: When a map is missing or not valid.
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
        log_file=stage_one.folder / "logs" / log_name,  # next to the logs of the trainings
        progress=r"^(\d+)/\d+$",
        total=len(range(index, len(stage_one.fold_of), count)),
    )
