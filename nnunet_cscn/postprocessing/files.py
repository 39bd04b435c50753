"""The JSON file of a postprocessing, in nnU-Net's format where possible.

nnU-Net's ``postprocessing.json`` names functions and their arguments. It has one function, which keeps the largest
component of some labels. The entry ``cscn`` contains the steps that nnU-Net does not know. nnU-Net ignores this entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.options import read_options
from nnunet_cscn.postprocessing.steps import LabelPostprocessing, LabelSteps
from nnunet_cscn.postprocessing.tuning import TunedLabel

LARGEST = "remove_all_but_largest_component_from_segmentation"


@dataclass(frozen=True)
class Postprocessing:
    """The postprocessing of label maps.

    Attributes:
        labels: The steps of each label.
        is_sequential: Whether each label starts from what the one before it left, as in nnU-Net's own files; otherwise
            all start from the prediction.
    """

    labels: tuple[LabelPostprocessing, ...]
    is_sequential: bool = False

    @property
    def needs_probabilities(self) -> bool:
        """Whether a label has a threshold."""
        return any(each.steps.threshold is not None for each in self.labels)


def is_nnunets(tuned: Sequence[TunedLabel]) -> bool:
    """Return whether nnU-Net's own postprocessing can do all of it."""
    wanted = [each.postprocessing.steps for each in tuned]
    return all(steps.change_nothing or steps.only_keep_largest for steps in wanted)


def write_postprocessing(file: Path, tuned: Sequence[TunedLabel], evidence: Mapping[str, Any]) -> None:
    """Write the steps of each label, with the gains that were measured.

    Args:
        file: The file.
        tuned: The result of each label.
        evidence: Numbers of cases and folds.
    """
    wanted = [each.postprocessing for each in tuned]
    said = [each for each in wanted if each.steps.only_keep_largest] if is_nnunets(tuned) else []
    content = {
        "input_folder": _dice({each.value: each.found.before for each in tuned}),
        "postprocessed": _dice(
            {each.value: each.found.after if each.is_adopted else each.found.before for each in tuned}
        ),
        "postprocessing_fns": [LARGEST for _ in said],
        "postprocessing_kwargs": [{"labels_or_regions": each.values[0]} for each in said],
        "cscn": {
            "nnunet_can_say_all": is_nnunets(tuned),
            "labels": [
                {"name": each.name, "values": list(each.values), "steps": each.steps.to_json()} for each in wanted
            ],
            "tuned": [each.to_json() for each in tuned],
            **evidence,
        },
    }
    write_json(file, content)


def read_postprocessing(file: Path) -> Postprocessing:
    """Read what ``write_postprocessing`` or nnU-Net wrote.

    Raises:
        UserError: If the file is something else, or names functions that are not known.
    """
    content = read_json_file(file)
    try:
        if "cscn" in content:
            entries = content["cscn"]["labels"]
            return Postprocessing(tuple(_label(entry) for entry in entries))
        functions, arguments = content["postprocessing_fns"], content["postprocessing_kwargs"]
        if unknown := [name for name in functions if name != LARGEST]:
            raise UserError(f"it names the function {unknown[0]}, which is not known here")
        return Postprocessing(tuple(_nnunets_label(each["labels_or_regions"]) for each in arguments), True)
    except UserError as fault:
        raise UserError(f"{file}: {fault}") from None
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(
            f"{file} contains no postprocessing: give a file from `cscn postprocess tune`, or nnU-Net's "
            "postprocessing.json"
        ) from None


def _label(entry: Mapping[str, Any]) -> LabelPostprocessing:
    steps = read_options(LabelSteps, "steps", entry["steps"])
    if steps.threshold is not None and not 0 <= steps.threshold <= 1:
        raise UserError(f"steps.threshold: expected a number from 0 to 1, got {steps.threshold:g}")
    if steps.min_ml < 0:
        raise UserError(f"steps.min_ml: expected a number of 0 or more, got {steps.min_ml:g}")
    return LabelPostprocessing(str(entry["name"]), tuple(_label_value(value) for value in entry["values"]), steps)


def _nnunets_label(values: Any) -> LabelPostprocessing:
    """Read ``labels_or_regions``: a label, a region (values together), or a list of both (all together)."""
    flat: list[int] = []
    for value in values if isinstance(values, list) else [values]:
        flat += [_label_value(each) for each in (value if isinstance(value, list) else [value])]
    return LabelPostprocessing(str(values), tuple(dict.fromkeys(flat)), LabelSteps(keep_largest=True))


def _label_value(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise UserError(f"expected the value of a label, got {value!r:.100}")
    return value


def _dice(by_label: Mapping[int, float]) -> dict[str, Any]:
    mean = {str(value): {"Dice": dice} for value, dice in by_label.items()}
    return {"foreground_mean": {"Dice": sum(by_label.values()) / len(by_label)}, "mean": mean}
