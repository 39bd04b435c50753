"""Write an HTML report about a folder of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.formats.endings import ALL_ENDINGS
from nnunet_cscn.metrics.empty_masks import EmptyDistance
from nnunet_cscn.metrics.scores import DEFAULT_TOLERANCES_MM
from nnunet_cscn.report.provenance import Provenance
from nnunet_cscn.report.writing import write_report as write_page
from nnunet_cscn.workflows.evaluate import evaluate_folders
from nnunet_cscn.workflows.labels import Labels
from nnunet_cscn.workflows.progress import OnStepProgress, for_step

MANY_LABELS = 4


@dataclass(frozen=True)
class Report:
    """A written report.

    Attributes:
        file: The HTML file.
        figures: The folder of the charts as PNG and SVG.
        scores: The scores in the report.
    """

    file: Path
    figures: Path
    scores: FolderScores

    def __repr__(self) -> str:
        return f"Report({self.file}, {self.scores.summary})"


def write_report(
    file: str | Path,
    predictions: str | Path,
    references: str | Path,
    *,
    images: str | Path | None = None,
    channel: int = 0,
    show: int | None = None,
    cases: Sequence[str] = (),
    title: str | None = None,
    dataset_json: str | Path | None = None,
    labels: Labels | EvaluatedLabels | None = None,
    tolerances_mm: Sequence[float] = DEFAULT_TOLERANCES_MM,
    empty_distance: EmptyDistance = "infinite",
    skip_bad: bool = False,
    workers: int | None = None,
    command: Sequence[str] = ("nnunet_cscn.workflows.report.write_report",),
    on_progress: OnStepProgress | None = None,
) -> Report:
    """Evaluate a folder of predictions and write an HTML report that works offline.

    The report shows a summary; the worst, median and best cases with contours in three views and a rotatable 3D
    surface; the distribution of every metric; volumes; and a table of all cases. The charts are also written as PNG and
    SVG, into a folder next to the report. The report contains image slices and case names. Protect it like the images.

    Args:
        file: The HTML file to write.
        predictions: Folder of predicted label maps, such as ``<case>.nii.gz``.
        references: Folder of the reference label maps, with the same names.
        images: Folder of the images with nnU-Net's names. None for contours on black.
        channel: The channel of the images to show, counted from 0.
        show: Number of worst, median and best cases of each label to show. None for 2, or 1 if there are many labels.
        cases: Names of further cases to show.
        title: Title of the report. None for a title with the name of the folder.
        dataset_json: nnU-Net's dataset.json with label names, regions and the ignore label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        tolerances_mm: Tolerances of the surface Dice (NSD), in mm.
        empty_distance: The surface distance to report if exactly one mask is empty: infinity, or the diagonal of the
            volume in mm.
        skip_bad: Exclude cases that cannot be evaluated, instead of raising an error. The report lists them.
        workers: Number of cases at the same time. None for one per available processor.
        command: The words of the command that the report shows as its origin.
        on_progress: Called with a step, ``evaluating`` or ``drawing``, and the number of its finished cases and of all
            cases.

    Returns:
        The HTML file, the folder of its figures, and the scores.

    Raises:
        UserError: As for ``evaluate_folders``.
        ArgumentError: When the value of an argument is not valid, a case to show does not exist, or images are missing
            or have a different grid. Then nothing is written.

    Example:
        ::

            write_report("report.html", "predictions", "labelsTs", images="imagesTs", dataset_json="dataset.json")
    """
    page, chosen_images = Path(file), None if images is None else Path(images)
    _check(page, Path(references), chosen_images, cases, channel=channel, show=show)
    scores = evaluate_folders(
        predictions,
        references,
        dataset_json=dataset_json,
        labels=labels,
        tolerances_mm=tolerances_mm,
        empty_distance=empty_distance,
        skip_bad=skip_bad,
        workers=workers,
        on_progress=for_step(on_progress, "evaluating"),
    )
    figures = write_page(
        page,
        scores,
        Provenance.from_process(command),
        title=title if title is not None else f"Segmentation report: {Path(predictions).absolute().name}",
        images=chosen_images,
        channel=channel,
        n_each=show if show is not None else 2 if len(scores.labels) <= MANY_LABELS else 1,
        extra_cases=cases,
        on_progress=for_step(on_progress, "drawing"),
    )
    return Report(page, figures, scores)


def _check(
    file: Path, references: Path, images: Path | None, cases: Sequence[str], *, channel: int, show: int | None
) -> None:
    """Check the arguments before the evaluation starts."""
    if file.is_dir() or file.suffix.lower() not in {".html", ".htm"}:
        raise ArgumentError("file", f"expected a file whose name ends with .html, got {file}")
    if images is not None and not images.is_dir():
        raise ArgumentError("images", f"folder not found: {images}")
    if absent := [name for name in cases if not any((references / f"{name}{end}").is_file() for end in ALL_ENDINGS)]:
        raise ArgumentError("cases", f"case not found: {absent[0]} is not in {references}")
    for name, number in (("channel", channel), ("show", show)):
        if number is not None and number < 0:
            raise ArgumentError(name, f"expected a number of 0 or more, got {number}")
