"""Calibration of a folder of probabilities, and the threshold that suits each group of cases best."""

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
from nnunet_cscn.evaluation.cases import raise_problems
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.probabilities import Probabilities
from nnunet_cscn.evaluation.volumes import label_mask, label_values
from nnunet_cscn.formats.reading import BY_CONTENT
from nnunet_cscn.metrics.calibration import MARGIN_MM, Bin, LevelCounts, neighbourhood
from nnunet_cscn.metrics.scores import json_number
from nnunet_cscn.stats.held_out import HeldOutGain, held_out_gain, random_folds

THRESHOLDS = (0.5, *(step / 20 for step in range(1, 20) if step != 10))
"""From 0.05 to 0.95; the usual one first, so that it wins among equals."""


@dataclass(frozen=True)
class CountedCase:
    """One label of one case.

    Attributes:
        whole: All voxels of the image.
        near: The voxels within 10 mm of the box around reference and prediction; None where there is neither.
    """

    whole: LevelCounts
    near: LevelCounts | None


@dataclass(frozen=True)
class BestThreshold:
    """The threshold with the largest mean DSC in a group of cases.

    Attributes:
        group: The group's name.
        threshold: The threshold.
        found: DSC at 0.5 and at the threshold, and the gain in cases that did not take part in the choice.
    """

    group: str
    threshold: float
    found: HeldOutGain

    def to_json(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        found = self.found
        return {
            "group": self.group,
            "n": found.n,
            "threshold": self.threshold,
            "dsc_at_0.5": found.before,
            "dsc_at_threshold": found.after,
            "held_out_gain": json_number(found.gain),
            "held_out_gain_low": json_number(found.low),
            "held_out_gain_high": json_number(found.high),
        }


@dataclass(frozen=True)
class LabelCalibration:
    """What all cases say about the probabilities of one label.

    Attributes:
        n: Cases with a reference or a prediction.
        n_empty: Cases with neither, which have no calibration.
        expected_calibration_error: Over the voxels of all cases together.
        case_calibration_error: Mean over the cases of the error of each.
        brier_score: Mean over the cases.
        bins: The reliability diagram of all cases together.
        thresholds: The best threshold of each group.
    """

    n: int
    n_empty: int
    expected_calibration_error: float
    case_calibration_error: float
    brier_score: float
    bins: tuple[Bin, ...]
    thresholds: tuple[BestThreshold, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it for a JSON file: nan as None."""
        return {
            "n": self.n,
            "n_empty": self.n_empty,
            "expected_calibration_error": json_number(self.expected_calibration_error),
            "case_calibration_error": json_number(self.case_calibration_error),
            "brier_score": json_number(self.brier_score),
            "margin_mm": MARGIN_MM,
            "bins": [
                {"n": each.n, "probability": json_number(each.probability), "share": json_number(each.share)}
                for each in self.bins
            ],
            "thresholds": [each.to_json() for each in self.thresholds],
        }


def count_cases(
    probabilities: Probabilities,
    references: Mapping[str, Path],
    labels: EvaluatedLabels | None,
    *,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Mapping[str, CountedCase]]:
    """Count the probabilities of every case, by case and label.

    Args:
        probabilities: The probabilities.
        references: The reference of each case.
        labels: The labels. None if the name of each map is the value of its label, such as ``1``.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases.

    Raises:
        ArgumentError: If labels are not given, and maps are named by words.
        UserError: If cases have no probabilities, lie on another grid or cannot be read, all of them listed.
    """
    known = labels if labels is not None else _labels_by_value(probabilities.labels)
    raise_problems({case: "without probabilities" for case in references if not probabilities.has(case)})
    work = {case: partial(_count, probabilities, case, file, known) for case, file in references.items()}
    counted, problems = process_cases(work, workers=workers, on_progress=on_progress)
    raise_problems(problems)
    return counted


def calibrate(
    counted: Mapping[str, Mapping[str, CountedCase]], groups: Mapping[str, Sequence[str]]
) -> dict[str, LabelCalibration]:
    """Put the cases of each label together.

    Args:
        counted: What ``count_cases`` gave.
        groups: The cases of each group.
    """
    labels = tuple(next(iter(counted.values()), {}))
    return {label: _calibrate({case: found[label] for case, found in counted.items()}, groups) for label in labels}


def _calibrate(counted: Mapping[str, CountedCase], groups: Mapping[str, Sequence[str]]) -> LabelCalibration:
    near = [case.near for case in counted.values() if case.near is not None]
    nothing = np.zeros(256, dtype=np.int64)
    together = sum(near, LevelCounts(nothing, nothing))
    return LabelCalibration(
        n=len(near),
        n_empty=len(counted) - len(near),
        expected_calibration_error=together.expected_calibration_error,
        case_calibration_error=_mean([case.expected_calibration_error for case in near]),
        brier_score=_mean([case.brier_score for case in near]),
        bins=together.bins,
        thresholds=tuple(_best_threshold(group, [counted[case] for case in cases]) for group, cases in groups.items()),
    )


def _best_threshold(group: str, cases: Sequence[CountedCase]) -> BestThreshold:
    values = [[_dsc(case.whole, threshold) for case in cases] for threshold in THRESHOLDS]
    found = held_out_gain(values, random_folds(len(cases)))
    return BestThreshold(group, THRESHOLDS[found.chosen], found)


def _dsc(counts: LevelCounts, threshold: float) -> float:
    """Return the DSC; two empty masks count as 1, so that predicting nothing where nothing is counts as right."""
    dsc = counts.dsc(threshold)
    return 1.0 if math.isnan(dsc) else dsc


def _count(probabilities: Probabilities, case: str, file: Path, labels: EvaluatedLabels) -> Mapping[str, CountedCase]:
    try:
        volume = BY_CONTENT.read(file)
    except UserError as fault:
        raise UserError(f"reference: {fault}") from None
    reference, spacing_mm = volume.voxels, volume.grid.spacing_mm[::-1]
    present = label_values("reference", reference, labels)
    taking_part = reference != labels.ignore if labels.ignore in present else None
    found = {}
    for label, levels in probabilities.read(case, volume.grid).items():
        mask = label_mask(reference, labels.values[label])
        box = neighbourhood(levels, mask, spacing_mm)
        near = None
        if box is not None:
            inside = ... if taking_part is None else taking_part[box]
            near = LevelCounts.from_case(levels[box][inside], mask[box][inside])
        everywhere = ... if taking_part is None else taking_part
        found[label] = CountedCase(LevelCounts.from_case(levels[everywhere], mask[everywhere]), near)
    return found


def _labels_by_value(names: Sequence[str]) -> EvaluatedLabels:
    if not all(name.isdecimal() for name in names):
        raise ArgumentError(
            "dataset_json", f"the maps are of {', '.join(names)}: give the file, which says which values these are"
        )
    return EvaluatedLabels.from_values(int(name) for name in names)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
