"""Score the predicted test cases of each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress
from nnunet_cscn.evaluation.cases import CaseFiles, check_pairs
from nnunet_cscn.evaluation.folder import evaluate_cases
from nnunet_cscn.evaluation.labels import EvaluatedLabels, read_labels
from nnunet_cscn.metrics.scores import LabelScores
from nnunet_cscn.nnunet.folders import preprocessed_dataset
from nnunet_cscn.paper.runs import PaperRun, by_method
from nnunet_cscn.protocol.splits import FILE, read_patients


@dataclass(frozen=True)
class ScoredMethod:
    """The scores of one method.

    Attributes:
        method: Name of the method.
        cases: For each predicted test case, the scores of each label.
        n_cases: Number of test cases.
        notes: Sentences about missing and failed runs.
    """

    method: str
    cases: Mapping[str, Mapping[str, LabelScores]]
    n_cases: int
    notes: tuple[str, ...]

    def for_label(self, label: str) -> dict[str, LabelScores]:
        """Return the scores of one label."""
        return {case: scores[label] for case, scores in self.cases.items()}


def score_runs(runs: Sequence[PaperRun], *, on_progress: OnProgress | None = None) -> list[ScoredMethod]:
    """Score the finished runs.

    All cases of an unfinished run are excluded, even if some are predicted. The notes say so.

    Args:
        runs: Runs of one data set.
        on_progress: Called with the number of scored cases and of all cases.

    Raises:
        UserError: When no run is finished, or predictions or references cannot be read.
    """
    dataset = runs[0].training.dataset
    if not any(run.looks_done for run in runs):
        raise UserError(
            f"no run is finished yet: use `cscn paper run {dataset}`, and `cscn paper status` to see the state"
        )
    labels = labels_of(dataset)
    total = sum(len(run.test_cases) for run in runs if run.looks_done)
    before = 0
    found = []
    for method, of_method in by_method(runs).items():
        pairs = [pair for run in of_method if run.looks_done for pair in case_files_of(run)]
        scores: Mapping[str, Mapping[str, LabelScores]] = {}
        if pairs:
            done_before = before
            scores = evaluate_cases(
                check_pairs(pairs),
                labels=labels,
                on_progress=lambda done, _: on_progress(done_before + done, total) if on_progress else None,  # noqa: B023
            ).cases
        before += len(pairs)
        found.append(ScoredMethod(method, scores, sum(len(run.test_cases) for run in of_method), _notes(of_method)))
    return found


def case_files_of(run: PaperRun) -> list[CaseFiles]:
    """Return the prediction and the reference of each test case of a run."""
    truth = preprocessed_dataset(run.training.dataset) / "gt_segmentations"
    return [
        CaseFiles(case, run.predictions / f"{case}{run.file_ending}", truth / f"{case}{run.file_ending}")
        for case in run.test_cases
    ]


def labels_of(dataset: str) -> EvaluatedLabels:
    """Return the labels of a data set."""
    return read_labels(preprocessed_dataset(dataset) / "dataset.json")


def patients_of_dataset(dataset: str) -> dict[str, str]:
    """Return the patient of each case, as used for the splits."""
    return read_patients(preprocessed_dataset(dataset) / FILE)


def _notes(runs: Sequence[PaperRun]) -> tuple[str, ...]:
    """Return sentences about failed folds, with the reason, and about unfinished folds."""
    notes = [f"fold {run.fold} has failed: {run.failure}" for run in runs if run.state() == "failed"]
    if waiting := [str(run.fold) for run in runs if run.state() not in ("done", "failed")]:
        notes.append(f"not done: fold {', '.join(waiting)}")
    return tuple(notes)
