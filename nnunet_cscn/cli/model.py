"""``cscn model``: pass trained models on, and take those of others. Each subcommand has a module of its own."""

from __future__ import annotations

import typer

model_app = typer.Typer(help="Pass trained models on, and check and install those of others.", no_args_is_help=True)


@model_app.callback()
def _model() -> None:
    pass
