"""``cscn predict-dicom``: segment DICOM studies, and write contours and segmentations as DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.cut_tables import MOST_ROWS, show_lines
from nnunet_cscn.cli.fold_options import FoldsOrAll
from nnunet_cscn.cli.model_options import (
    Checkpoint,
    Configuration,
    Dataset,
    Device,
    DisableTta,
    Plans,
    Stitched,
    Trainer,
    Trust,
    Views,
    chosen_mode,
    loaded_model,
)
from nnunet_cscn.cli.out_options import OldOut, chosen_out
from nnunet_cscn.cli.score_options import JsonFile
from nnunet_cscn.cli.steps import step_progress
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.texts import listing

if TYPE_CHECKING:
    from nnunet_cscn.workflows.predict_dicom import PredictedSeries
    from nnunet_cscn.workflows.predict_dicom_studies import PredictedStudies


def predict_dicom(
    images: Annotated[
        Path,
        typer.Argument(metavar="STUDIES", help="Folder with the DICOM files of one or more studies, in any order."),
    ],
    dataset: Dataset,
    configuration: Configuration,
    old_out: OldOut = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Folder for rtstruct.dcm, seg.dcm and picture.png. Several studies get a subfolder each. Required.",
        ),
    ] = None,
    series: Annotated[
        list[int] | None,
        typer.Option(
            "--series",
            metavar="N",
            help="Number of the series to use, if there are several. Repeat for each channel. For one study.",
        ),
    ] = None,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty", help="Also measure how much the two stages disagree, and write uncertainty.dcm (a map)."
        ),
    ] = False,
    json_file: JsonFile = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="If there are several studies, also predict those that are complete.")
    ] = False,
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "CSCNTrainer",
    folds: FoldsOrAll = None,
    checkpoint: Checkpoint = "checkpoint_final.pth",
    stitched: Stitched = False,
    views: Views = False,
    disable_tta: DisableTta = False,
    device: Device = None,
    trust: Trust = False,
) -> None:
    """Segment DICOM studies with a trained model, for a treatment planning system.

    For each study, the command writes an RTSTRUCT with contours along voxel
    edges, a DICOM SEG and a picture for visual checks. The ROI names are the
    label names of the model. The structure set is marked UNAPPROVED and its ROIs
    AUTOMATIC. This is research software, not a medical device.

    The folder may contain one study or many. Many studies get one subfolder each,
    named without patient data; --json lists them with their StudyInstanceUID and
    volumes. The model is loaded once. If a study fails, the others continue, and
    the exit status is 2. A second run predicts only what is missing.

    A model with several channels needs one series per channel. If the data set
    was converted with --channel, the series are found by the same patterns.
    Otherwise choose them with --series. The contours refer to the reference
    series, or else the first one. The other series are resampled onto it.

    Enhanced (multi-frame) images are read too. Contours and segments then refer
    to their frames.

    Example: cscn predict-dicom studies -o out -d 901 -c 3d_fullres --json out/results.json
    """
    from nnunet_cscn.prediction.predictor import SlidingWindow

    folder = chosen_out(out, old_out)
    if folder is None:
        raise ArgumentError("out", "the output folder is missing: give one")
    model = loaded_model(
        dataset,
        configuration,
        trainer=trainer,
        plans=plans,
        folds=folds,
        checkpoint=checkpoint,
        device=device,
        mode=chosen_mode(stitched=stitched, views=views),
        window=SlidingWindow(mirroring=not disable_tta),
    )
    from nnunet_cscn.workflows.predict_dicom_studies import predict_dicom_studies

    with step_progress() as on_progress:
        found = predict_dicom_studies(
            model,
            images,
            folder,
            series=series or (),
            uncertainty=uncertainty,
            overwrite=overwrite,
            on_note=show_note,
            on_progress=on_progress,
        )
    if json_file is not None:
        from nnunet_cscn.files import write_json

        write_json(json_file, found.to_json())
    show_studies(found)


def show_note(name: str, note: str) -> None:
    """Show a note about a study; the name is empty for the whole folder."""
    _line(f"{name}: {note}" if name else note)


def show_studies(found: PredictedStudies, *, is_cut: bool = True) -> None:
    """Show the volumes of each study and where the files are.

    Args:
        found: What was predicted.
        is_cut: Whether to show the first studies only, because the command has ``--json``.

    Raises:
        UserError: When studies failed, with the reason for each.
    """
    texts = {name: _volumes(predicted) for name, predicted in found.predicted.items()}
    lines = [
        f"{name}{' (already there)' if name in found.already_there else ''}: {', '.join(parts)}"
        for name, parts in texts.items()
        if name
    ]
    lines = lines or [part for parts in texts.values() for part in parts]
    show_lines(lines, "--json FILE lists all studies", most=MOST_ROWS if is_cut else len(lines))
    _line(f"written to {found.folder}")
    if found.problems:
        n_studies = len(found.predicted) + len(found.problems)
        studies = "study" if n_studies == 1 else "studies"
        heading = f"{len(found.problems)} of {n_studies} {studies} failed; correct them and run the command again:"
        raise UserError(listing(heading, [f"{name}: {reason}" for name, reason in found.problems.items()]))


def _volumes(predicted: PredictedSeries) -> list[str]:
    """Return the volume of each region, and the disagreement of the stages if it was computed."""
    parts = [f"{region}: {volume_ml:.2f} ml" for region, volume_ml in predicted.volumes_ml.items()]
    if predicted.disagreement is not None:
        parts.append(f"disagreement of the stages: {predicted.disagreement:.3f}")
    return parts


def _line(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
