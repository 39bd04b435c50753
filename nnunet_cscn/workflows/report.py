"""Everything about a folder of predictions on one page."""

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
from nnunet_cscn.workflows.progress import OnStepProgress, of_step

MANY_LABELS = 4


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        file: The page.
        figures: The folder of its charts as PNG and SVG.
        scores: The scores that it shows.
    """

    file: Path
    figures: Path
    scores: FolderScores


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
    """Evaluate a folder of predictions, and write a page about it that opens offline.

    A summary in words and numbers; the worst, median and best cases with contours in three views and a surface that
    can be turned; the spread of every metric; volumes; a table of all cases. The charts are also written as PNG and
    SVG, into a folder beside the page. The page holds slices of the images and the names of the cases: share it as
    you would share those.

    Args:
        file: The page, ``*.html``.
        predictions: Folder of predicted label maps, such as ``<case>.nii.gz``.
        references: Folder of the reference label maps, with the same names.
        images: Folder of the images, named as nnU-Net does; without them, contours are on black.
        channel: Which channel of the images to show, from 0 on.
        show: How many of the worst, median and best cases of each label to show; None for 2, of many labels 1.
        cases: Names of cases to show as well.
        title: Heading of the page; None makes one of the folder's name.
        dataset_json: nnU-Net's dataset.json with the labels' names, regions and the ignore label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        tolerances_mm: Tolerances of the surface Dice in mm.
        empty_distance: What stands for the distances where one mask is empty: infinity, or the volume's diagonal in mm.
        skip_bad: Leave out cases that can't be evaluated, and name them on the page, instead of refusing all.
        workers: Cases at the same time; None for one on each available processor.
        command: What the page names as the command that made it, word by word.
        on_progress: Called with a step, ``evaluating`` or ``drawing``, and the number of its finished cases and of
            all.

    Returns:
        The page, the folder of its figures, and the scores.

    Raises:
        UserError: As ``evaluate_folders`` does.
        ArgumentError: When an argument has a value that it can't have, a case to show does not exist, or images are
            missing or lie on another grid. Nothing is written then.

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
        on_progress=of_step(on_progress, "evaluating"),
    )
    figures = write_page(
        page,
        scores,
        Provenance.of_process(command),
        title=title if title is not None else f"Segmentation report: {Path(predictions).absolute().name}",
        images=chosen_images,
        channel=channel,
        n_each=show if show is not None else 2 if len(scores.labels) <= MANY_LABELS else 1,
        wanted=cases,
        on_progress=of_step(on_progress, "drawing"),
    )
    return Report(page, figures, scores)


def _check(
    file: Path, references: Path, images: Path | None, cases: Sequence[str], *, channel: int, show: int | None
) -> None:
    """Refuse what is wrong before the long work begins."""
    if file.is_dir() or file.suffix.lower() not in {".html", ".htm"}:
        raise ArgumentError("file", f"expected a file whose name ends with .html, got {file}")
    if images is not None and not images.is_dir():
        raise ArgumentError("images", f"folder not found: {images}")
    if absent := [name for name in cases if not any((references / f"{name}{end}").is_file() for end in ALL_ENDINGS)]:
        raise ArgumentError("cases", f"case not found: {absent[0]} is not in {references}")
    for name, number in (("channel", channel), ("show", show)):
        if number is not None and number < 0:
            raise ArgumentError(name, f"expected a number of 0 or more, got {number}")
