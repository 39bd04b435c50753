"""Train all folds, and both stages of the staged cascade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.execution.jobs import Executor, RunJobs, run_jobs
from nnunet_cscn.execution.local import LocalExecutor, all_devices
from nnunet_cscn.execution.trainings import Training, trainings
from nnunet_cscn.nnunet.folders import preprocessed_dataset

OnFinished = Callable[[Training], None]
OnTorn = Callable[[Path], None]


def train(
    dataset: str | int,
    configuration: str,
    *,
    staged: bool = False,
    trainer: str | None = None,
    plans: str = "nnUNetPlans",
    folds: Sequence[int] | None = None,
    executor: Executor | None = None,
    n_parts: int | None = None,
    run: RunJobs = run_jobs,
    on_finished: OnFinished = lambda training: None,
    on_torn: OnTorn = lambda file: None,
) -> list[Training]:
    """Train folds with nnU-Net's own command, one at a time on each device.

    What is finished is left alone, and what was interrupted goes on. A staged cascade trains stage one on all folds
    first, then makes its out-of-fold maps, then trains stage two.

    Args:
        dataset: The data set, by number or name.
        configuration: The configuration, such as ``3d_fullres``; of stage two where there are two.
        staged: Whether it is a staged cascade. Its stage one is that of the configuration's options.
        trainer: The trainer, of stage two where there are two; None for CSCNTrainer or CSCNStagedTrainer.
        plans: The plans.
        folds: Numbers of folds; None for all.
        executor: What runs the trainings, such as ``LocalExecutor(["cuda:0", "cuda:1"])``; None for one at a time on
            each GPU of this machine, or on the CPU.
        n_parts: How many processes share stage one's maps; None for one for each device of this machine, or for each
            fold where ``executor`` is given.
        run: What runs jobs to the end, such as ``run_jobs`` with callbacks.
        on_finished: Called with each training that is finished already.
        on_torn: Called with each checkpoint that was removed, as a killed process had left half of it.

    Returns:
        The trainings, of stage two where there are two.

    Raises:
        UserError: When an argument is wrong, or something speaks against stage one or what is trained on it already;
            before anything is trained where that can be told then.
        CommandFailed: When a training failed.

    Example:
        >>> from functools import partial
        >>> show = partial(run_jobs, on_progress=lambda job, epochs: print(job.name, epochs))
        >>> train(901, "3d_fullres", staged=True, run=show)  # doctest: +SKIP
    """
    name = preprocessed_dataset(dataset).name
    chosen = trainer or ("CSCNStagedTrainer" if staged else "CSCNTrainer")
    if staged and not chosen.startswith("CSCNStagedTrainer"):
        raise ArgumentError(
            "trainer",
            f"{chosen} is not a trainer of stage two: choose CSCNStagedTrainer or one of its variants; to choose "
            "stage one, set the option staged.stage_one of the configuration (`cscn configure`)",
        )
    last = trainings(name, configuration, chosen, plans=plans, folds=folds)
    if executor is None:
        devices = all_devices()
        executor, n_parts = LocalExecutor(devices), n_parts or len(devices)
    if staged:
        prepare_stage_two(last, executor, n_parts=n_parts, run=run, on_finished=on_finished, on_torn=on_torn)
    _run(last, executor, run, on_finished, on_torn)
    return last


def prepare_stage_two(
    last: Sequence[Training],
    executor: Executor,
    *,
    n_parts: int | None = None,
    run: RunJobs = run_jobs,
    on_finished: OnFinished = lambda training: None,
    on_torn: OnTorn = lambda file: None,
) -> None:
    """Train stage one and make its maps, once nothing speaks against either.

    Args:
        last: The trainings of stage two, of one data set and configuration.
        executor: As in ``train``.
        n_parts: As in ``train``; None for one for each fold.
        run: As in ``train``.
        on_finished: As in ``train``.
        on_torn: As in ``train``.

    Raises:
        UserError: As ``train``; also when trainings of stage two stand on the maps of another stage one.
        CommandFailed: When a training or the making of maps failed.
    """
    from nnunet_cscn.cascade.stage_one import StageOne
    from nnunet_cscn.cascade.trained_folds import check_trained_on_maps
    from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
    from nnunet_cscn.settings.block import Settings
    from nnunet_cscn.workflows.cascade import finish_maps, make_maps_in_jobs

    dataset, configuration, plans = last[0].dataset, last[0].configuration, last[0].plans
    options = Settings.from_configuration(configuration_from_plans(read_plans(dataset, plans), configuration)).staged
    stage_one = StageOne.for_stage_two(dataset, configuration, plans, options)
    _ = stage_one.splits  # refused before anything is trained on them
    _run(
        trainings(dataset, stage_one.configuration, stage_one.trainer, plans=plans), executor, run, on_finished, on_torn
    )
    stage_one.check_folds()
    make_maps_in_jobs(stage_one, executor, n_parts=n_parts, run=run)
    check_trained_on_maps([training.folder for training in last], finish_maps(stage_one))


def _run(
    wanted: Sequence[Training], executor: Executor, run: RunJobs, on_finished: OnFinished, on_torn: OnTorn
) -> None:
    left = []
    for training in wanted:
        if training.is_finished:
            on_finished(training)
        else:
            left.append(training)
            for file in training.clear():
                on_torn(file)
    run(executor, [training.job() for training in left])
