"""The labels to evaluate, with names and values as in the dataset.json of nnU-Net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.formats.volume import LARGEST_LABEL
from nnunet_cscn.nnunet.old_format import old_format_advice

BACKGROUND = "background"
IGNORE = "ignore"


@dataclass(frozen=True)
class EvaluatedLabels:
    """The names and values of the labels to evaluate.

    Attributes:
        values: For each name, the voxel values: one for a label, several for a region.
        ignore: The value of the ignore label in the reference, or None.
        known: All values that a file may contain.
    """

    values: Mapping[str, tuple[int, ...]]
    ignore: int | None
    known: frozenset[int]

    @classmethod
    def from_dataset(cls, labels: Mapping[str, int | Sequence[int]]) -> EvaluatedLabels:
        """Read the ``labels`` of a dataset.json. ``background`` and ``ignore`` are not evaluated.

        Args:
            labels: For each name, the value of the label or the values of the region.

        Raises:
            UserError: When the labels do not follow the rules of nnU-Net, or there is no label to evaluate.

        Example:
            >>> labels = EvaluatedLabels.from_dataset({"background": 0, "whole": [1, 2], "core": 2, "ignore": 3})
            >>> labels.values, labels.ignore, sorted(labels.known)
            ({'whole': (1, 2), 'core': (2,)}, 3, [0, 1, 2, 3])
        """
        if labels.get(BACKGROUND) != 0:
            raise UserError(f"labels: expected 'background' with the value 0, got {labels.get(BACKGROUND)!r}")
        parsed = {name: _values(name, value) for name, value in labels.items()}
        ignored = parsed.pop(IGNORE, None)
        if ignored is not None and len(ignored) != 1:
            raise UserError(f"labels: expected one value for 'ignore', got {list(ignored)}")
        known = frozenset(value for values in parsed.values() for value in values)
        del parsed[BACKGROUND]
        for name, values in parsed.items():
            if 0 in values:
                raise UserError(f"labels: '{name}' contains 0, which is the background; use only values above 0")
        if not parsed:
            raise UserError("labels: the only label is the background; expected at least one other label")
        ignore = ignored[0] if ignored else None
        if ignore is not None and ignore in known:
            raise UserError(
                f"labels: 'ignore' has the value {ignore}, which another label also has; use a different value"
            )
        return cls(parsed, ignore, known | frozenset(ignored or ()))

    @classmethod
    def from_values(cls, values: Iterable[int]) -> EvaluatedLabels:
        """Evaluate each value except 0. The name of a label is its value.

        Example:
            >>> EvaluatedLabels.from_values([2, 0, 1]).values
            {'1': (1,), '2': (2,)}
        """
        present = frozenset(int(value) for value in values)
        return cls({str(value): (value,) for value in sorted(present - {0})}, None, present | {0})


def read_labels(dataset_json: Path) -> EvaluatedLabels:
    """Read the labels of an nnU-Net dataset.json.

    Raises:
        UserError: When the file cannot be read or its labels do not follow the rules of nnU-Net.
    """
    content = read_json_file(dataset_json)
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        raise UserError(f"{dataset_json}: the entry 'labels' is missing; expected an nnU-Net dataset.json")
    if advice := old_format_advice(labels):
        raise UserError(f"{dataset_json} {advice}")
    try:
        return EvaluatedLabels.from_dataset(labels)
    except UserError as fault:
        raise UserError(f"{dataset_json}: {fault}") from None


def _values(name: str, value: Any) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not values or not all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= LARGEST_LABEL for v in values
    ):
        raise UserError(
            f"labels: expected an integer from 0 to {LARGEST_LABEL}, or a list of such integers, for '{name}'; got "
            f"{value!r}"
        )
    return values
