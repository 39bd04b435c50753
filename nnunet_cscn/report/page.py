"""The report as one HTML file that works offline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from nnunet_cscn.evaluation.aggregate import LabelAggregate
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.metrics.scores import json_number
from nnunet_cscn.report.case_views import CaseView, ChosenCase
from nnunet_cscn.report.chart_values import charted_metrics, label_title
from nnunet_cscn.report.charts import bland_altman_chart, distribution_chart, volume_dsc_chart
from nnunet_cscn.report.provenance import Provenance
from nnunet_cscn.report.wording import aggregate_cells, first_sentence, key_figures, sentences

FEW_COLUMNS = ("dsc", "precision", "recall", "assd_mm", "hd95_mm", "nsd_2mm", "volume_ml", "reference_volume_ml")


def render_page(
    scores: FolderScores, shown: Sequence[CaseView], made: Provenance, *, title: str, figures: str = ""
) -> str:
    """Return the HTML of the report.

    Args:
        scores: What ``score_folders`` gave.
        shown: The cases to show.
        made: Command, time and package versions.
        title: Title of the report.
        figures: Name of the folder with the figures for publications.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_asset("page.html")).render(
        title=title,
        lead=first_sentence(scores),
        labels=[_label(scores, label, together) for label, together in scores.aggregate.items()],
        many_labels=len(scores.labels) > 1,
        skipped=scores.skipped,
        notes=scores.notes,
        bland_altman=[label_title(label) for label in scores.labels],
        charted=charted_metrics(scores.metrics),
        case_views=[_tab(case_view.choice) for case_view in shown],
        metrics=scores.metrics,
        few=FEW_COLUMNS,
        rows=_rows(scores),
        infinite=any(together.n_infinite_distance for together in scores.aggregate.values()),
        ignored=scores.ignore is not None,
        empty_sentence=_EMPTY[scores.empty_distance],
        command=made.command,
        made_on=made.made_on,
        versions=made.versions,
        figures=figures,
        data={"charts": _charts(scores), "case_views": [_case_view_data(case_view) for case_view in shown]},
        style=_asset("style.css"),
        script=_asset("script.js"),
        plotly=get_plotlyjs(),
    )


_EMPTY = {
    "infinite": "Where exactly one mask is empty, distances are infinite; such cases are counted, and left out of the "
    "distances' means.",
    "diagonal": "Where exactly one mask is empty, the diagonal of the volume stands for its distances.",
}


def _asset(name: str) -> str:
    return files("nnunet_cscn.report").joinpath("page", name).read_text(encoding="utf-8")


def _label(scores: FolderScores, label: str, together: LabelAggregate) -> Mapping[str, Any]:
    return {
        "name": label_title(label),
        "headline": [{"name": name, "value": value} for name, value in key_figures(scores, label)],
        "sentences": sentences(scores, label),
        "statistics": [_statistics(metric, together) for metric in scores.metrics],
        "counts": aggregate_cells(together),
    }


def _statistics(metric: Metric, together: LabelAggregate) -> Mapping[str, str]:
    found = together.statistics[metric.key]
    mean, sd, median, q25, q75 = (
        format_number(value, metric.digits) for value in (found.mean, found.sd, found.median, found.q25, found.q75)
    )
    return {"heading": metric.heading, "mean": mean, "sd": sd, "median": median, "quartiles": f"{q25} to {q75}"}


def _rows(scores: FolderScores) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for case, by_label in scores.cases.items():
        for label, score in by_label.items():
            values = {metric.key: metric.value(score) for metric in scores.metrics}
            cells = [
                {
                    "key": metric.key,
                    "value": "" if math.isnan(value := values[metric.key]) else json_number(value),
                    "text": format_number(value, metric.digits),
                }
                for metric in scores.metrics
            ]
            dsc = values["dsc"]
            rows.append(
                {"case": case, "label": label_title(label), "dsc": "" if math.isnan(dsc) else dsc, "cells": cells}
            )
    return rows


def _charts(scores: FolderScores) -> Mapping[str, Any]:
    charts = {metric.key: distribution_chart(scores, metric) for metric in charted_metrics(scores.metrics)}
    charts["volume_dsc"] = volume_dsc_chart(scores)
    for number, label in enumerate(scores.labels):
        charts[f"bland_altman_{number}"] = bland_altman_chart(scores, label)
    return {name: json.loads(chart.to_json()) for name, chart in charts.items()}


def _tab(choice: ChosenCase) -> Mapping[str, str]:
    dsc = format_number(choice.dsc, 3)
    return {"case": choice.case, "label": label_title(choice.label), "role": choice.role, "dsc": dsc}


def _case_view_data(case_view: CaseView) -> Mapping[str, Any]:
    return {"views": [view.to_json() for view in case_view.views], "surface": json.loads(case_view.surface)}
