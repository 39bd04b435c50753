"""Predict inside a container: one model folder in, one study or one challenge case through."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from nnunet_cscn.conversion.source_volumes import ALL_ENDINGS, read_volume
from nnunet_cscn.errors import ArgumentError, UserError, list_available
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.workflows.models import LoadedModel, load_model_folder


def load_deployed_model(folder: str | Path, *, device: str | None = None, mirroring: bool = True) -> LoadedModel:
    """Load the one trained model that lies in a folder or anywhere below it, with all its folds.

    Args:
        folder: Such as ``/opt/ml/model``, with the content of a model exported by nnU-Net.
        device: As in ``load_model``.
        mirroring: Whether mirrored copies are predicted too, and averaged.

    Raises:
        ArgumentError: When there is no model in the folder, or several.
        UserError: As ``load_model``.
    """
    from nnunet_cscn.prediction.predictor import SlidingWindow

    place = Path(folder)
    found = sorted({file.parent for file in place.rglob("plans.json") if any(file.parent.glob("fold_*"))})
    if len(found) != 1:
        names = [str(each.relative_to(place)) for each in found]
        raise ArgumentError("folder", f"expected exactly one trained model in {place}; {list_available(names)}")
    names = sorted(each.name.removeprefix("fold_") for each in found[0].glob("fold_*"))
    folds = tuple(int(name) if name.isdecimal() else name for name in names)
    window = SlidingWindow(mirroring=mirroring, progress=False)
    return load_model_folder(found[0], folds=folds, device=device, window=window)


def predict_challenge_case(
    model: LoadedModel,
    source: str | Path,
    out: str | Path,
    *,
    sockets: Sequence[str] = (),
    out_socket: str,
) -> Path:
    """Predict one case as challenge platforms hand it over: a folder for each input, with one image in it.

    Args:
        model: The model.
        source: Such as ``/input``; images lie in ``images/SOCKET/``.
        out: Such as ``/output``; the label map goes to ``images/OUT_SOCKET/output.mha``.
        sockets: The input for each channel of the model, in its order; none where there is only one.
        out_socket: Name of the output.

    Returns:
        The file that was written, on the grid of the first channel.

    Raises:
        ArgumentError: When the sockets are not those of the model's channels.
        UserError: When the model does not read NIfTI, a socket does not hold exactly one image, or images can't be read
            or do not fit together.
        OSError: When the label map can't be written whole.
    """
    ending = model.model.file_ending()
    if ending not in ENDINGS:
        raise UserError(f"{model.model.folder.name} reads {ending} files: expected a model that reads NIfTI")
    files = [_only_image(each) for each in _socket_folders(Path(source) / "images", sockets, model)]
    target = Path(out) / "images" / out_socket / "output.mha"
    with tempfile.TemporaryDirectory() as place:
        copies = [Path(place) / f"channel_{index}{ending}" for index in range(len(files))]
        volumes = [read_volume(file) for file in files]
        for volume, copy in zip(volumes, copies, strict=True):
            write_volume(copy, volume.voxels, volume.grid)
        write_volume(target, model.predict_files(copies).mask, volumes[0].grid)
    return target


def _socket_folders(images: Path, sockets: Sequence[str], model: LoadedModel) -> list[Path]:
    there = sorted(folder.name for folder in images.iterdir() if folder.is_dir()) if images.is_dir() else []
    names = list(sockets) or there
    if len(names) != len(model.channel_names):
        channels = ", ".join(model.channel_names)
        raise ArgumentError(
            "sockets", f"expected one socket per channel ({channels}), got {len(names)}; {list_available(there)}"
        )
    for name in names:
        if name not in there:
            raise ArgumentError("sockets", f"folder not found: {images / name}; {list_available(there)}")
    return [images / name for name in names]


def _only_image(folder: Path) -> Path:
    files = sorted(file for file in folder.iterdir() if file.name.endswith(ALL_ENDINGS))
    if len(files) != 1:
        raise UserError(f"{folder}: expected one image, found {len(files)}")
    return files[0]
