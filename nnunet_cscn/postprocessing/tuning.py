"""Choose the steps of each label by validation cases, and measure the gain in cases that took no part in choosing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, process_cases
from nnunet_cscn.evaluation.cases import CaseFiles, check_pairs, raise_problems
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.probabilities import Probabilities
from nnunet_cscn.evaluation.volumes import label_mask, label_values
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.metrics.scores import json_number
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.postprocessing.candidates import all_candidates, candidate_dsc
from nnunet_cscn.postprocessing.steps import LabelPostprocessing, LabelSteps, Levels
from nnunet_cscn.postprocessing.validation import ValidationCase
from nnunet_cscn.stats.held_out import HeldOutGain, held_out_gain
from nnunet_cscn.stats.paired import FEWEST_FOR_INTERVAL

Scores = Mapping[str, Any]


@dataclass(frozen=True)
class TunedLabel:
    """The result of the tuning for one label.

    Attributes:
        name: Its name.
        value: Its value.
        best: The steps with the largest mean DSC over all cases.
        found: DSC before and after, and the gain in held-out cases.
    """

    name: str
    value: int
    best: LabelSteps
    found: HeldOutGain

    @property
    def is_adopted(self) -> bool:
        """Whether the steps are used: the 95 % interval of the gain in at least three held-out cases is above 0."""
        return not self.best.change_nothing and self.has_interval and self.found.low > 0

    @property
    def has_interval(self) -> bool:
        """Whether there are enough cases for an interval of the gain."""
        return self.found.n >= FEWEST_FOR_INTERVAL

    @property
    def postprocessing(self) -> LabelPostprocessing:
        """The steps that are used for the label."""
        return LabelPostprocessing(self.name, (self.value,), self.best if self.is_adopted else LabelSteps())

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        found = self.found
        return {
            "label": self.name,
            "value": self.value,
            "best": self.best.to_json(),
            "is_adopted": self.is_adopted,
            "n": found.n,
            "dsc_before": found.before,
            "dsc_after": found.after,
            "held_out_gain": json_number(found.gain),
            "held_out_gain_low": json_number(found.low),
            "held_out_gain_high": json_number(found.high),
        }


def tune(
    cases: Mapping[str, ValidationCase],
    references: Mapping[str, Path],
    labels: EvaluatedLabels,
    *,
    probabilities: Mapping[str, Probabilities] | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> list[TunedLabel]:
    """Try all choices of steps for every label.

    Args:
        cases: The validation cases.
        references: The reference of each case; others are ignored.
        labels: The labels.
        probabilities: Where the probabilities of each case are; None to try no thresholds.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases.

    Raises:
        ArgumentError: If a label is a region of several labels.
        UserError: If cases have no reference, lie on another grid or cannot be read, all of them listed.
    """
    if region := next((name for name, values in labels.values.items() if len(values) > 1), None):
        raise ArgumentError(
            "dataset_json",
            f"{region} is a region of several labels, whose postprocessing would change the others: use "
            "`nnUNetv2_determine_postprocessing` for models of regions",
        )
    missing = {case: "without a reference" for case in cases if case not in references}
    checked = check_pairs(
        [CaseFiles(case, each.prediction, references[case]) for case, each in cases.items() if case in references],
        missing,
    )
    raise_problems(checked.problems)
    tried = all_candidates(with_thresholds=probabilities is not None)
    work = {
        pair.name: partial(
            _score, pair, checked.grids[pair.name], labels, tried, probabilities[pair.name] if probabilities else None
        )
        for pair in checked.cases
    }
    scores, problems = process_cases(work, workers=workers, on_progress=on_progress)
    raise_problems(problems)
    folds = [cases[case].fold for case in scores]
    tuned = []
    for name, values in labels.values.items():
        table = np.stack([scores[case][name] for case in scores], axis=1)
        found = held_out_gain(table, folds)
        tuned.append(TunedLabel(name, values[0], tried[found.chosen], found))
    return tuned


def _score(
    files: CaseFiles,
    grid: Grid,
    labels: EvaluatedLabels,
    tried: Sequence[LabelSteps],
    probabilities: Probabilities | None,
) -> Scores:
    try:
        volume, reference = BY_CONTENT.read(files.prediction), BY_CONTENT.read(files.reference).voxels
    except UserError as fault:
        raise UserError(f"it cannot be read: {fault}") from None
    predicted = volume.on(grid)
    assert predicted is not None  # the grids were compared before
    label_values("prediction", predicted, labels)
    present = label_values("reference", reference, labels)
    ignored = reference == labels.ignore if labels.ignore in present else None
    levels: Mapping[str, Levels] = {}
    if probabilities is not None:
        levels = probabilities.read(files.name, grid)
    found = {}
    for name, values in labels.values.items():
        mask = label_mask(predicted, values)
        found[name] = candidate_dsc(
            tried,
            mask,
            label_mask(reference, values),
            free=(predicted == 0) | mask,
            voxel_ml=math.prod(grid.spacing_mm) / 1000,
            ignored=ignored,
            levels=levels.get(name),
            other_levels=[each for other, each in levels.items() if other != name],
        )
    return found
