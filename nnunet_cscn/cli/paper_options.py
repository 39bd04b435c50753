"""Options that the commands of the paper's experiment share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nnunet_cscn.paper.runs import PaperRun

Dataset = Annotated[str, typer.Argument(help="Data set, by number or name.")]
Configuration = Annotated[
    str, typer.Option("-c", "--configuration", help="Configuration that `cscn paper prepare` made.")
]
Budget = Annotated[
    float,
    typer.Option(
        help="Share of the paper's 50,000 iterations, such as 0.05; the learning rate falls as often. A configuration "
        "of its own name."
    ),
]
Methods = Annotated[
    str | None, typer.Option(metavar="LIST", show_default="all six", help="Methods, such as CSCN,V-Net.")
]
Observers = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER,FOLDER", help="A row for two observers: two folders of label maps with the same names."
    ),
]


def prepared_runs(dataset: str, configuration: str, budget: float, methods: str | None) -> list[PaperRun]:
    """Return the runs that the options name; UserError where they name none."""
    from nnunet_cscn.nnunet.folders import preprocessed_dataset
    from nnunet_cscn.paper.configuration import budget_name
    from nnunet_cscn.paper.methods import chosen_methods
    from nnunet_cscn.paper.runs import paper_runs

    name = preprocessed_dataset(dataset).name
    return paper_runs(name, budget_name(configuration, budget), chosen_methods(methods))
