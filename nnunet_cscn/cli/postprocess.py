"""``cscn postprocess``: choose a postprocessing by validation cases, and apply it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.cut_tables import WRITES_ALL, add_rows
from nnunet_cscn.cli.phase_bar import PhaseBar
from nnunet_cscn.cli.score_options import JsonFile, Workers
from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.postprocessing.tuning import TunedLabel

Probabilities = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Probability maps or CASE.npz of the same cases, for thresholds."),
]


def tune(
    validation: Annotated[
        Path, typer.Argument(help="Folder of a trained model with fold_0/validation and so on, or of predictions.")
    ],
    references: Annotated[Path, typer.Argument(metavar="LABELS", help="Folder of the reference label maps.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="JSON file to write.")] = Path(
        "postprocessing.json"
    ),
    dataset_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="that in the folder", help="nnU-Net dataset.json with the labels."),
    ] = None,
    probabilities: Probabilities = None,
    json_file: JsonFile = None,
    workers: Workers = None,
) -> None:
    """Choose the postprocessing of each label by validation cases.

    For each label, these steps are tried in all combinations: fill holes; remove
    components below 0.05 to 2 ml, or keep only the largest one; with
    --probabilities, also thresholds from 0.2 to 0.8. The combination with the
    largest mean DSC is used if it helps in held-out cases: the 95 % interval of
    its gain must be above 0. The gain is measured by cross-validation over the
    folds: the choice is made on the other folds. Never use test cases here.

    FILE has the format of nnU-Net's postprocessing.json. If nnU-Net can apply all
    of it, a .pkl file for nnUNetv2_apply_postprocessing is written beside it.

    Example: cscn postprocess tune MODEL labelsTr -o postprocessing.json
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.postprocess import tune_postprocessing

    with PhaseBar("trying") as progress:
        tuned = tune_postprocessing(
            validation,
            references,
            out,
            dataset_json=dataset_json,
            probabilities=probabilities,
            workers=workers,
            on_progress=progress,
        )
    if json_file is not None:
        write_json(json_file, tuned.to_json())
    table = Table(
        title="Postprocessing",
        caption=f"Mean DSC of {tuned.labels[0].found.n} validation cases; two empty masks count as 1. The gain is "
        f"measured in held-out cases ({tuned.n_folds} folds), with its 95 % interval.",
    )
    for heading in ("label", "best steps"):
        table.add_column(heading, overflow="fold")
    for heading in ("DSC before", "DSC after", "held-out gain"):
        table.add_column(heading, justify="right")
    table.add_column("used")
    for each in tuned.labels:
        table.add_row(*_row(each))
    console.print(table)
    written = [str(file) for file in (tuned.file, tuned.pickle) if file is not None]
    console.print(f"written to {' and '.join(written)}", markup=False, highlight=False, soft_wrap=True)


def apply(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps (*.nii.gz or *.nii).")],
    postprocessing: Annotated[Path, typer.Argument(metavar="FILE", help="File from cscn postprocess tune.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FOLDER", help="Folder for the results.")],
    probabilities: Probabilities = None,
    json_file: JsonFile = None,
    workers: Workers = None,
) -> None:
    """Apply a postprocessing to predictions.

    FILE may also be nnU-Net's own postprocessing.json. The predictions are not
    changed.

    Example: cscn postprocess apply predictions postprocessing.json -o final
    """
    from nnunet_cscn.files import write_json
    from nnunet_cscn.workflows.postprocess import apply_postprocessing

    with PhaseBar("postprocessing") as progress:
        changed = apply_postprocessing(
            predictions, postprocessing, out, probabilities=probabilities, workers=workers, on_progress=progress
        )
    if json_file is not None:
        write_json(
            json_file,
            {case: {label: vars(found) for label, found in labels.items()} for case, labels in changed.items()},
        )
    table = Table(title="Changed cases")
    for heading in ("case", "label"):
        table.add_column(heading, overflow="fold")
    for heading in ("removed ml", "added ml"):
        table.add_column(heading, justify="right")
    rows = [
        (escape(case), escape(label), f"{found.removed_ml:.2f}", f"{found.added_ml:.2f}")
        for case, labels in changed.items()
        for label, found in labels.items()
        if found.removed_ml or found.added_ml
    ]
    add_rows(table, rows, len(rows), WRITES_ALL)
    if table.row_count:
        console.print(table)
    n_changed = sum(any(each.removed_ml or each.added_ml for each in labels.values()) for labels in changed.values())
    console.print(
        f"{n_changed} of {counted(len(changed), 'case')} changed; written to {out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _row(each: TunedLabel) -> tuple[str, ...]:
    found = each.found
    gain = f"{found.gain:+.3f} ({found.low:+.3f} to {found.high:+.3f})" if each.has_interval else "too few cases"
    dsc = (format_number(value, 3) for value in (found.before, found.after))
    return escape(each.name), each.best.describe(), *dsc, gain, "yes" if each.is_adopted else "no"


postprocess_app = typer.Typer(help="Choose a postprocessing by validation cases, and apply it.", no_args_is_help=True)
postprocess_app.command("tune")(tune)
postprocess_app.command("apply")(apply)
