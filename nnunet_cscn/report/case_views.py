"""Choose and draw the cases of a report: the worst, median and best ones."""

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
from nnunet_cscn.report.surfaces import nearest_corner, signed_distances_mm, simplified_surface, surface_of
from nnunet_cscn.texts import listing


@dataclass(frozen=True)
class ChosenCase:
    """A case to show, with the reason.

    Attributes:
        case: Name of the case.
        label: The label.
        role: The reason, such as ``worst``.
        dsc: DSC of the case.
    """

    case: str
    label: str
    role: str
    dsc: float


@dataclass(frozen=True)
class CaseView:
    """The views of one case.

    Attributes:
        choice: The case, with the reason why it was chosen.
        views: Axial, coronal and sagittal view.
        surface: 3D plot of the surfaces, a Plotly figure as JSON.
    """

    choice: ChosenCase
    views: tuple[PagedView, ...]
    surface: str


def choose_cases(scores: FolderScores, n_each: int, *, extra_cases: Sequence[str] = ()) -> list[ChosenCase]:
    """Choose, for each label, the cases with the lowest, median and highest DSC.

    Args:
        scores: The scores from ``score_folders``.
        n_each: Number of worst, median and best cases each. Fewer if there are not enough cases.
        extra_cases: Names of further cases to show.

    Returns:
        The chosen cases of each label, from the lowest to the highest DSC. A case occurs once for each label.

    Raises:
        ArgumentError: When one of ``extra_cases`` has no scores.
    """
    for case in extra_cases:
        if case not in scores.cases:
            raise ArgumentError("cases", f"case not found: {case}; available: {', '.join(list(scores.cases)[:10])}")
    choices = []
    for label in scores.labels:
        dsc = {case: by_label[label].counts.dsc for case, by_label in scores.cases.items()}
        ranked = sorted((case for case in dsc if not math.isnan(dsc[case])), key=lambda case: (dsc[case], case))
        roles = _roles(ranked, n_each)
        undefined = [case for case in extra_cases if math.isnan(dsc[case])]
        roles |= {case: "asked for" for case in extra_cases if case not in roles}
        choices += [ChosenCase(case, label, roles[case], dsc[case]) for case in [*ranked, *undefined] if case in roles]
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
    """Find the image file of each case and check that it has the grid of the reference.

    Args:
        images: Folder of images with nnU-Net's names: ``<case>_0000.nii.gz`` for channel 0, or ``<case>.nii.gz`` if
            there is only one channel.
        cases: The cases.
        channel: The channel to show.
        reader: Reads the references.

    Raises:
        ArgumentError: When images are missing or have a different grid. The message lists all such cases.
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
            listing("some cases cannot be shown; correct the images, or make the report without images:", problems),
        )
    return found


def case_views(
    choices: Sequence[ChosenCase],
    scores: FolderScores,
    images: dict[str, Path],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[CaseView]:
    """Draw the chosen cases, two at the same time.

    Args:
        choices: The cases to show.
        scores: The scores of these cases.
        images: The image file of each case. Empty for contours without image.
        on_progress: Called with the number of drawn cases and the number of all cases.
    """
    drawn = []
    with ThreadPoolExecutor(2) as executor:
        for case_view in executor.map(lambda choice: _make_view(choice, scores, images), choices):
            drawn.append(case_view)
            if on_progress is not None:
                on_progress(len(drawn), len(choices))
    return drawn


def _make_view(choice: ChosenCase, scores: FolderScores, images: dict[str, Path]) -> CaseView:
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
    return CaseView(choice, tuple(views), _surfaces(prediction, reference, spacing_mm).to_json())


def _surfaces(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> Any:
    """Return a plot of simplified surfaces, with the distances of the surfaces at full resolution."""
    predicted, true = surface_of(prediction, spacing_mm), surface_of(reference, spacing_mm)
    shown = simplified_surface(predicted, prediction, spacing_mm) if predicted is not None else None
    distances = None
    if predicted is not None and shown is not None and true is not None:
        exact = signed_distances_mm(predicted.points_mm, true, reference, spacing_mm)
        distances = exact[nearest_corner(shown.points_mm, predicted)]
    return surface_chart(
        shown, distances, simplified_surface(true, reference, spacing_mm) if true is not None else None
    )


def _read(file: Path, grid: Grid, reader: VolumeReader) -> OrientedVolume:
    try:
        return read_oriented(file, grid=grid, reader=reader)
    except UserError as fault:
        raise UserError(f"{file}: {fault}") from None
