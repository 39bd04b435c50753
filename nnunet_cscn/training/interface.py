"""The names of the input channels and the outputs of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cscn.nnunet.trainer import PlansManager


@dataclass(frozen=True)
class Interface:
    """The names of the inputs and outputs of a network, in order.

    Attributes:
        channels: Image channels, and in nnU-Net's own cascade also the labels of the previous stage.
        labels: Classes including background, or regions.
        are_regions: Whether the labels are regions.
    """

    channels: tuple[str, ...]
    labels: tuple[str, ...]
    are_regions: bool

    @classmethod
    def of(cls, plans: PlansManager, configuration: str, dataset_json: Mapping[str, Any]) -> Interface:
        """Read the names from the ``dataset.json`` of a data set.

        Args:
            plans: The plans.
            configuration: The configuration.
            dataset_json: The content of ``dataset.json``.
        """
        manager = plans.get_label_manager(dataset_json)
        entries = {name: value for name, value in dataset_json["labels"].items() if name != "ignore"}
        if manager.has_regions:
            labels = tuple(name for name, value in entries.items() if not _is_background(value))
        else:
            by_value = {int(value[0] if isinstance(value, (list, tuple)) else value): n for n, value in entries.items()}
            labels = tuple(by_value[int(value)] for value in manager.all_labels)
        names = dataset_json.get("channel_names", dataset_json.get("modality"))  # the second is nnU-Net's older word
        channels = [str(names[number]) for number in sorted(names, key=int)]
        if plans.get_configuration(configuration).previous_stage_name is not None:
            previous = manager.foreground_labels if manager.has_regions else labels[1:]
            channels += [f"segmentation of {label}" for label in previous]
        return cls(tuple(channels), labels, manager.has_regions)


def matched(new: Sequence[str], old: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of positions of equal names. If a name occurs twice, the second occurrences form a pair.

    Example:
        >>> matched(["T2", "T1", "CT"], ["T1", "T2"])
        [(0, 1), (1, 0)]
        >>> matched(["MRI", "MRI"], ["MRI"])
        [(0, 0)]
    """
    left = list(enumerate(old))
    pairs = []
    for place, name in enumerate(new):
        found = next((entry for entry in left if entry[1] == name), None)
        if found is not None:
            left.remove(found)
            pairs.append((place, found[0]))
    return pairs


def _is_background(value: Any) -> bool:
    values = value if isinstance(value, (list, tuple)) else [value]
    return {int(each) for each in values} == {0}
