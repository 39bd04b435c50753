"""Readers of volumes: NIfTI, other formats, pictures, probability maps."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import SimpleITK
import tifffile
from PIL import Image

from fuzz.reader import Reader
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.probabilities import open_probabilities
from nnunet_cscn.evaluation.volumes import score_files
from nnunet_cscn.formats.reading import BY_CONTENT, SHOWN_IMAGES
from nnunet_cscn.nifti.grids import read_grid
from nnunet_cscn.nifti.header import read_header, volume_shape
from nnunet_cscn.nifti.probabilities import set_slope, to_levels
from nnunet_cscn.nifti.voxels import check_whole, count_not_finite
from nnunet_cscn.prediction.finite import finite_images
from nnunet_cscn.prediction.images import check_images, find_images
from nnunet_cscn.workflows import convert_cases
from nnunet_cscn.workflows.convert_nifti import convert_nifti
from nnunet_cscn.workflows.evaluate import evaluate_folders

LABELS = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "GTVn": 2})
SHAPE = (6, 8, 10)


def labels(seed: int = 0) -> np.ndarray:
    """Return a small label map."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[1:4, 2 + seed : 6, 2:7] = 1
    voxels[4, 1:3, 1:4] = 2
    return voxels


def save(file: Path, voxels: np.ndarray) -> None:
    """Write a volume with ITK."""
    image = SimpleITK.GetImageFromArray(voxels)
    if image.GetDimension() == 3:
        image.SetSpacing((0.5, 0.6, 3.0))
    file.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(file), useCompression=True)


def digest(voxels: np.ndarray) -> str:
    """Return a hash of values and shape."""
    return hashlib.sha256(repr(voxels.shape).encode() + np.ascontiguousarray(voxels).tobytes()).hexdigest()


def _nifti(folder: Path, name: str) -> Any:
    file = folder / name
    check_whole(file)
    volume = BY_CONTENT.read(file)
    header = volume_shape(read_header(file))
    return digest(volume.voxels), volume.grid, header, count_not_finite(file)


def _any_format(folder: Path) -> Any:
    found = {}
    for file in sorted(folder.iterdir()):
        if file.suffix != ".json":
            volume = BY_CONTENT.read(file)
            found[file.name] = (digest(volume.voxels), read_grid_of(file), digest(SHOWN_IMAGES.read(file).voxels))
    return found


def read_grid_of(file: Path) -> Any:
    """Return the grid of a file, without its voxels."""
    return BY_CONTENT.grid(file)


def _write_formats(folder: Path) -> None:
    for ending in (".nrrd", ".mha", ".gipl"):
        save(folder / f"volume{ending}", labels())
    tifffile.imwrite(folder / "stack.tif", labels())
    (folder / "stack.json").write_text(json.dumps({"spacing": [3.0, 0.6, 0.5]}), encoding="utf-8")
    Image.fromarray(labels()[2]).save(folder / "slice.png")
    Image.fromarray(labels()[2]).save(folder / "slice.bmp")


def _write_pair(folder: Path) -> None:
    save(folder / "prediction.nii.gz", labels(1))
    save(folder / "reference.nii", labels())


def _scored(folder: Path) -> Any:
    scores = score_files(folder / "prediction.nii.gz", folder / "reference.nii", (3.0, 0.6, 0.5), labels=LABELS)
    return {name: score.counts for name, score in scores.items()}


def _write_images(folder: Path) -> None:
    voxels = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for case in ("a", "b"):
        save(folder / f"{case}_0000.nii.gz", voxels)
    voxels[2, 2, 2] = np.nan
    save(folder / "b_0000.nii.gz", voxels)


def _images(folder: Path) -> Any:
    cases = find_images(folder, file_ending=".nii.gz", n_channels=1)
    found = check_images(cases)
    with finite_images(cases, found, 0.0) as replaced:
        return {case: [digest(BY_CONTENT.read(file).voxels) for file in files] for case, files in replaced.items()}


