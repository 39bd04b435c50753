"""The cases that a report shows: the worst, those around the median, the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.cases import CaseFiles
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.volumes import label_mask
from nnunet_cscn.formats.endings import ALL_ENDINGS
from nnunet_cscn.formats.reading import SHOWN_IMAGES
from nnunet_cscn.formats.volume import VolumeReader, differences
from nnunet_cscn.metrics.masks import Mask
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.report.charts import surface_chart
from nnunet_cscn.report.oriented import OrientedVolume, read_oriented
from nnunet_cscn.report.slices import PagedView, paged_views
from nnunet_cscn.report.surfaces import lighter, nearest, signed_distances_mm, surface_of


@dataclass(frozen=True)
class Choice:
    """A case that is to be shown, and why.

    Attributes:
        case: Its name.
        label: The label.
        role: Why it was chosen, in a word.
        dsc: Its DSC.
    """

    case: str
    label: str
    role: str
    dsc: float


@dataclass(frozen=True)
class Exhibit:
    """A case ready to be shown.

    Attributes:
        choice: Which and why.
        views: Axial, coronal and sagittal.
        surface: A Plotly figure as JSON.
    """

    choice: Choice
    views: tuple[PagedView, ...]
    surface: str


def choose_cases(scores: FolderScores, n_each: int, *, wanted: Sequence[str] = ()) -> list[Choice]:
    """Choose the cases with the lowest DSC, with those around the median and with the highest, for each label.

    Args:
        scores: What ``score_folders`` gave.
        n_each: How many of each kind; fewer where there are not as many cases.
        wanted: Cases to show as well.

    Returns:
        The choices, each case once for each label, from the lowest DSC to the highest.

    Raises:
        ArgumentError: When a wanted case has no scores.
    """
    for case in wanted:
        if case not in scores.cases:
            raise ArgumentError("cases", f"case not found: {case}; available: {', '.join(list(scores.cases)[:10])}")
    choices = []
    for label in scores.labels:
        dsc = {case: by_label[label].counts.dsc for case, by_label in scores.cases.items()}
        ranked = sorted((case for case in dsc if not math.isnan(dsc[case])), key=lambda case: (dsc[case], case))
        roles = _roles(ranked, n_each)
        undefined = [case for case in wanted if math.isnan(dsc[case])]
        roles |= {case: "asked for" for case in wanted if case not in roles}
        choices += [Choice(case, label, roles[case], dsc[case]) for case in [*ranked, *undefined] if case in roles]
    return choices


def _roles(ranked: Sequence[str], n_each: int) -> dict[str, str]:
    if len(ranked) == 1 and n_each:
        return {ranked[0]: "only case"}
    n_ends = min(n_each, len(ranked) // 2)
    worst, best = ranked[:n_ends], ranked[len(ranked) - n_ends :]
    between = ranked[n_ends : len(ranked) - n_ends]
    start = max((len(between) - n_each) // 2, 0)
    roles = dict.fromkeys(worst, "worst") | dict.fromkeys(between[start : start + n_each], "median")
    return roles | dict.fromkeys(best, "best")


def image_files(
    images: Path, cases: Sequence[CaseFiles], *, channel: int, reader: VolumeReader = SHOWN_IMAGES
) -> dict[str, Path]:
    """Return the image of each case, as nnU-Net names them, on the grid of its reference.

    Args:
        images: Folder of images, ``<case>_0000.nii.gz`` for channel 0; or ``<case>.nii.gz`` where there is only one.
        cases: The cases.
        channel: Which channel to show.
        reader: What reads the references.

    Raises:
        ArgumentError: When images are missing or lie on another grid; all such cases are listed.
    """
    if not images.is_dir():
        raise ArgumentError("images", f"folder not found: {images}")
    found, problems = {}, []
    for case in cases:
        parts = [f"_{channel:04d}", *([""] if channel == 0 else [])]
        names = [f"{case.name}{part}{ending}" for part in parts for ending in ALL_ENDINGS]
        file = next((images / name for name in names if (images / name).is_file()), None)
        if file is None:
            problems.append(f"{case.name}: without an image {names[0]} in {images}")
            continue
        try:
            faults = differences(SHOWN_IMAGES.grid(file), reader.grid(case.reference), "the reference")
        except UserError as fault:
            faults = [str(fault)]
        problems += [f"{case.name}: {file.name}: {each}" for each in faults]
        found[case.name] = file
    if problems:
        raise ArgumentError(
            "images",
            "\n  ".join(
                ["some cases cannot be shown; correct the images, or make the report without images:", *problems]
            ),
        )
    return found


def exhibits(
    choices: Sequence[Choice],
    scores: FolderScores,
    images: dict[str, Path],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Exhibit]:
    """Draw the chosen cases, two at a time.

    Args:
        choices: What to show.
        scores: The scores that the choices come from, with the cases' files.
        images: The image of each case; empty for contours alone.
        on_progress: Called with the number of drawn cases and of all.
    """
    drawn = []
    with ThreadPoolExecutor(2) as executor:
        for exhibit in executor.map(lambda choice: _drawn(choice, scores, images), choices):
            drawn.append(exhibit)
            if on_progress is not None:
                on_progress(len(drawn), len(choices))
    return drawn


def _drawn(choice: Choice, scores: FolderScores, images: dict[str, Path]) -> Exhibit:
    files = scores.files[choice.case]
    grid = scores.reader.grid(files.reference)
    image = _read(images[choice.case], grid, SHOWN_IMAGES) if choice.case in images else None
    values = scores.label_values[choice.label]
    turned = _read(files.reference, grid, scores.reader)
    spacing_mm = turned.spacing_mm
    predicted = _read(files.prediction, grid, scores.reader)
    reference, prediction = (label_mask(volume.voxels, values) for volume in (turned, predicted))
    if scores.ignore is not None:
        prediction &= turned.voxels != scores.ignore
    views = paged_views(reference, prediction, spacing_mm, image=image)
    return Exhibit(choice, tuple(views), _surfaces(prediction, reference, spacing_mm).to_json())


def _surfaces(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> Any:
    """Distances are measured at full resolution; each corner of what is shown has that of its nearest neighbour."""
    predicted, true = surface_of(prediction, spacing_mm), surface_of(reference, spacing_mm)
    shown = lighter(predicted, prediction, spacing_mm) if predicted is not None else None
    distances = None
    if predicted is not None and shown is not None and true is not None:
        exact = signed_distances_mm(predicted.points_mm, true, reference, spacing_mm)
        distances = exact[nearest(shown.points_mm, predicted)]
    return surface_chart(shown, distances, lighter(true, reference, spacing_mm) if true is not None else None)


def _read(file: Path, grid: Grid, reader: VolumeReader) -> OrientedVolume:
    try:
        return read_oriented(file, grid=grid, reader=reader)
    except UserError as fault:
        raise UserError(f"{file}: {fault}") from None
