"""Table 1: DSC, ASSD and F1 of each method, with confidence intervals and tests against CSCN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.metrics.scores import LabelScores, json_number
from nnunet_cscn.paper.methods import PROPOSED, PUBLISHED, PUBLISHED_OBSERVERS, PublishedResult
from nnunet_cscn.paper.scores import ScoredMethod
from nnunet_cscn.stats.clustered import (
    Estimate,
    Floats,
    Statistic,
    bootstrap_estimate,
    f1_of_means,
    mean_statistic,
    paired_permutation_test,
)
from nnunet_cscn.stats.paired import holm
from nnunet_cscn.texts import counted

OBSERVERS = "two observers"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: Name in files.
        heading: Heading in the table.
        digits: Number of decimals to show.
        values: The function that returns the values of a case. A case with a value of nan or infinity is excluded.
        statistic: The function that computes the statistic from the means over cases.
        published: The function that returns the published value.
    """

    key: str
    heading: str
    digits: int
    values: Callable[[LabelScores], tuple[float, ...]]
    statistic: Statistic
    published: Callable[[PublishedResult], float]


def _mean_values(*keys: str) -> Callable[[LabelScores], tuple[float, ...]]:
    """Return a function that returns the values of the given metrics to use in means."""
    known = {metric.key: metric for metric in metrics()}
    return lambda scores: tuple(known[key].value_for_mean(scores) for key in keys)


COLUMNS = (
    Column("dsc", "DSC", 3, _mean_values("dsc"), mean_statistic, lambda row: row.dsc),
    Column("assd_mm", "ASSD mm", 3, _mean_values("assd_mm"), mean_statistic, lambda row: row.assd_mm),
    Column("f1", "F1", 3, _mean_values("precision", "recall"), f1_of_means, lambda row: row.f1),
)


@dataclass(frozen=True)
class Cell:
    """The value of one statistic for one method.

    Attributes:
        estimate: The statistic with its confidence interval. nan without cases.
        n: Number of cases.
        p: p value of the paired permutation test against CSCN, adjusted for the number of methods (Holm). nan for CSCN
            itself, and if there are no common cases.
        published: The published value. nan if the paper has none.
    """

    estimate: Estimate
    n: int
    p: float
    published: float

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        numbers = {**dataclasses.asdict(self.estimate), "p_holm": self.p, "published": self.published}
        return {"n": self.n, **{key: json_number(value) for key, value in numbers.items()}}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        method: The method, or the observers.
        cells: The cells by the keys of the columns.
        notes: Sentences about missing and failed runs.
    """

    method: str
    cells: Mapping[str, Cell]
    notes: tuple[str, ...]


def table_rows(
    methods: Sequence[ScoredMethod],
    label: str,
    patients: Mapping[str, str],
    *,
    observers: Mapping[str, LabelScores] | None = None,
    seed: int = 0,
) -> list[Row]:
    """Return the rows of the table for one label.

    Args:
        methods: The scores of the methods.
        label: The label.
        patients: The patient of each case. A case without an entry is a separate patient.
        observers: Scores of one observer against the other. They may have other cases.
        seed: Seed of the bootstrap and the tests.
    """
    scores = {scored.method: scored.for_label(label) for scored in methods}
    p_values = {column.key: _p_values(scores, column, patients, seed) for column in COLUMNS}
    rows = []
    for scored in methods:
        published = PUBLISHED.get(scored.method)
        cells = {
            c.key: _cell(
                scores[scored.method], c, patients, p_values[c.key].get(scored.method, math.nan), published, seed
            )
            for c in COLUMNS
        }
        rows.append(Row(scored.method, cells, (*_notes(scored, scores[scored.method]), *scored.notes)))
    if observers is not None:
        cells = {c.key: _cell(observers, c, patients, math.nan, PUBLISHED_OBSERVERS, seed) for c in COLUMNS}
        rows.append(
            Row(OBSERVERS, cells, (f"{counted(len(observers), 'case')}, the first observer's being the reference",))
        )
    return rows


def _cell(
    scores: Mapping[str, LabelScores],
    column: Column,
    patients: Mapping[str, str],
    p: float,
    published: PublishedResult | None,
    seed: int,
) -> Cell:
    paper = math.nan if published is None else column.published(published)
    cases = [case for case in scores if _is_finite(scores[case], column)]
    if not cases:
        return Cell(Estimate(math.nan, math.nan, math.nan), 0, p, paper)
    found = bootstrap_estimate(
        _matrix(scores, cases, column), _patients_of_cases(cases, patients), column.statistic, seed=seed
    )
    return Cell(found, len(cases), p, paper)


def _p_values(
    scores: Mapping[str, Mapping[str, LabelScores]], column: Column, patients: Mapping[str, str], seed: int
) -> dict[str, float]:
    """Return the adjusted p value of each method except CSCN, over the cases for which both have values."""
    proposed = scores.get(PROPOSED, {})
    others = [method for method in scores if method != PROPOSED]
    raw = []
    for method in others:
        mine = scores[method]
        shared = [
            case
            for case in proposed
            if case in mine and _is_finite(mine[case], column) and _is_finite(proposed[case], column)
        ]
        matrices = (_matrix(proposed, shared, column), _matrix(mine, shared, column)) if shared else None
        raw.append(
            paired_permutation_test(*matrices, _patients_of_cases(shared, patients), column.statistic, seed=seed)
            if matrices
            else math.nan
        )
    return dict(zip(others, holm(raw), strict=True))


def _matrix(scores: Mapping[str, LabelScores], cases: Sequence[str], column: Column) -> Floats:
    return np.array([column.values(scores[case]) for case in cases], dtype=np.float64)


def _is_finite(scores: LabelScores, column: Column) -> bool:
    return all(math.isfinite(value) for value in column.values(scores))


def _patients_of_cases(cases: Sequence[str], patients: Mapping[str, str]) -> list[str]:
    return [patients.get(case, case) for case in cases]


def _notes(scored: ScoredMethod, scores: Mapping[str, LabelScores]) -> list[str]:
    notes = []
    if len(scores) < scored.n_cases:
        notes.append(f"{len(scores)} of {counted(scored.n_cases, 'case')}")
    if absent := sum(one.counts.prediction_is_empty and one.counts.reference_is_empty for one in scores.values()):
        notes.append(f"{absent} without the label in truth and prediction, which are left out")
    if empty := sum(one.has_one_empty for one in scores.values()):
        notes.append(f"{empty} with one empty mask, which count as 0 in DSC and F1 and are left out of ASSD")
    return notes
