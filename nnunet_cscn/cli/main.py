"""The ``cscn`` command line: every subcommand is registered here, one line each."""

from __future__ import annotations

from typing import Annotated

import typer

from nnunet_cscn import __version__
from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.cascade import cascade
from nnunet_cscn.cli.compare import compare
from nnunet_cscn.cli.configure import configure
from nnunet_cscn.cli.convert import convert_app
from nnunet_cscn.cli.demo import demo
from nnunet_cscn.cli.doctor import doctor
from nnunet_cscn.cli.env import env
from nnunet_cscn.cli.evaluate import evaluate
from nnunet_cscn.cli.model_options import ManyFolds
from nnunet_cscn.cli.observers import observers
from nnunet_cscn.cli.paper import paper_app
from nnunet_cscn.cli.phantom import phantom
from nnunet_cscn.cli.plan import plan
from nnunet_cscn.cli.predict import predict
from nnunet_cscn.cli.predict_dicom import predict_dicom
from nnunet_cscn.cli.report import report
from nnunet_cscn.cli.train import train
from nnunet_cscn.cli.weights import weights_app

app = typer.Typer(
    name="cscn",
    help="CSCN for stock nnU-Net v2: plans, options, evaluation, converters and a synthetic data set.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


app.command("cascade")(cascade)
app.command("compare")(compare)
app.command("configure")(configure)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("env")(env)
app.command("evaluate")(evaluate)
app.command("observers")(observers)
app.command("phantom")(phantom)
app.command("plan")(plan)
app.command("predict", cls=ManyFolds)(predict)
app.command("predict-dicom", cls=ManyFolds)(predict_dicom)
app.command("report")(report)
app.command("train")(train)
app.add_typer(convert_app, name="convert")
app.add_typer(paper_app, name="paper")
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
