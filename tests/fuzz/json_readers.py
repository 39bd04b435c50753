"""Readers of JSON files: settings, plans, data sets, folds, scores, manifests, records of jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

from submitit.core.utils import JobPaths

import tiny_checkpoint
from fuzz.reader import Reader
from nnunet_cscn.cascade.manifest import Manifest
from nnunet_cscn.cascade.maps import MapProvenance
from nnunet_cscn.evaluation.labels import read_labels
from nnunet_cscn.evaluation.methods import MethodScores
from nnunet_cscn.execution.estimates import estimate, read_pace
from nnunet_cscn.execution.jobs import Job
from nnunet_cscn.execution.slurm import SlurmExecutor
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.nnunet.folders import read_dataset_json
from nnunet_cscn.nnunet.plans import configuration_from_plans, data_identifier, read_plans_file
from nnunet_cscn.phantom.manifest import read_manifest
from nnunet_cscn.planning.options import merge_options, parse_assignments
from nnunet_cscn.postprocessing.files import read_postprocessing
from nnunet_cscn.prediction.uncertainty import read_scores
from nnunet_cscn.protocol.splits import read_paper_splits, read_patients
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.splits.cross_validation import check_same_folds
from nnunet_cscn.splits.out_of_fold import check_held_out_once
from nnunet_cscn.splits.reading import read_folds
from nnunet_cscn.workflows.compare import compare_folders

CASES = [f"case_{number}" for number in range(6)]
FOLDS = [
    {"train": [case for case in CASES if case not in val], "val": val}
    for val in (CASES[:2], CASES[2:3], CASES[3:4], CASES[4:5], CASES[5:])
]
BLOCK = {
    "loss": {"gamma": 2, "distance_weighting": True},
    "coarse": {"resolution": "pooled"},
    "epochs": 50,
    "fusion": "mean",
    "tile_size": [16, 64, 64],
    "seed": 3,
    "checkpoint_minutes": 10.0,
}
PROVENANCE = MapProvenance(2, "ab" * 32, "cd" * 32, (2, 6, 8, 10))


def write(name: str, content: Any) -> Any:
    """Return a function that writes a JSON file into a folder."""
    return lambda folder: (folder / name).write_text(json.dumps(content), encoding="utf-8")


def plans() -> dict[str, Any]:
    """Return plans whose configurations name their data and inherit."""
    content: dict[str, Any] = json.loads(json.dumps(tiny_checkpoint.manager().plans))
    for name, plan in content["configurations"].items():
        plan["data_identifier"] = f"nnUNetPlans_{name}"
    content["configurations"]["short"] = {"inherits_from": "3d_tiny", "cscn": BLOCK}
    return content


def _manifest(folder: Path) -> Any:
    manifest = Manifest.read(folder / "manifest.json")
    hashes = manifest.checkpoint_hashes
    folds = {case: provenance.fold for case, provenance in manifest.cases.items()}
    return manifest, hashes, folds, list(dict(manifest.labels).items()), Path(manifest.checkpoint)


def _splits(folder: Path) -> Any:
    file = folder / "splits_final.json"
    check_same_folds(file, FOLDS)
    folds = read_folds(file)
    check_held_out_once(file, folds)
    return folds


def _dataset(folder: Path) -> Any:
    content = read_dataset_json(folder)
    labels = read_labels(folder / "dataset.json")
    return content, labels, reader_for(folder / "dataset.json").endings


def _plans(folder: Path) -> Any:
    plans = read_plans_file(folder / "plans.json")
    found = {}
    for name in plans["configurations"]:
        plan = configuration_from_plans(plans, name)
        found[name] = (data_identifier(plan), Settings.from_configuration(plan))
    return found


def _block(folder: Path) -> Any:
    content = (folder / "block.json").read_text(encoding="utf-8", errors="replace")
    changes = parse_assignments([f"loss={content}"]) if content[:1] != "{" else parse_assignments([f"cscn={content}"])
    block = merge_options({"epochs": 3}, changes)
    return Settings.from_block(block.get("cscn", block))


def _scores(folder: Path) -> Any:
    return MethodScores.from_file("a", folder / "scores.json", empty_distance="diagonal").values


def _pace(folder: Path) -> Any:
    return estimate(read_pace(folder / "pace.json"), epochs_done=[0, 3], n_tiles=4).to_json()


def _paper(folder: Path) -> Any:
    file = folder / "paper.json"
    return [sorted(split.train) + sorted(split.test) for split in read_paper_splits(file)], read_patients(file)


class _SlurmJob:
    """Stands in for submitit's job, which asks Slurm for its state."""

    state = "RUNNING"

    def __init__(self, folder: Any, job_id: str) -> None:
        self.job_id = job_id
        self.paths = JobPaths(folder, job_id)

    def done(self, *, force_check: bool) -> bool:
        return not force_check


