"""``cscn deploy``: the commands of a container for DICOM routers in hospitals and for challenge platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnunet_cscn.cli.app import console
from nnunet_cscn.cli.model_options import Device, DisableTta, Trust
from nnunet_cscn.cli.predict_dicom import show_note, show_studies

Source = Annotated[Path, typer.Option("--input", envvar="CSCN_INPUT", metavar="FOLDER", help="Input folder.")]
Out = Annotated[Path, typer.Option("-o", "--out", envvar="CSCN_OUTPUT", metavar="FOLDER", help="Output folder.")]
ModelFolder = Annotated[
    Path, typer.Option("--model", envvar="CSCN_MODEL", metavar="FOLDER", help="Folder that contains one trained model.")
]


def dicom(
    *,
    source: Source = Path("/input"),
    out: Out = Path("/output"),
    folder: ModelFolder = Path("/opt/ml/model"),
    device: Device = None,
    disable_tta: DisableTta = False,
    trust: Trust = False,
) -> None:
    """Segment the DICOM studies in a folder. Write RTSTRUCT, DICOM SEG and a picture.

    Several studies get a subfolder each, as with cscn predict-dicom.

    Example: cscn deploy dicom --input study --out results --model model
    """
    from nnunet_cscn.workflows.deployed import load_deployed_model
    from nnunet_cscn.workflows.predict_dicom_studies import predict_dicom_studies

    model = load_deployed_model(folder, device=device, mirroring=not disable_tta)
    show_studies(predict_dicom_studies(model, source, out, on_note=show_note), is_cut=False)


def challenge(
    *,
    sockets: Annotated[
        list[str] | None,
        typer.Option(
            "--socket", metavar="NAME", show_default="all", help="Input socket of each channel, in channel order."
        ),
    ] = None,
    out_socket: Annotated[
        str, typer.Option("--out-socket", envvar="CSCN_OUT_SOCKET", metavar="NAME", help="Name of the output socket.")
    ] = "mri-head-neck-segmentation",
    source: Source = Path("/input"),
    out: Out = Path("/output"),
    folder: ModelFolder = Path("/opt/ml/model"),
    device: Device = None,
    disable_tta: DisableTta = False,
    trust: Trust = False,
) -> None:
    """Segment one case of a challenge. Read INPUT/images/SOCKET/*.mha, write OUT/images/OUT-SOCKET/output.mha.

    Example: cscn deploy challenge --input /input --out /output --model /opt/ml/model
    """
    from nnunet_cscn.workflows.deployed import load_deployed_model, predict_challenge_case

    model = load_deployed_model(folder, device=device, mirroring=not disable_tta)
    file = predict_challenge_case(
        model,
        source,
        out,
        sockets=sockets or (),
        out_socket=out_socket,
        on_note=lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True),
    )
    console.print(f"written to {file}", markup=False, highlight=False, soft_wrap=True)


deploy_app = typer.Typer(
    help="Run a model in a container: on one DICOM study or one challenge case.", no_args_is_help=True
)
deploy_app.command("dicom")(dicom)
deploy_app.command("challenge")(challenge)
