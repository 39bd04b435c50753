"""``cscn paper``: repeat the experiment of the paper, step by step."""

from __future__ import annotations

import typer

from nnunet_cscn.cli.fold_options import MultiFoldCommand
from nnunet_cscn.cli.paper_figures import figures
from nnunet_cscn.cli.paper_prepare import prepare
from nnunet_cscn.cli.paper_run import run, status
from nnunet_cscn.cli.paper_table import table

paper_app = typer.Typer(
    help="Repeat the paper's experiment: prepare data, run all methods, make the table and figures.",
    no_args_is_help=True,
)
paper_app.command("prepare")(prepare)
paper_app.command("run", cls=MultiFoldCommand)(run)
paper_app.command("status")(status)
paper_app.command("table")(table)
paper_app.command("figures")(figures)
