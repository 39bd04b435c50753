"""``cscn train --auto``: from raw data to a report, with the estimated time before the training."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.executor_options import chosen_devices, run_with_progress
from nnunet_cscn.cli.fold_options import chosen_folds
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.execution.estimates import Estimate


def train_automatically(
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
    """Run the workflow of ``--auto`` and show what it does.

    Args:
        dataset: The data set, by number or name.
        configuration: The configuration; None for the usual one.
        trainer: The trainer; None for CSCNTrainer.
        plans: Name of the plans; None for nnUNetCSCNPlans.
        folds: The values of ``-f``; None for fold 0.
        devices: The value of ``--devices``.
        only_estimate: Stop after the estimate.
        json_file: Where to write the results.
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows import auto_train as workflow

    made = workflow.train_automatically(
        dataset,
        configuration,
        trainer=trainer or workflow.TRAINER,
        plans=plans or workflow.PLANS,
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
    step = f"{pace.train_step_s:.2g} s a step (measured on {pace.n_steps} steps)"
    epochs = f"{counted(found.epochs_left, 'epoch')} of {pace.steps_per_epoch} steps"
    if found.is_limited:
        epochs = "as many epochs as fit into stop.minutes"
    training = f"training takes about {format_duration(found.training_s)}: {epochs}, {step}."
    console.print(
        f"{training if found.epochs_left else 'all epochs are trained already.'} "
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
