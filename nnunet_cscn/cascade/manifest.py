"""What the stored maps of a stage one are: written when all are there, checked before stage two learns from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.cascade.maps import FORMAT, Origin, StageOneMaps, voxel_hash
from nnunet_cscn.cascade.stage_one import StageOne, same_labels
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.nnunet.datasets import infer_dataset_class
from nnunet_cscn.nnunet.plans import data_identifier, preprocessed_data

MANIFEST = "manifest.json"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Manifest:
    """Where every map comes from.

    Attributes:
        trainer: Trainer of stage one.
        plans: Its plans.
        configuration: Its configuration.
        checkpoint: Which of its checkpoints.
        labels: The data set's labels when the maps were made.
        cases: The origin of each case's map.
    """

    trainer: str
    plans: str
    configuration: str
    checkpoint: str
    labels: Mapping[str, Any]
    cases: Mapping[str, Origin]

    @classmethod
    def of(cls, stage_one: StageOne, cases: Mapping[str, Origin]) -> Manifest:
        """Describe the maps that a stage one makes."""
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
        """The hash of each fold's checkpoint."""
        return {origin.fold: origin.checkpoint_sha256 for origin in self.cases.values()}

    def write(self, maps: StageOneMaps) -> None:
        """Write the manifest beside the maps."""
        cases = {case: origin.to_json() for case, origin in sorted(self.cases.items())}
        write_json(maps.folder / MANIFEST, {**vars(self), "cases": cases})

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """Read a manifest.

        Raises:
            UserError: When it is missing or none of ours.
        """
        content = read_json_file(file)
        try:
            cases = {case: Origin.from_json(origin) for case, origin in content["cases"].items()}
            return cls(**{**content, "cases": cases})
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{file} is not a manifest of stage-one maps: delete it and run `cscn cascade`") from None


def maps_of(stage_one: StageOne) -> StageOneMaps:
    """Return where the maps of a stage one are kept."""
    name = f"{stage_one.trainer}__{stage_one.plans}__{stage_one.configuration}__{Path(stage_one.checkpoint).stem}"
    return StageOneMaps(stage_one.preprocessed / "cscn" / data_identifier(stage_one.target_plan) / f"stage_one_{name}")


def cases_of(stage_one: StageOne, configuration: str | None = None) -> Any:
    """Open nnU-Net's data set of all cases that a fold validates.

    Args:
        stage_one: The stage one.
        configuration: As preprocessed for this configuration; None for stage one's own.

    Raises:
        UserError: When they are not preprocessed.
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
    """See that every case has the map that the stage one of now would make.

    Args:
        stage_one: The stage one.
        has_stage_one: Whether its trained folds have to be here; False where a training goes on that has taken its
            network along.
        n_threads: Cases checked at a time.
        on_progress: Called with the number of checked cases and of all.

    Returns:
        The manifest.

    Raises:
        UserError: With the faults and the command that mends them.
    """
    maps = maps_of(stage_one)
    remedy = f"run `{stage_one.cascade_command()}`"
    if not (maps.folder / MANIFEST).is_file():
        raise UserError(f"{maps.folder} contains no stage-one maps of {stage_one.trainer}: {remedy}")
    manifest = Manifest.read(maps.folder / MANIFEST)
    if has_stage_one:
        stage_one.check_folds()
        now = {fold: stage_one.checkpoint_hash(fold) for fold in range(len(stage_one.splits))}
        if any(origin.checkpoint_sha256 != now.get(origin.fold) for origin in manifest.cases.values()):
            raise UserError(f"the stage-one maps in {maps.folder} were made with different checkpoints: {remedy}")
    if not same_labels(dict(manifest.labels), stage_one.dataset_json["labels"]):
        raise UserError(f"the stage-one maps in {maps.folder} have different labels from {stage_one.dataset}: {remedy}")
    if {case: origin.fold for case, origin in manifest.cases.items()} != stage_one.fold_of:
        raise UserError(
            f"splits_final.json changed after the stage-one maps in {maps.folder} were made: train stage one on the "
            f"new folds, then {remedy}"
        )
    faults = _faults(maps, manifest, Images(stage_one), n_threads, on_progress)
    if faults:
        listed = "\n".join(f"  {case}: {fault}" for case, fault in sorted(faults.items()))
        raise UserError(f"{len(faults)} of {len(manifest.cases)} stage-one maps are not valid:\n{listed}\n{remedy}")
    return manifest


class Images:
    """The preprocessed images that maps are made from and for.

    Args:
        stage_one: The stage one.

    Raises:
        UserError: When they are not preprocessed.
    """

    def __init__(self, stage_one: StageOne) -> None:
        self._sources = cases_of(stage_one)
        self._targets = self._sources if stage_one.onto is None else cases_of(stage_one, stage_one.onto)

    def source(self, case: str) -> Any:
        """Open the image that stage one sees, (C, Z, Y, X)."""
        return self._sources.load_case(case)[0]

    def target_shape(self, case: str) -> tuple[int, ...]:
        """Return the voxels per axis of the map."""
        return tuple(self._targets.load_case(case)[0].shape[1:])

    def hash_of(self, case: str) -> str:
        """Return a hash of the image that stage one sees, and of the one that the map lies on where that is another."""
        source = voxel_hash(self.source(case))
        if self._targets is self._sources:
            return source
        target = voxel_hash(self._targets.load_case(case)[0])
        return hashlib.sha256(f"{source} {target}".encode()).hexdigest()


def _faults(
    maps: StageOneMaps, manifest: Manifest, images: Images, n_threads: int, on_progress: OnProgress | None
) -> dict[str, str]:
    def fault(case: str) -> tuple[str, str | None]:
        origin = manifest.cases[case]
        if origin.format != FORMAT:
            return case, "its map was made by an older version"
        if images.hash_of(case) != origin.image_sha256:
            return case, "its image was preprocessed again"
        return case, maps.fault(case, origin)

    found: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, n_threads)) as pool:
        jobs = [pool.submit(fault, case) for case in manifest.cases]
        for done, job in enumerate(as_completed(jobs), start=1):
            case, reason = job.result()
            if reason is not None:
                found[case] = reason
            if on_progress is not None:
                on_progress(done, len(jobs))
    return found
