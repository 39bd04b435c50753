"""Write the card of a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.files import replacing, write_text
from nnunet_cscn.model_card.curves import curves_png
from nnunet_cscn.model_card.document import Picture, as_html, as_markdown
from nnunet_cscn.model_card.facts import ModelFacts, read_model
from nnunet_cscn.model_card.scores import Score, dice_scores, measured_scores
from nnunet_cscn.model_card.sections import sections_of
from nnunet_cscn.report.provenance import Provenance

PACKAGES = ("nnunet-cscn", "nnunetv2", "torch")


@dataclass(frozen=True)
class ModelCard:
    """A card that was written.

    Attributes:
        markdown: The Markdown file.
        html: The HTML file, which holds its picture.
        picture: The training curves beside the Markdown; None where there are none.
        facts: What it says about the model.
        scores: The validation scores.
    """

    markdown: Path
    html: Path
    picture: Path | None
    facts: ModelFacts
    scores: tuple[Score, ...]


def write_model_card(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    references: str | Path | None = None,
    workers: int | None = None,
) -> ModelCard:
    """Write the card of a trained model, as Markdown and HTML: data in numbers, plan, options, curves, scores, limits.

    No names of cases, paths or names of machines are taken over.

    Args:
        folder: The model's folder, ``TRAINER__PLANS__CONFIGURATION``.
        out: The files' name without ending; None for ``model_card`` in the model's folder.
        references: Folder of the reference label maps, for further metrics than nnU-Net's Dice.
        workers: Cases at the same time where references are given; None for one on each available processor.

    Raises:
        ArgumentError: If the folder is no trained model.
        UserError: If a file in it is damaged, or cases cannot be evaluated.
    """
    place = Path(folder)
    facts = read_model(place)
    target = place / "model_card" if out is None else Path(out)
    if target.is_dir() or target.suffix in {".md", ".html"}:
        raise ArgumentError("out", f"expected a name without ending, such as model_card, got {target}")
    if references is None:
        scores = dice_scores(facts)
    else:
        scores = measured_scores(place, facts, Path(references), workers=workers)
    picture = None
    if any(fold.n_epochs for fold in facts.folds):
        name = f"{target.name}_curves.png"
        picture = Picture(name, "Training curves of all folds", curves_png(facts))
    made = Provenance.from_process(["cscn"])
    versions = {
        "date": made.made_on,
        "Python": made.versions["Python"],
        **{name: metadata.version(name) for name in PACKAGES},
    }
    sections = sections_of(facts, scores, picture, versions)
    title = f"{facts.trainer} on {facts.dataset}, {facts.configuration}"
    markdown, page = target.with_name(f"{target.name}.md"), target.with_name(f"{target.name}.html")
    if picture is not None:
        with replacing(target.with_name(picture.name)) as temporary:
            temporary.write_bytes(picture.png)
    write_text(markdown, as_markdown(title, sections))
    write_text(page, as_html(title, sections))
    return ModelCard(markdown, page, None if picture is None else target.with_name(picture.name), facts, tuple(scores))
