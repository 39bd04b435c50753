"""Train folds, and both stages of the staged cascade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.execution.jobs import Executor, RunJobs, run_jobs
from nnunet_cscn.execution.local import LocalExecutor, all_devices
from nnunet_cscn.execution.trainings import ALL, Fold, Training, trainings
from nnunet_cscn.nnunet.folders import preprocessed_dataset
from nnunet_cscn.nnunet.plans import preprocessed_data

_READERS = 4  # cases read at the same time

OnFinished = Callable[[Training], None]
OnRemoved = Callable[[Path], None]


def train(
    dataset: str | int,
    configuration: str,
    *,
    staged: bool = False,
    trainer: str | None = None,
    plans: str = "nnUNetPlans",
    folds: Sequence[Fold] | None = None,
    pretrained_weights: str | Path | None = None,
    executor: Executor | None = None,
    n_parts: int | None = None,
    run: RunJobs = run_jobs,
    on_finished: OnFinished = lambda training: None,
    on_removed: OnRemoved = lambda file: None,
) -> list[Training]:
    """Train folds with nnUNetv2_train, one at a time on each device.

    Finished folds are kept and interrupted folds are resumed. For the staged cascade, the function trains stage one on
    all folds, makes the out-of-fold probability maps of stage one, and trains stage two.

    Args:
        dataset: Number or name of the data set.
        configuration: The configuration, such as ``3d_fullres``. For the staged cascade: the configuration of stage
            two.
        staged: Whether to train the staged cascade. The options of the configuration define its stage one.
        trainer: The trainer. For the staged cascade: the trainer of stage two. None for CSCNTrainer or
            CSCNStagedTrainer.
        plans: Name of the plans.
        folds: Numbers of the folds, or ``all`` for one training on all cases. None for every fold.
        pretrained_weights: Weights that new trainings start from, of stage two if there are two stages. None for random
            weights.
        executor: Runs the trainings, such as ``LocalExecutor(["cuda:0", "cuda:1"])``. None for one training at a time
            on each GPU of this machine, or on the CPU.
        n_parts: Number of processes that make the maps of stage one. None for one for each device of this machine, or
            for each fold if ``executor`` is given.
        run: The function that runs jobs until they end, such as ``run_jobs`` with callbacks.
        on_finished: Called with each training that was finished before.
        on_removed: Called with each checkpoint or summary that was removed because it is incomplete or damaged.

    Returns:
        The trainings. For the staged cascade: the trainings of stage two.

    Raises:
        UserError: When an argument is not valid, cases have labels that the dataset.json does not name, or stage one or
            existing trainings of stage two do not match the current data or settings. If possible, this is checked
            before anything is trained.
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
    if chosen.startswith("CSCNStagedTrainer") and ALL in (folds or ()):
        raise ArgumentError(
            "folds",
            f"{chosen} learns from out-of-fold probability maps, which do not exist for fold {ALL}: give fold numbers, "
            f"or train CSCNTrainer on {ALL} cases",
        )
    weights = None if pretrained_weights is None else Path(pretrained_weights).absolute()
    if weights is not None and not weights.is_file():
        raise ArgumentError("pretrained_weights", f"file not found: {weights}")
    last = trainings(name, configuration, chosen, plans=plans, folds=folds, pretrained_weights=weights)
    if not all(training.looks_finished for training in last):
        _check_labels(name, configuration, plans)
    if executor is None:
        devices = all_devices()
        executor, n_parts = LocalExecutor(devices), n_parts or len(devices)
    if staged:
        prepare_stage_two(last, executor, n_parts=n_parts, run=run, on_finished=on_finished, on_removed=on_removed)
    _run(last, executor, run, on_finished, on_removed)
    return last


def prepare_stage_two(
    last: Sequence[Training],
    executor: Executor,
    *,
    n_parts: int | None = None,
    run: RunJobs = run_jobs,
    on_finished: OnFinished = lambda training: None,
    on_removed: OnRemoved = lambda file: None,
) -> None:
    """Check and train stage one, and make its probability maps.

    Args:
        last: The trainings of stage two, of one data set and configuration.
        executor: As in ``train``.
        n_parts: As in ``train``, but None for one for each fold.
        run: As in ``train``.
        on_finished: As in ``train``.
        on_removed: As in ``train``.

    Raises:
        UserError: As for ``train``. Also when trainings of stage two used the maps of another stage one.
        CommandFailed: When a training failed, or the maps could not be made.
    """
    from nnunet_cscn.cascade.stage_one import StageOne
    from nnunet_cscn.cascade.trained_folds import check_trained_on_maps
    from nnunet_cscn.nnunet.plans import configuration_from_plans, read_plans
    from nnunet_cscn.settings.block import Settings
    from nnunet_cscn.workflows.cascade import finish_maps, make_maps_in_jobs

    dataset, configuration, plans = last[0].dataset, last[0].configuration, last[0].plans
    options = Settings.from_configuration(configuration_from_plans(read_plans(dataset, plans), configuration)).staged
    stage_one = StageOne.for_stage_two(dataset, configuration, plans, options)
    _ = stage_one.splits  # raise errors before anything is trained
    stage_one_trainings = trainings(dataset, stage_one.configuration, stage_one.trainer, plans=plans)
    _run(stage_one_trainings, executor, run, on_finished, on_removed)
    stage_one.check_folds()
    make_maps_in_jobs(stage_one, executor, n_parts=n_parts, run=run)
    check_trained_on_maps([training.folder for training in last], finish_maps(stage_one))


def _check_labels(dataset: str, configuration: str, plans: str) -> None:
    """Check the labels of all cases once, before the training of each fold would stop with the same error."""
    from nnunet_cscn.data.known_labels import check_known_labels
    from nnunet_cscn.nnunet.datasets import infer_dataset_class

    known = read_labels(preprocessed_dataset(dataset) / "dataset.json").known
    folder = str(preprocessed_data(dataset, plans, configuration))
    check_known_labels([infer_dataset_class(folder)(folder)], known, n_threads=_READERS)


def _run(
    wanted: Sequence[Training], executor: Executor, run: RunJobs, on_finished: OnFinished, on_removed: OnRemoved
) -> None:
    left = []
    for training in wanted:
        if training.is_finished:
            on_finished(training)
        else:
            left.append(training)
            for file in training.remove_damaged_files():
                on_removed(file)
    run(executor, [training.job() for training in left])
