"""The tables of a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.cut_tables import WRITES_ALL, add_rows
from nnunet_cscn.evaluation.numbers import format_number

if TYPE_CHECKING:
    from nnunet_cscn.evaluation.calibration import BestThreshold, LabelCalibration


def show_calibration(calibration: Mapping[str, LabelCalibration]) -> None:
    """Print the calibration and the best thresholds of each label."""
    console.print(_calibration_table(calibration))
    console.print(_threshold_table(calibration))


def _calibration_table(calibration: Mapping[str, LabelCalibration]) -> Table:
    table = Table(
        title="Calibration",
        caption="Within 10 mm of the box around reference and prediction; 15 bins. "
        "ECE: expected calibration error over "
        "all voxels together. Cases without reference and prediction are left out.",
    )
    table.add_column("label", overflow="fold")
    for heading in ("n", "left out", "ECE", "mean ECE of a case", "mean Brier score"):
        table.add_column(heading, justify="right")
    for label, found in calibration.items():
        values = (found.expected_calibration_error, found.case_calibration_error, found.brier_score)
        shown = (format_number(value, 4) for value in values)
        table.add_row(escape(label), str(found.n), str(found.n_empty), *shown)
    return table


def _threshold_table(calibration: Mapping[str, LabelCalibration]) -> Table:
    table = Table(
        title="Best threshold",
        caption="Mean DSC of each label by itself; two empty masks count as 1. The gain is measured in cases that did "
        "not take part in choosing the threshold, with its 95 % interval.",
    )
    for heading in ("label", "group"):
        table.add_column(heading, overflow="fold")
    for heading in ("n", "threshold", "DSC at 0.5", "DSC there", "held-out gain"):
        table.add_column(heading, justify="right")
    rows = [_threshold_row(label, best) for label, found in calibration.items() for best in found.thresholds]
    add_rows(table, rows, len(rows), WRITES_ALL)
    return table


def _threshold_row(label: str, best: BestThreshold) -> tuple[str, ...]:
    gain = best.found
    shown = f"{gain.gain:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" if gain.n > 1 else "-"
    dsc = (format_number(value, 3) for value in (gain.before, gain.after))
    return escape(label), escape(best.group), str(gain.n), f"{best.threshold:.2f}", *dsc, shown
