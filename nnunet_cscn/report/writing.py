"""Write a report: the page, and the figures beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.files import replacing
from nnunet_cscn.report.exhibits import choose_cases, exhibits, image_files
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
    wanted: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a page about a folder of predictions, and its charts as PNG and SVG into a folder beside it.

    Args:
        output: The page, ``*.html``; written whole or not at all.
        scores: What ``score_folders`` gave.
        made: By which command, when and with which versions.
        title: Heading of the page.
        images: Folder of the images, named as nnU-Net does; None for contours on black.
        channel: Which channel of the images to show.
        n_each: How many of the worst, median and best cases to show.
        wanted: Cases to show as well.
        on_progress: Called with the number of drawn cases and of all.

    Returns:
        The folder of the figures.

    Raises:
        UserError: When a wanted case has no scores, or images are missing or lie on another grid.
    """
    choices = choose_cases(scores, n_each, wanted=wanted)
    shown = [scores.files[name] for name in dict.fromkeys(choice.case for choice in choices)]
    pictures = image_files(images, shown, channel=channel, reader=scores.reader) if images is not None else {}
    drawn = exhibits(choices, scores, pictures, on_progress=on_progress)
    figures = output.with_name(output.stem + "_figures")
    write_figures(scores, figures)
    page = render_page(scores, drawn, made, title=title, figures=figures.name)
    with replacing(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return figures
