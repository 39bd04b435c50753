"""Write the figures of a comparison of methods as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.evaluation.comparison import MetricComparison
from nnunet_cscn.report.chart_values import label_title
from nnunet_cscn.report.difference_figure import difference_figure
from nnunet_cscn.report.figures import file_names, save_figure
from nnunet_cscn.report.rank_figure import rank_figure
from nnunet_cscn.texts import counted


def write_comparison_figures(comparisons: Sequence[MetricComparison], folder: Path) -> list[Path]:
    """Write figures of the pairwise differences and (three or more methods, two or more cases) of the mean ranks.

    Args:
        comparisons: The comparison for each label and metric.
        folder: Folder for the figures. It is created if necessary.

    Returns:
        The written files.
    """
    parts = file_names(comparison.label for comparison in comparisons)
    files = []
    for comparison in comparisons:
        name = f"{parts[comparison.label]}_{comparison.metric.key}"
        if comparison.cases:
            files += save_figure(difference_figure(comparison), folder / f"{name}_differences")
        if comparison.ranking is not None and len(comparison.cases) > 1:
            cases = counted(len(comparison.cases), "case")
            title = f"{label_title(comparison.label)}: {comparison.metric.heading}, {cases}"
            files += save_figure(rank_figure(comparison.ranking, title=title), folder / f"{name}_ranks")
    return files
