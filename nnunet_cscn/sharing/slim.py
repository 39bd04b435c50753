"""Select the content of an exported model: everything that prediction needs, and no case names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_cscn.nnunet.checkpoints import RECORD

# The keys that nnU-Net reads, and the usual keys for the data set as a whole.
_OF_THE_DATASET = (
    *("channel_names", "modality", "labels", "regions_class_order", "file_ending", "numTraining"),
    *("overwrite_image_reader_writer", "name", "description", "reference", "licence", "license", "release"),
)
_RECORDS_WITHOUT_NAMES = ("stage_one",)


def slim_checkpoint(checkpoint: Mapping[str, Any], *, case_names: bool) -> dict[str, Any]:
    """Return a checkpoint without the entries that are only needed to continue the training.

    Args:
        checkpoint: nnU-Net's checkpoint.
        case_names: Whether to keep the case names of the fold.
    """
    arguments = checkpoint["init_args"]
    kept = {
        "plans": arguments["plans"],
        "configuration": arguments["configuration"],
        "fold": arguments.get("fold"),
        "dataset_json": slim_dataset_json(arguments["dataset_json"], case_names=case_names),
    }
    record = arguments.get(RECORD, {})
    noted = {key: value for key, value in record.items() if case_names or key in _RECORDS_WITHOUT_NAMES}
    return {
        "network_weights": checkpoint["network_weights"],
        "trainer_name": checkpoint["trainer_name"],
        "init_args": {**kept, **({RECORD: noted} if noted else {})},
        "inference_allowed_mirroring_axes": checkpoint.get("inference_allowed_mirroring_axes"),
        "current_epoch": checkpoint.get("current_epoch"),
    }


def slim_dataset_json(content: Mapping[str, Any], *, case_names: bool) -> dict[str, Any]:
    """Return the description of a data set without lists of cases."""
    return {key: value for key, value in content.items() if case_names or key in _OF_THE_DATASET}


def slim_summary(content: Mapping[str, Any], *, case_names: bool) -> dict[str, Any]:
    """Return nnU-Net's ``summary.json`` without cases, or with file names instead of paths."""
    kept = {key: content[key] for key in ("foreground_mean", "mean") if key in content}
    cases = content.get("metric_per_case")
    if case_names and isinstance(cases, list):
        kept["metric_per_case"] = [_without_folders(case) for case in cases if isinstance(case, Mapping)]
    return kept


def _without_folders(case: Mapping[str, Any]) -> dict[str, Any]:
    return {key: Path(value).name if isinstance(value, str) else value for key, value in case.items()}
