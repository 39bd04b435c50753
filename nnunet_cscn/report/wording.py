"""The sentences and key figures of a report."""

from __future__ import annotations

import math

from nnunet_cscn.evaluation.aggregate import LabelAggregate
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.report.chart_values import label_title, volumes_of
from nnunet_cscn.texts import counted

_MANY_NAMES = 8


def first_sentence(scores: FolderScores) -> str:
    """Return the first sentence of the report: number of cases and names of labels."""
    labels = ", ".join(map(label_title, scores.labels)) or "nothing is marked in any of them"
    return f"{counted(len(scores.cases), 'case')}; {labels}."


def key_figures(scores: FolderScores, label: str) -> list[tuple[str, str]]:
    """Return the key figures at the top of the report, as pairs of name and value."""
    statistics = scores.aggregate[label].statistics
    chosen = [("median DSC", "dsc", ""), ("median ASSD", "assd_mm", " mm"), ("median HD95", "hd95_mm", " mm")]
    tolerances = [metric for metric in scores.metrics if metric.key.startswith("nsd_")]
    if tolerances:
        middle = tolerances[len(tolerances) // 2]
        chosen.insert(1, (f"median {middle.heading}", middle.key, ""))
    digits = {metric.key: min(metric.digits, 2) for metric in scores.metrics}
    return [
        (name, format_number(value, digits[key]) + (unit if math.isfinite(value) else ""))
        for name, key, unit in chosen
        for value in [statistics[key].median]
    ]


def sentences(scores: FolderScores, label: str) -> list[str]:
    """Return sentences that summarise the scores of a label: overlap, volumes and empty masks."""
    together = scores.aggregate[label]
    dsc = together.statistics["dsc"]
    said = []
    if math.isfinite(dsc.median) and together.n - together.n_both_empty > 3:
        said.append(
            f"In half of the cases the DSC is {dsc.median:.2f} or more, in a quarter below {dsc.q25:.2f} and in a "
            f"quarter above {dsc.q75:.2f}."
        )
    _, agreement = volumes_of(scores, label)
    if math.isfinite(agreement.low_ml):
        digits = 1 if max(abs(agreement.low_ml), abs(agreement.high_ml)) >= 1 else 3
        bias = f"{abs(agreement.bias_ml):.{digits}f} ml {'larger than' if agreement.bias_ml > 0 else 'smaller than'}"
        if float(f"{agreement.bias_ml:.{digits}f}") == 0:
            bias = "as large as"
        said.append(
            f"Predicted volumes are on average {bias} those of the reference; 95 % of the "
            f"differences are expected between {agreement.low_ml:+.{digits}f} and {agreement.high_ml:+.{digits}f} ml."
        )
    return said + _empty_masks(scores, label, together)


def aggregate_cells(together: LabelAggregate) -> list[tuple[str, str]]:
    """Return the aggregated scores and the numbers of cases, as pairs of name and value."""
    return [
        ("cases", str(together.n)),
        ("DSC mean", format_number(together.dsc_mean, 3)),
        ("F1 of means", format_number(together.f1_of_means, 3)),
        ("DSC agg", format_number(together.dsc_agg, 3)),
        ("infinite distances", str(together.n_infinite_distance)),
        ("only reference empty", str(together.n_empty_reference)),
        ("only prediction empty", str(together.n_empty_prediction)),
        ("both empty", str(together.n_both_empty)),
    ]


def _empty_masks(scores: FolderScores, label: str, together: LabelAggregate) -> list[str]:
    said = []
    by_case = {case: by_label[label].counts for case, by_label in scores.cases.items()}
    missed = [case for case, c in by_case.items() if c.prediction_is_empty and not c.reference_is_empty]
    invented = [case for case, c in by_case.items() if c.reference_is_empty and not c.prediction_is_empty]
    if missed:
        said.append(f"Nothing is predicted in {counted(len(missed), 'case')} with a reference: {_listed(missed)}.")
    if invented:
        said.append(f"Something is predicted in {counted(len(invented), 'case')} without one: {_listed(invented)}.")
    if together.n_both_empty:
        said.append(f"{counted(together.n_both_empty, 'case')} with two empty masks are left out of the means.")
    return said


def _listed(cases: list[str]) -> str:
    more = f" and {len(cases) - _MANY_NAMES} more" if len(cases) > _MANY_NAMES else ""
    return ", ".join(cases[:_MANY_NAMES]) + more
