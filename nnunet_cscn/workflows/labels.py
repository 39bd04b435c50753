"""Select the labels to evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.labels import BACKGROUND, EvaluatedLabels, read_labels

Labels: TypeAlias = Mapping[str, int | Sequence[int]]


def chosen_labels(dataset_json: str | Path | None, labels: Labels | EvaluatedLabels | None) -> EvaluatedLabels | None:
    """Return the labels to evaluate.

    Args:
        dataset_json: nnU-Net's dataset.json with label names, regions and the ignore label.
        labels: The value of each label (or the values of a region) by name, as in a dataset.json. The background is
            optional.

    Returns:
        The labels. None if neither is given; then every value above 0 in the files is a label.

    Raises:
        ArgumentError: When both are given.
        UserError: When the file cannot be read, or the labels do not follow the rules of nnU-Net.

    Example:
        >>> chosen_labels(None, {"GTVp": 1, "GTVn": 2}).values
        {'GTVp': (1,), 'GTVn': (2,)}
    """
    if dataset_json is not None and labels is not None:
        raise ArgumentError("labels", "expected labels or dataset_json, got both: remove one")
    if dataset_json is not None:
        return read_labels(Path(dataset_json))
    if labels is None or isinstance(labels, EvaluatedLabels):
        return labels
    return EvaluatedLabels.from_dataset({BACKGROUND: 0, **labels})
