"""The metric values of several methods for each case, from folders of predictions or from score files."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import read_json_file
from nnunet_cscn.metrics.empty_masks import EmptyDistance


@dataclass(frozen=True)
class MethodScores:
    """The metric values of one method.

    Attributes:
        name: Name of the method.
        values: The value for each case, label and metric. Undefined values are nan.
        skipped: For each case without values, the reason.
        notes: Notes on the values.
    """

    name: str
    values: Mapping[str, Mapping[str, Mapping[str, float]]]
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def from_folder(cls, name: str, scores: FolderScores) -> MethodScores:
        """Use the scores of a folder. If exactly one mask is empty, precision and recall count as 0."""
        return cls(
            name,
            {
                case: {
                    label: {metric.key: metric.value_for_mean(score) for metric in scores.metrics}
                    for label, score in by_label.items()
                }
                for case, by_label in scores.cases.items()
            },
            scores.skipped,
            tuple(scores.notes),
        )

    @classmethod
    def from_file(cls, name: str, file: Path, *, empty_distance: EmptyDistance) -> MethodScores:
        """Read the JSON file that ``cscn evaluate`` wrote.

        Raises:
            UserError: When the file was not written by ``cscn evaluate``.
            ArgumentError: When the file was written with a different ``empty_distance``.
        """
        content = read_json_file(file)
        try:
            stands = content.get("distance_where_one_mask_is_empty", "infinite")
            values = {
                case: {label: {key: _number(value) for key, value in found.items()} for label, found in labels.items()}
                for case, labels in content["cases"].items()
            }
            skipped = {case: str(reason) for case, reason in content.get("skipped", {}).items()}
            notes = tuple(str(note) for note in content.get("notes", []))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UserError(f"{file} contains no scores: give a JSON file from `cscn evaluate`") from None
        if stands != empty_distance and any(
            math.isinf(value) for labels in values.values() for found in labels.values() for value in found.values()
        ):
            raise ArgumentError(
                "empty_distance",
                f"{file} was made with {stands} distances for cases with one empty mask, not {empty_distance}: choose "
                f"{stands}, or evaluate again",
            )
        return cls(name, values, skipped, notes)

    def without(self, cases: Collection[str]) -> MethodScores:
        """Return the scores without the given cases."""
        return replace(self, values={case: found for case, found in self.values.items() if case not in cases})


def method_names(paths: Sequence[Path]) -> list[str]:
    """Derive names of methods from their paths: the parts of the paths, and of nnU-Net folder names, that differ.

    Raises:
        UserError: When two paths are the same.

    Example:
        >>> method_names([Path("runs/cscn/validation"), Path("runs/stock/validation")])
        ['cscn', 'stock']
        >>> method_names([Path("CSCNTrainer__nnUNetPlans__3d"), Path("nnUNetTrainer__nnUNetPlans__3d")])
        ['CSCNTrainer', 'nnUNetTrainer']
    """
    parts = [path.absolute().with_suffix("" if path.suffix == ".json" else path.suffix).parts for path in paths]
    if len(set(parts)) != len(parts):
        raise UserError("the same predictions are given twice; give each method only once")
    while len({part[-1:] for part in parts}) == 1 and len(parts) > 1:
        parts = [part[:-1] for part in parts]
    length = 1
    while len({part[-length:] for part in parts}) < len(parts):
        length += 1
    names = ["/".join(part[-length:]) for part in parts]
    pieces = [name.split("__") for name in names]  # trainer, plans, configuration
    if len({len(each) for each in pieces}) == 1:
        differing = [column for column in zip(*pieces, strict=True) if len(set(column)) > 1]
        names = ["__".join(each) for each in zip(*differing, strict=True)] if differing else names
    return names


def common_cases(methods: Sequence[MethodScores], *, only_common: bool) -> list[str]:
    """Return the cases that all methods have.

    Args:
        methods: The methods.
        only_common: Exclude cases that are missing for any method, instead of raising an error.

    Raises:
        UserError: When the methods have different cases (the message lists the missing ones), or when no case is left.
    """
    everywhere = set[str]().union(*(method.values for method in methods))
    lacking = {method.name: sorted(everywhere - set(method.values)) for method in methods}
    if any(lacking.values()) and not only_common:
        lines = [f"  {name} lacks {', '.join(cases)}" for name, cases in lacking.items() if cases]
        raise UserError(
            "the methods do not have the same cases; add the missing cases, or compare only the common cases:\n"
            + "\n".join(lines)
        )
    common = sorted(everywhere - {case for cases in lacking.values() for case in cases})
    if not common:
        raise UserError("the methods have no common cases; check the file names")
    return common


def paired_values(
    methods: Sequence[MethodScores], cases: Sequence[str], label: str, metric: str
) -> tuple[list[str], dict[str, list[float]]]:
    """Return the values of one metric for the cases in which all methods have a finite value.

    Args:
        methods: The methods.
        cases: The cases.
        label: The label.
        metric: The metric's key.

    Returns:
        The cases with finite values for all methods, and the values of each method in these cases.
    """

    def value(method: MethodScores, case: str) -> float:
        return method.values[case].get(label, {}).get(metric, math.nan)

    kept = [case for case in cases if all(math.isfinite(value(method, case)) for method in methods)]
    return kept, {method.name: [value(method, case) for case in kept] for method in methods}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
