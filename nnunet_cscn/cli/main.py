"""The ``cscn`` command line. Every subcommand is registered here in one line."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nnunet_cscn import __version__
from nnunet_cscn.cli.app import run
from nnunet_cscn.cli.cascade import cascade
from nnunet_cscn.cli.compare import compare
from nnunet_cscn.cli.configure import configure
from nnunet_cscn.cli.convert import convert_app
from nnunet_cscn.cli.curves import curves
from nnunet_cscn.cli.demo import demo
from nnunet_cscn.cli.deploy import deploy_app
from nnunet_cscn.cli.doctor import doctor
from nnunet_cscn.cli.env import env
from nnunet_cscn.cli.evaluate import evaluate
from nnunet_cscn.cli.fold_options import MultiFoldCommand
from nnunet_cscn.cli.model import model_app
from nnunet_cscn.cli.observers import observers
from nnunet_cscn.cli.old_option_names import current_option_name
from nnunet_cscn.cli.paper import paper_app
from nnunet_cscn.cli.phantom import phantom
from nnunet_cscn.cli.plain_usage import PlainUsageCommand
from nnunet_cscn.cli.plan import plan
from nnunet_cscn.cli.postprocess import postprocess_app
from nnunet_cscn.cli.predict import predict
from nnunet_cscn.cli.predict_dicom import predict_dicom
from nnunet_cscn.cli.report import report
from nnunet_cscn.cli.termination import end_with_spawning_parent
from nnunet_cscn.cli.train import train
from nnunet_cscn.cli.weights import weights_app

end_with_spawning_parent()

PANELS = DATA, TRAINING, PREDICTION, EVALUATION, PAPER, HELP = (
    "Data", "Training", "Prediction", "Evaluation", "The paper", "Help",
)  # fmt: skip


class _InPanels(TyperGroup):
    """A group of commands in the order of ``PANELS``. Typer puts groups, such as ``convert``, last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, panel by panel."""
        return sorted(super().list_commands(ctx), key=self._place)

    def _place(self, name: str) -> int:
        return PANELS.index(getattr(self.commands[name], "rich_help_panel", HELP))


app = typer.Typer(
    name="cscn",
    cls=_InPanels,
    help="Coarse-to-fine tumour segmentation (CSCN) with nnU-Net v2: data, training, prediction, evaluation.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"token_normalize_func": current_option_name},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.add_typer(convert_app, name="convert", rich_help_panel=DATA)
app.command("phantom", cls=PlainUsageCommand, rich_help_panel=DATA)(phantom)
app.command("plan", rich_help_panel=TRAINING)(plan)
app.command("configure", rich_help_panel=TRAINING)(configure)
app.command("train", cls=MultiFoldCommand, rich_help_panel=TRAINING)(train)
app.command("cascade", rich_help_panel=TRAINING)(cascade)
app.add_typer(weights_app, name="weights", rich_help_panel=TRAINING)
app.command("curves", rich_help_panel=TRAINING)(curves)
app.command("predict", cls=MultiFoldCommand, rich_help_panel=PREDICTION)(predict)
app.command("predict-dicom", cls=MultiFoldCommand, rich_help_panel=PREDICTION)(predict_dicom)
app.add_typer(postprocess_app, name="postprocess", rich_help_panel=PREDICTION)
app.add_typer(deploy_app, name="deploy", rich_help_panel=PREDICTION)
app.add_typer(model_app, name="model", rich_help_panel=PREDICTION)
app.command("evaluate", rich_help_panel=EVALUATION)(evaluate)
app.command("compare", rich_help_panel=EVALUATION)(compare)
app.command("observers", rich_help_panel=EVALUATION)(observers)
app.command("report", rich_help_panel=EVALUATION)(report)
app.add_typer(paper_app, name="paper", rich_help_panel=PAPER)
app.command("demo", rich_help_panel=HELP)(demo)
app.command("doctor", rich_help_panel=HELP)(doctor)
app.command("env", rich_help_panel=HELP)(env)


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
