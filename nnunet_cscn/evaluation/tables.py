"""Write the scores of a folder for other programs: CSV, and the summary.json of nnU-Net."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnunet_cscn.csv_files import writing_csv
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import write_json
from nnunet_cscn.metrics.catalogue import scores_to_json
from nnunet_cscn.metrics.scores import LabelScores


def write_csv(target: Path, scores: FolderScores) -> None:
    """Write one row for each case and label. Undefined values are empty; infinite values are ``inf``.

    Args:
        target: The file. An interrupted call leaves no incomplete file.
        scores: The scores from ``score_folders``.
    """
    with writing_csv(target) as write:
        write(scores.columns)
        for case, by_label in scores.cases.items():
            for label, score in by_label.items():
                write([case, label, *scores_to_json(score, scores.metrics).values()])


def write_summary(target: Path, scores: FolderScores) -> None:
    """Write Dice, IoU and voxel counts in the format of ``nnUNetv2_evaluate_folder``.

    The key of a label is its value; the key of a region is the tuple of its values. As in nnU-Net, means exclude cases
    with two empty masks, and undefined values are ``NaN``.

    Args:
        target: The file, usually ``summary.json``. An interrupted call leaves no incomplete file.
        scores: The scores from ``score_folders``.
    """
    keys = {name: _key(values) for name, values in scores.label_values.items()}
    per_case: list[dict[str, Any]] = []
    for case, by_label in scores.cases.items():
        files = scores.files[case]
        per_case.append(
            {
                "metrics": {keys[label]: _nnunets_metrics(score) for label, score in by_label.items()},
                "prediction_file": str(files.prediction),
                "reference_file": str(files.reference),
            }
        )
    names = list(_nnunets_metrics(LabelScores()))
    mean = {
        key: {name: _mean([case["metrics"][key][name] for case in per_case]) for name in names} for key in keys.values()
    }
    foreground = {name: sum(values[name] for values in mean.values()) / len(mean) for name in names}
    content = {"foreground_mean": foreground, "mean": mean, "metric_per_case": per_case}
    write_json(target, content, allow_nan=True)


def _key(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else str(tuple(values))


def _nnunets_metrics(score: LabelScores) -> dict[str, Any]:
    counts = score.counts
    positive, false_positive, missed = counts.true_positive, counts.false_positive, counts.false_negative
    return {
        "Dice": counts.dsc,
        "FN": missed,
        "FP": false_positive,
        "IoU": counts.iou,
        "TN": score.n_voxels - positive - false_positive - missed,
        "TP": positive,
        "n_pred": positive + false_positive,
        "n_ref": positive + missed,
    }


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan
