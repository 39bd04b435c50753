"""The manifest of the stored stage-one maps: written when all maps exist, checked before stage two is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.cascade.maps import FORMAT, MapProvenance, StageOneMaps
from nnunet_cscn.cascade.stage_one import StageOne, same_labels
from nnunet_cscn.data.stored_volumes import voxel_hash
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nnunet.datasets import infer_dataset_class
from nnunet_cscn.nnunet.plans import data_identifier, preprocessed_data

MANIFEST = "manifest.json"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Manifest:
    """The record of how the stage-one maps were made.

    Attributes:
        trainer: Trainer of stage one.
        plans: Plans of stage one.
        configuration: Configuration of stage one.
        checkpoint: File name of the stage-one checkpoints.
        labels: Labels of the data set when the maps were made.
        cases: Provenance of the map of each case.
    """

    trainer: str
    plans: str
    configuration: str
    checkpoint: str
    labels: Mapping[str, Any]
    cases: Mapping[str, MapProvenance]

    @classmethod
    def of(cls, stage_one: StageOne, cases: Mapping[str, MapProvenance]) -> Manifest:
        """Return the manifest of the maps of a stage one."""
        return cls(
            stage_one.trainer,
            stage_one.plans,
            stage_one.configuration,
            stage_one.checkpoint,
            stage_one.dataset_json["labels"],
            cases,
        )

    @property
    def checkpoint_hashes(self) -> dict[int, str]:
        """The hash of the checkpoint of each fold."""
        return {provenance.fold: provenance.checkpoint_sha256 for provenance in self.cases.values()}

    def write(self, maps: StageOneMaps) -> None:
        """Write the manifest to the folder of the maps."""
        cases = {case: provenance.to_json() for case, provenance in sorted(self.cases.items())}
        write_json(maps.folder / MANIFEST, {**vars(self), "cases": cases})

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """Read a manifest.

        Raises:
            UserError: If it is missing or not a manifest.
        """
        content = read_json_file(file)
        try:
            cases = {case: MapProvenance.from_json(provenance) for case, provenance in content["cases"].items()}
            manifest = cls(**{**content, "cases": cases})
            names = (manifest.trainer, manifest.plans, manifest.configuration, manifest.checkpoint)
            if not all(isinstance(name, str) for name in names) or not isinstance(manifest.labels, dict):
                raise TypeError("names are text, labels are a dictionary")
            return manifest
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(f"{file} is not a manifest of stage-one maps: delete it and run `cscn cascade`") from None


def stage_one_maps(stage_one: StageOne) -> StageOneMaps:
    """Return the maps of a stage one."""
    name = f"{stage_one.trainer}__{stage_one.plans}__{stage_one.configuration}__{Path(stage_one.checkpoint).stem}"
    return StageOneMaps(stage_one.preprocessed / "cscn" / data_identifier(stage_one.target_plan) / f"stage_one_{name}")


def open_cases(stage_one: StageOne, configuration: str | None = None) -> Any:
    """Open all preprocessed cases that are in the validation set of a fold.

    Args:
        stage_one: The stage one.
        configuration: Configuration of the preprocessed data; None for that of stage one.

    Raises:
        UserError: If some cases are not preprocessed.
    """
    folder = preprocessed_data(stage_one.dataset, stage_one.plans, configuration or stage_one.configuration)
    kind = infer_dataset_class(str(folder))
    if unknown := sorted(set(stage_one.fold_of) - set(kind.get_identifiers(str(folder)))):
        raise UserError(
            f"{folder} does not contain these cases of splits_final.json: {', '.join(unknown[:5])}; preprocess again"
        )
    return kind(str(folder), identifiers=sorted(stage_one.fold_of))


def check_maps(
    stage_one: StageOne, *, has_stage_one: bool = True, n_threads: int = 1, on_progress: OnProgress | None = None
) -> Manifest:
    """Check that every case has a map of the present stage one.

    Args:
        stage_one: The stage one.
        has_stage_one: Whether the trained stage-one folds are needed. A resumed training of stage two does not need
            them, because it contains the stage-one network.
        n_threads: Number of cases checked in parallel.
        on_progress: Called with the number of checked cases and the total number.

    Returns:
        The manifest.

    Raises:
        UserError: If something is wrong, with the command that corrects it.
    """
    maps = stage_one_maps(stage_one)
    remedy = f"run `{stage_one.cascade_command()}`"
    if not (maps.folder / MANIFEST).is_file():
        raise UserError(f"{maps.folder} contains no stage-one maps of {stage_one.trainer}: {remedy}")
    manifest = Manifest.read(maps.folder / MANIFEST)
    if has_stage_one:
        stage_one.check_folds()
        now = {fold: stage_one.checkpoint_hash(fold) for fold in range(len(stage_one.splits))}
        if any(provenance.checkpoint_sha256 != now.get(provenance.fold) for provenance in manifest.cases.values()):
            raise UserError(f"the stage-one maps in {maps.folder} were made with different checkpoints: {remedy}")
    if not same_labels(dict(manifest.labels), stage_one.dataset_json["labels"]):
        raise UserError(f"the stage-one maps in {maps.folder} have different labels from {stage_one.dataset}: {remedy}")
    if {case: provenance.fold for case, provenance in manifest.cases.items()} != stage_one.fold_of:
        raise UserError(
            f"splits_final.json changed after the stage-one maps in {maps.folder} were made: train stage one on the "
            f"new folds, then {remedy}"
        )
    problems = _problems(maps, manifest, PreprocessedImages(stage_one), n_threads, on_progress)
    if problems:
        listed = "\n".join(f"  {case}: {problem}" for case, problem in sorted(problems.items()))
        raise UserError(f"{len(problems)} of {len(manifest.cases)} stage-one maps are not valid:\n{listed}\n{remedy}")
    return manifest


class PreprocessedImages:
    """The preprocessed images of stage one and, if different, of the grid of the maps.

    Args:
        stage_one: The stage one.

    Raises:
        UserError: If some cases are not preprocessed.
    """

    def __init__(self, stage_one: StageOne) -> None:
        self._sources = open_cases(stage_one)
        self._targets = self._sources if stage_one.onto is None else open_cases(stage_one, stage_one.onto)

    def source(self, case: str) -> Any:
        """Open the input image of stage one, (C, Z, Y, X)."""
        return self._sources.load_case(case)[0]

    def target_shape(self, case: str) -> tuple[int, ...]:
        """Return the voxels per axis of the map."""
        return tuple(self._targets.load_case(case)[0].shape[1:])

    def image_hash(self, case: str) -> str:
        """Return a hash of the input image of stage one, combined with that of the target image if it is different."""
        source = voxel_hash(self.source(case))
        if self._targets is self._sources:
            return source
        target = voxel_hash(self._targets.load_case(case)[0])
        return hashlib.sha256(f"{source} {target}".encode()).hexdigest()


def _problems(
    maps: StageOneMaps, manifest: Manifest, images: PreprocessedImages, n_threads: int, on_progress: OnProgress | None
) -> dict[str, str]:
    def problem(case: str) -> tuple[str, str | None]:
        provenance = manifest.cases[case]
        if provenance.format != FORMAT:
            return case, "its map was made by an older version"
        if images.image_hash(case) != provenance.image_sha256:
            return case, "its image was preprocessed again"
        return case, maps.problem(case, provenance)

    found: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, n_threads)) as pool:
        jobs = [pool.submit(problem, case) for case in manifest.cases]
        for done, job in enumerate(as_completed(jobs), start=1):
            case, reason = job.result()
            if reason is not None:
                found[case] = reason
            if on_progress is not None:
                on_progress(done, len(jobs))
    return found
