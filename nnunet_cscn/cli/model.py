"""``cscn model``: pass trained models on, and take those of others. Each subcommand has a module of its own."""

from __future__ import annotations

import typer

from nnunet_cscn.cli.fold_options import MultiFoldCommand
from nnunet_cscn.cli.model_card import card
from nnunet_cscn.cli.model_check import check
from nnunet_cscn.cli.model_export import export
from nnunet_cscn.cli.model_install import install

model_app = typer.Typer(
    help="Describe trained models, pass them on, and check and install those of others.", no_args_is_help=True
)
model_app.command("export", cls=MultiFoldCommand)(export)
model_app.command("check")(check)
model_app.command("install")(install)
model_app.command("card")(card)
