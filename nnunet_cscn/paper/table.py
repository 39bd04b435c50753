"""Table 1: DSC, ASSD and F1 of each method, with intervals and tests against the paper's method."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.metrics.scores import LabelScores, json_number
from nnunet_cscn.paper.methods import PROPOSED, PUBLISHED, PUBLISHED_OBSERVERS, Published
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

OBSERVERS = "two observers"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: Its name in files.
        heading: Its name for people.
        digits: Decimals to show.
        values: What a case gives to the statistic; nan or infinite where it gives nothing.
        statistic: What is made of the means of the cases.
        published: The paper's statistic.
    """

    key: str
    heading: str
    digits: int
    values: Callable[[LabelScores], tuple[float, ...]]
    statistic: Statistic
    published: Callable[[Published], float]


def _in_means(*keys: str) -> Callable[[LabelScores], tuple[float, ...]]:
    """Return what takes the values of some metrics as they enter means."""
    known = {metric.key: metric for metric in metrics()}
    return lambda scores: tuple(known[key].value_for_mean(scores) for key in keys)


COLUMNS = (
    Column("dsc", "DSC", 3, _in_means("dsc"), mean_statistic, lambda row: row.dsc),
    Column("assd_mm", "ASSD mm", 3, _in_means("assd_mm"), mean_statistic, lambda row: row.assd_mm),
    Column("f1", "F1", 3, _in_means("precision", "recall"), f1_of_means, lambda row: row.f1),
)


@dataclass(frozen=True)
class Cell:
    """A statistic of one method.

    Attributes:
        estimate: The statistic with its interval; nan where no case gives one.
        n: Cases that it is made of.
        p: p of the paired test against the paper's method, adjusted for the number of methods (Holm); nan for that
            method itself and where there is nothing to compare.
        published: The paper's statistic; nan where it has none.
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
        cells: By the columns' keys.
        notes: What the statistics lack.
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
    """Return the rows of one label.

    Args:
        methods: The scored methods.
        label: The label.
        patients: Patient of each case; those that are missing are their own.
        observers: Scores of one observer against the other, which may have marked other cases.
        seed: Seed of intervals and tests.
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
        rows.append(Row(OBSERVERS, cells, (f"{len(observers)} cases, the first observer's being the reference",)))
    return rows


def _cell(
    scores: Mapping[str, LabelScores],
    column: Column,
    patients: Mapping[str, str],
    p: float,
    published: Published | None,
    seed: int,
) -> Cell:
    paper = math.nan if published is None else column.published(published)
    cases = [case for case in scores if _is_finite(scores[case], column)]
    if not cases:
        return Cell(Estimate(math.nan, math.nan, math.nan), 0, p, paper)
    found = bootstrap_estimate(_matrix(scores, cases, column), _owners(cases, patients), column.statistic, seed=seed)
    return Cell(found, len(cases), p, paper)


def _p_values(
    scores: Mapping[str, Mapping[str, LabelScores]], column: Column, patients: Mapping[str, str], seed: int
) -> dict[str, float]:
    """Return the adjusted p of each method but the paper's, over the cases in which both have a statistic."""
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
            paired_permutation_test(*matrices, _owners(shared, patients), column.statistic, seed=seed)
            if matrices
            else math.nan
        )
    return dict(zip(others, holm(raw), strict=True))


def _matrix(scores: Mapping[str, LabelScores], cases: Sequence[str], column: Column) -> Floats:
    return np.array([column.values(scores[case]) for case in cases], dtype=np.float64)


def _is_finite(scores: LabelScores, column: Column) -> bool:
    return all(math.isfinite(value) for value in column.values(scores))


def _owners(cases: Sequence[str], patients: Mapping[str, str]) -> list[str]:
    return [patients.get(case, case) for case in cases]


def _notes(scored: ScoredMethod, scores: Mapping[str, LabelScores]) -> list[str]:
    notes = []
    if len(scores) < scored.n_cases:
        notes.append(f"{len(scores)} of {scored.n_cases} cases")
    if absent := sum(one.counts.prediction_is_empty and one.counts.reference_is_empty for one in scores.values()):
        notes.append(f"{absent} without the label in truth and prediction, which are left out")
    if empty := sum(one.has_one_empty for one in scores.values()):
        notes.append(f"{empty} with one empty mask, which count as 0 in DSC and F1 and are left out of ASSD")
    return notes
