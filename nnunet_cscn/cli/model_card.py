"""``cscn model card``: describe a trained model on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.model_options import Trust
from nnunet_cscn.cli.score_options import JsonFile, Workers


def card(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="Folder of a trained model, such as CSCNTrainer__nnUNetPlans__3d_fullres."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="NAME", show_default="MODEL/model_card", help="Name of the files, no ending."
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FOLDER", help="Reference label maps (labelsTr): adds distances to the scores."
        ),
    ] = None,
    json_file: JsonFile = None,
    workers: Workers = None,
    trust: Trust = False,
) -> None:
    """Write a model card as Markdown and HTML.

    It contains the data in numbers, plan, options, training curves, validation
    scores with 95 % intervals, commands, versions and limits. It contains no
    names of cases, no paths and no names of machines. Read it before you share
    it: the names of the data set, its labels, licence and reference are taken
    over.

    Example: cscn model card $nnUNet_results/Dataset901_NPC/CSCNTrainer__nnUNetPlans__3d_fullres
    """
    from dataclasses import asdict

    from nnunet_cscn.files import write_json
    from nnunet_cscn.metrics.scores import json_number

    with console.status("reading the model"):
        from nnunet_cscn.workflows.model_card import write_model_card

        written = write_model_card(folder, out, references=references, workers=workers)
    if json_file is not None:
        scores = [
            {key: json_number(value) if isinstance(value, float) else value for key, value in asdict(score).items()}
            for score in written.scores
        ]
        facts = written.facts
        write_json(
            json_file,
            {
                "markdown": str(written.markdown),
                "html": str(written.html),
                "model": f"{facts.trainer}__{facts.plans}__{facts.configuration}",
                "folds": [fold.fold for fold in facts.folds],
                "n_parameters": facts.n_parameters,
                "scores": scores,
            },
        )
    for file in (written.markdown, written.html):
        console.print(f"written to {file}", markup=False, highlight=False, soft_wrap=True)
