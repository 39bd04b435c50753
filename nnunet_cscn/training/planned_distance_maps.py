"""The distance maps that a plan, a data set and a loss need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_cscn.data.distance_maps import DistanceMaps
from nnunet_cscn.nnunet.trainer import ConfigurationManager
from nnunet_cscn.settings.loss import LossSettings


def planned_distance_maps(
    preprocessed: Path, plan: ConfigurationManager, transpose_forward: tuple[int, ...], labels: Any, loss: LossSettings
) -> DistanceMaps:
    """Return the distance maps of a configuration.

    Trainings with different settings may run at the same time, so each kind of map has a folder of its own.

    Args:
        preprocessed: Preprocessed folder of the data set.
        plan: The configuration.
        transpose_forward: Order of the axes after preprocessing.
        labels: nnU-Net's label manager.
        loss: Options of the loss.
    """
    kind = "regions" if labels.has_regions else "labels"
    kind += f"_{loss.edge}"
    kind += "" if loss.distance_cap_mm is None else f"_cap{loss.distance_cap_mm:g}mm"
    kind += "_normalised" if loss.normalised else ""
    return DistanceMaps(
        folder=preprocessed / "cscn" / plan.data_identifier / f"distance_{kind}",
        target_spacing_mm=tuple(float(step) for step in plan.spacing),
        transpose_forward=transpose_forward,
        regions=tuple(labels.foreground_regions) if labels.has_regions else None,
        ignore_label=labels.ignore_label,
        edge=loss.edge,
        cap_mm=loss.distance_cap_mm,
        normalised=loss.normalised,
    )