def _probabilities() -> np.ndarray:
    wanted = labels()[None] == np.arange(3)[:, None, None, None]
    return (0.1 + 0.7 * wanted).astype(np.float32)


def _write_maps(folder: Path) -> None:
    save(folder / "a.nii.gz", labels())
    for number, name in enumerate(("GTVp", "GTVn"), start=1):
        file = folder / "probability_maps" / name / "a.nii.gz"
        save(file, to_levels(_probabilities()[number]))
        set_slope(file)
    content = {"model": "A__B__C", "maps": {"GTVp": "GTVp", "GTVn": "GTVn"}}
    (folder / "probability_maps" / "maps.json").write_text(json.dumps(content), encoding="utf-8")


def _write_arrays(folder: Path) -> None:
    save(folder / "a.nii.gz", labels())
    np.savez_compressed(folder / "a.npz", probabilities=_probabilities())


def _read_probabilities(folder: Path) -> Any:
    found = open_probabilities(folder, LABELS)
    if not found.has("a"):
        raise UserError("a has none")
    grid = read_grid(folder / "a.nii.gz")
    return {name: digest(levels) for name, levels in found.read("a", grid).items()}


def _write_folders(folder: Path) -> None:
    for number in range(2):
        save(folder / "predictions" / f"case_{number}.nii.gz", labels(1))
        save(folder / "references" / f"case_{number}.nii.gz", labels(number))
    names = {"background": 0, "GTVp": 1, "GTVn": 2}
    description = {"channel_names": {"0": "MR"}, "labels": names, "numTraining": 2, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    plans = {"image_reader_writer": "SimpleITKIO", "configurations": {}}
    (folder / "predictions" / "plans.json").write_text(json.dumps(plans), encoding="utf-8")


def _evaluated(folder: Path) -> Any:
    found = evaluate_folders(
        folder / "predictions", folder / "references", dataset_json=folder / "dataset.json", workers=1
    )
    return json.dumps(found.to_json()["cases"])


def _write_source(folder: Path) -> None:
    for case in ("a", "b"):
        save(folder / "source" / f"{case}_mr.nii.gz", np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
        save(folder / "source" / f"{case}_gtv.nii.gz", labels())


def _converted(folder: Path) -> Any:
    with mock.patch.object(convert_cases, "draw_cases"):
        found = convert_nifti(
            folder / "source",
            folder / "raw",
            dataset_id=950,
            images={"MR": "{case}_mr.nii.gz"},
            label_maps="{case}_gtv.nii.gz",
            labels={"GTVp": 1, "GTVn": 2},
            overwrite=True,
            workers=1,
        )
    if found.problems:
        raise UserError("; ".join(found.problems.values()))
    return {case: digest(BY_CONTENT.read(found.folder / "labelsTr" / f"{case}.nii.gz").voxels) for case in ("a", "b")}


READERS = (
    Reader(
        "packed NIfTI",
        lambda folder: save(folder / "a.nii.gz", labels()),
        lambda folder: _nifti(folder, "a.nii.gz"),
        oracle="checksum",
    ),
    Reader("NIfTI", lambda folder: save(folder / "a.nii", labels()), lambda folder: _nifti(folder, "a.nii")),
    Reader("flat NIfTI", lambda folder: save(folder / "a.nii", labels()[2]), lambda folder: _nifti(folder, "a.nii")),
    Reader("other formats", _write_formats, _any_format),
    Reader("pair of label maps", _write_pair, _scored),
    Reader("evaluated folders", _write_folders, _evaluated, share=0.5),
    Reader("NIfTI files to convert", _write_source, _converted, share=0.3),
    Reader("images to predict", _write_images, _images),
    Reader("probability maps", _write_maps, _read_probabilities, fragile="probability_maps"),
    Reader("probability arrays", _write_arrays, _read_probabilities),
)
