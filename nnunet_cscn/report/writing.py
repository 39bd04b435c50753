"""Write a report: the HTML file and a folder of figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import write_text
from nnunet_cscn.report.case_views import case_views, choose_cases, image_files
from nnunet_cscn.report.figures import write_figures
from nnunet_cscn.report.page import render_page
from nnunet_cscn.report.provenance import Provenance


def write_report(
    output: Path,
    scores: FolderScores,
    made: Provenance,
    *,
    title: str,
    images: Path | None = None,
    channel: int = 0,
    n_each: int = 2,
    extra_cases: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write an HTML report about a folder of predictions. Its charts are also written as PNG and SVG.

    Args:
        output: The HTML file. An interrupted call leaves no incomplete file.
        scores: The scores from ``score_folders``.
        made: Command, time and package versions.
        title: Title of the report.
        images: Folder of the images with nnU-Net's names. None for contours on black.
        channel: The channel of the images to show.
        n_each: Number of worst, median and best cases to show.
        extra_cases: Names of further cases to show.
        on_progress: Called with the number of drawn cases and the number of all cases.

    Returns:
        The folder of the figures.

    Raises:
        UserError: When one of ``extra_cases`` has no scores, or images are missing or have a different grid.
    """
    choices = choose_cases(scores, n_each, extra_cases=extra_cases)
    shown = [scores.files[name] for name in dict.fromkeys(choice.case for choice in choices)]
    pictures = image_files(images, shown, channel=channel, reader=scores.reader) if images is not None else {}
    drawn = case_views(choices, scores, pictures, on_progress=on_progress)
    figures = output.with_name(output.stem + "_figures")
    write_figures(scores, figures)
    page = render_page(scores, drawn, made, title=title, figures=figures.name)
    write_text(output, page)
    return figures
