"""Options shared by the commands ``cscn paper``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nnunet_cscn.paper.runs import PaperRun

Dataset = Annotated[str, typer.Argument(help="Data set: number or name.")]
Configuration = Annotated[
    str, typer.Option("-c", "--configuration", help="Name of the configuration made by `cscn paper prepare`.")
]
Budget = Annotated[
    float,
    typer.Option(
        help="Fraction of the paper's 50,000 iterations, such as 0.05. The number of learning rate steps stays the "
        "same. Each budget has its own configuration."
    ),
]
Methods = Annotated[
    str | None, typer.Option(metavar="LIST", show_default="all six", help="Methods to use, such as CSCN,V-Net.")
]
Observers = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER,FOLDER",
        help="Add a row for interobserver agreement: two folders of label maps with the same file names.",
    ),
]


def prepared_runs(dataset: str, configuration: str, budget: float, methods: str | None) -> list[PaperRun]:
    """Return the runs that the options select. UserError if there is none."""
    from nnunet_cscn.nnunet.folders import preprocessed_dataset
    from nnunet_cscn.paper.configuration import budget_name
    from nnunet_cscn.paper.methods import chosen_methods
    from nnunet_cscn.paper.runs import paper_runs

    name = preprocessed_dataset(dataset).name
    return paper_runs(name, budget_name(configuration, budget), chosen_methods(methods))
