"""Convert a data set that has a folder of images and a folder of labels with the same file names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.conversion.case_files import (
    check_image,
    copy_file,
    holds_labels,
    is_copy,
    read_labels,
    write_labels,
)
from nnunet_cscn.conversion.raw_dataset import (
    FILE_ENDING,
    DatasetDescription,
    check_no_other_cases,
    check_number_is_free,
    dataset_json,
    folder_name,
    image_path,
    label_path,
)
from nnunet_cscn.conversion.splits import SPLITS_FILE, check_splits, fixed_folds, write_splits
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.nifti.grids import grid_differences

# The second of each is what the Medical Segmentation Decathlon's archives hold.
_IMAGE_FOLDERS = ("images", "imagesTr")
_LABEL_FOLDERS = ("labels", "labelsTr")


@dataclass(frozen=True)
class PairedCase:
    """One case of the source: its name, its image and its labels."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    Attributes:
        folder: The raw data set.
        written: Cases of which at least one file was written.
        unchanged: Cases that were already there.
    """

    folder: Path
    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def convert(
    source: Path,
    description: DatasetDescription,
    *,
    raw_folder: Path,
    preprocessed_folder: Path | None = None,
    dataset_id: int | None = None,
    overwrite: bool = False,
    on_start: Callable[[int], None] = lambda count: None,
    on_case: Callable[[], None] = lambda: None,
) -> Conversion:
    """Write the cases of ``source`` as a raw data set of nnU-Net, with its fixed five folds.

    Images and 8-bit labels are copied byte by byte; labels of other types become 8-bit. ``dataset.json`` is written
    last and only when every case is good, so that an incomplete data set is never taken for a finished one. The folds
    stand beside it, from where nnU-Net's planner takes them.

    Args:
        source: The folder with ``images`` and ``labels`` (or ``imagesTr`` and ``labelsTr``).
        description: What the data set is.
        raw_folder: nnU-Net's raw folder, in which the data set gets its own.
        preprocessed_folder: nnU-Net's preprocessed folder, which must not hold other folds of this data set; None
            where there is none yet.
        dataset_id: Another number than the description's.
        overwrite: Replace files of the raw data set that differ from the source.
        on_start: Called once with the number of cases.
        on_case: Called after each case.

    Raises:
        UserError: When the source has another layout, cases are bad (all are listed) or other data are in the way.
    """
    folder = raw_folder / folder_name(description, dataset_id)
    check_number_is_free(folder)
    cases, bad = find_cases(source)
    names = [case.name for case in cases]
    if not bad:
        check_no_other_cases(folder, names)
        for parent in filter(None, (raw_folder, preprocessed_folder)):
            check_splits(parent / folder.name / SPLITS_FILE, fixed_folds(names))

    written: list[str] = []
    on_start(len(cases))
    for case in cases:
        try:
            if _convert_case(case, description, folder=folder, overwrite=overwrite):
                written.append(case.name)
        except UserError as reason:
            bad.append(f"{case.name}: {reason}")
        on_case()
    _refuse(source, bad)
    write_splits(folder / SPLITS_FILE, fixed_folds(names))
    write_json(folder / "dataset.json", dataset_json(description, case_count=len(cases)))
    return Conversion(folder, tuple(written), tuple(name for name in names if name not in written))


def find_cases(source: Path) -> tuple[list[PairedCase], list[str]]:
    """List the cases of ``source``, sorted by name.

    Returns:
        The cases that have an image and labels, and a sentence for each that lacks one of them.

    Raises:
        UserError: When a folder is missing or holds no image.
    """
    images = _files_of(_subfolder(source, _IMAGE_FOLDERS))
    labels = _files_of(_subfolder(source, _LABEL_FOLDERS))
    if not images:
        raise UserError(f"{_subfolder(source, _IMAGE_FOLDERS)} holds no {FILE_ENDING} file")
    incomplete = [f"{name}: has an image and no labels" for name in sorted(images.keys() - labels.keys())]
    incomplete += [f"{name}: has labels and no image" for name in sorted(labels.keys() - images.keys())]
    paired = sorted(images.keys() & labels.keys())
    return [PairedCase(name, image=images[name], labels=labels[name]) for name in paired], incomplete


def _convert_case(case: PairedCase, description: DatasetDescription, *, folder: Path, overwrite: bool) -> bool:
    grid = check_image(case.image)
    labels = read_labels(case.labels, tuple(value for _, value in description.labels))
    if differences := grid_differences(labels.grid, grid, "the image"):
        raise UserError("; ".join(f"the labels have {difference}" for difference in differences))
    image_target, label_target = image_path(folder, case.name), label_path(folder, case.name)
    image_is_there = is_copy(case.image, image_target)
    labels_are_there = holds_labels(label_target, labels)
    for target, is_right in ((image_target, image_is_there), (label_target, labels_are_there)):
        if target.exists() and not is_right and not overwrite:
            raise UserError(f"{target} differs from the source: remove it or pass --overwrite")
    if not image_is_there:
        copy_file(case.image, image_target)
    if not labels_are_there:
        write_labels(labels, label_target)
    return not (image_is_there and labels_are_there)


def _refuse(source: Path, bad: Sequence[str]) -> None:
    if bad:
        listed = "\n".join(f"  {sentence}" for sentence in sorted(bad))
        raise UserError(
            f"{source}: {len(bad)} cases can't be converted:\n{listed}\n"
            "Mend or remove them and run the command again; what is right already is kept."
        )


def _subfolder(source: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (source / name).is_dir():
            return source / name
    raise UserError(f"{source}: expected a folder with {' or '.join(names)} in it, found {_content_of(source)}")


def _content_of(source: Path) -> str:
    if not source.is_dir():
        return "no folder"
    names = sorted(entry.name for entry in source.iterdir() if not entry.name.startswith("."))
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "nothing"


def _files_of(folder: Path) -> dict[str, Path]:
    return {file.name.removesuffix(FILE_ENDING): file for file in folder.glob(f"[!.]*{FILE_ENDING}")}