def _handle(folder: Path) -> Any:
    executor = SlurmExecutor(folder / "submitit", {"timeout_min": 5}, cluster="debug")
    executor._job_class = _SlurmJob
    job = Job("a", ("true",), folder / "a.log")
    with mock.patch.object(executor, "_submit_together", return_value=[]):
        return [found.running() for _, found in executor.submit([job])]


SCORES = {
    "distance_where_one_mask_is_empty": "diagonal",
    "cases": {case: {"GTVp": {"dsc": 0.1 * n, "hd95_mm": None, "assd_mm": 2.0}} for n, case in enumerate(CASES)},
    "skipped": {"case_9": "no reference"},
    "notes": ["a note"],
}
PAPER = {
    "patients": {case: f"patient_{case}" for case in CASES},
    "splits": [{"train": CASES[:3], "validation": CASES[3:4], "test": CASES[4:]}],
}


def _compared(folder: Path) -> Any:
    scores = folder / "scores.json"
    (folder / "other.json").write_bytes(scores.read_bytes())
    found = compare_folders({"a": scores, "b": folder / "other.json"}, metrics=["dsc"], workers=1)
    return found.to_json()


READERS = (
    Reader(
        "manifest of the cascade",
        write(
            "manifest.json",
            {
                **{"trainer": "BUNetTrainer", "plans": "nnUNetPlans", "configuration": "3d_tiny"},
                **{"checkpoint": "checkpoint_final.pth", "labels": {"background": 0, "GTVp": 1}},
                "cases": {case: PROVENANCE.to_json() for case in CASES},
            },
        ),
        _manifest,
    ),
    Reader("splits_final.json", write("splits_final.json", FOLDS), _splits),
    Reader("dataset.json", write("dataset.json", tiny_checkpoint.description(tiny_checkpoint.REGIONS)), _dataset),
    Reader("plans", write("plans.json", plans()), _plans),
    Reader("block of options", write("block.json", BLOCK), _block),
    Reader(
        "postprocessing",
        write(
            "post.json",
            {
                "postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                "postprocessing_kwargs": [{"labels_or_regions": 1}],
                "cscn": {
                    "labels": [
                        {
                            "name": "GTVp",
                            "values": [1],
                            "steps": {"threshold": 0.4, "fill_holes": True, "min_ml": 0.5, "keep_largest": False},
                        }
                    ]
                },
            },
        ),
        lambda folder: read_postprocessing(folder / "post.json"),
    ),
    Reader(
        "scores",
        write("scores.json", SCORES),
        _scores,
    ),
    Reader("compared scores", write("scores.json", SCORES), _compared),
    Reader(
        "disagreement",
        write("uncertainty.json", {"model": "a", "disagreement": dict.fromkeys(CASES, 0.5)}),
        read_scores,
    ),
    Reader(
        "pace",
        write(
            "pace.json",
            {
                **{"train_step_s": 0.5, "validation_step_s": 0.2, "forward_s": 0.25, "n_steps": 5, "n_epochs": 10},
                **{"steps_per_epoch": 100, "validation_steps_per_epoch": 10, "n_mirrored": 8, "n_validation": 3},
            },
        ),
        _pace,
    ),
    Reader("splits of the paper", write("paper.json", PAPER), _paper),
    Reader(
        "manifest of the phantom",
        write("phantom.json", {"generator_version": 1, "settings": {"slices": [20, 24]}, "heads": {}}),
        read_manifest,
    ),
    Reader("Slurm handle", write("a.submitted", {"job_id": "17", "folder": "/nowhere/jobs"}), _handle),
)
