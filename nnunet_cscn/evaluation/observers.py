"""Interobserver agreement: compare the observers of the same cases with each other and with their consensus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.aggregate import LabelAggregate, aggregate
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.evaluation.cases import check_cases, raise_problems
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.observer_case import CaseScores, MultiObserverCase, score_observers
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.formats.volume import VolumeReader
from nnunet_cscn.metrics.catalogue import metrics, scores_to_json
from nnunet_cscn.metrics.scores import LabelScores


@dataclass(frozen=True)
class Agreement:
    """The agreement of two sets of segmentations of the same cases for one label.

    Attributes:
        first: Name of the first one: an observer, or the model.
        second: Name of the second one: another observer, or a consensus of the observers.
        label: The label.
        cases: The scores of each case. The second one is the reference.
    """

    first: str
    second: str
    label: str
    cases: Mapping[str, LabelScores]

    @property
    def aggregate(self) -> LabelAggregate:
        """The scores, aggregated over all cases."""
        return aggregate(list(self.cases.values()))

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        shown = metrics()
        return {
            "first": self.first,
            "second": self.second,
            "label": self.label,
            "aggregate": self.aggregate.to_json(),
            "cases": {case: scores_to_json(score, shown) for case, score in self.cases.items()},
        }


def compare_observers(
    observers: Mapping[str, Path],
    *,
    model: tuple[str, Path] | None = None,
    labels: EvaluatedLabels | None = None,
    consensus_folder: Path | None = None,
    workers: int | None = None,
    reader: VolumeReader = BY_CONTENT,
    on_progress: OnProgress | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[Agreement]:
    """Compare every pair of observers. Compare each observer and the model with the consensus of the observers.

    Args:
        observers: For each observer, by name, the folder of label maps.
        model: Name and folder of the predictions of a model. They do not contribute to the consensus.
        labels: The labels to evaluate. None for every value above 0 in the files.
        consensus_folder: Where to write the consensus of each case, in one subfolder for each method (STAPLE,
            majority). None to write nothing. Valid cases are written even if other cases have errors.
        workers: Number of cases at the same time. None for one per available processor.
        reader: Reads the files.
        on_progress: Called with the number of finished cases and of all cases after each case.
        on_note: Called with each note on the grids.

    Returns:
        For each label: all pairs of observers, the model with each observer, and all of them with each consensus.

    Raises:
        UserError: When there are fewer than two observers, a case is missing for one of them, grids differ, or a file
            is not a label map. The message lists all such cases. Also when the consensus of overlapping regions should
            be written.
    """
    _check_request(observers, labels, consensus_folder)
    readers = {**observers, **({model[0]: model[1]} if model is not None else {})}
    work = {
        case.name: partial(score_observers, case, labels, consensus_folder, reader=reader)
        for case in _read_cases(readers, len(observers), reader, on_note)
    }
    found, problems = process_cases(work, workers=workers, on_progress=on_progress)
    raise_problems(problems)
    return _agreements(found, labels)


def _check_request(
    observers: Mapping[str, Path], labels: EvaluatedLabels | None, consensus_folder: Path | None
) -> None:
    if len(observers) < 2:
        raise ArgumentError("observers", "expected the folders of at least two observers")
    if consensus_folder is not None and labels is not None and any(len(v) > 1 for v in labels.values.values()):
        raise UserError("the consensus of overlapping regions cannot be written; use labels with one value each")


def _read_cases(
    readers: Mapping[str, Path], n_observers: int, reader: VolumeReader, on_note: Callable[[str], None]
) -> list[MultiObserverCase]:
    """Pair the files of all folders with those of the first folder. Raise an error for cases that do not match."""
    (first, folder), *others = readers.items()
    checked = {name: check_cases(other, folder, reader=reader) for name, other in others}
    raise_problems({case: reason for each in checked.values() for case, reason in each.problems.items()})
    predictions = {name: {case.name: case.prediction for case in each.cases} for name, each in checked.items()}
    one = next(iter(checked.values()))
    for note in one.notes():
        on_note(note)
    return [
        MultiObserverCase(
            name=case.name,
            files={first: case.reference, **{name: files[case.name] for name, files in predictions.items()}},
            n_observers=n_observers,
            grid=one.grids[case.name],
        )
        for case in one.cases
    ]


def _agreements(found: Mapping[str, CaseScores], labels: EvaluatedLabels | None) -> list[Agreement]:
    """Group the scores by label and pair. If a case lacks a label, it has the scores of two empty masks."""
    present = {label for by_label in found.values() for label in by_label}
    if not present:
        raise UserError("all label maps of the observers are empty: there is nothing to compare")
    order = labels.values if labels is not None else EvaluatedLabels.from_values(int(name) for name in present).values
    pairs = next(list(scores) for by_label in found.values() for scores in by_label.values())
    return [
        Agreement(*pair, label, {case: found[case].get(label, {}).get(pair, LabelScores()) for case in sorted(found)})
        for label in order
        for pair in pairs
    ]
