"""Predict inside a container: load the model from a folder and predict one study or one challenge case."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from nnunet_cscn.conversion.source_volumes import read_volume
from nnunet_cscn.errors import ArgumentError, UserError, available_names
from nnunet_cscn.files import check_output_folder
from nnunet_cscn.formats.endings import VOLUME_ENDINGS, ending_of
from nnunet_cscn.nifti.voxels import ENDINGS
from nnunet_cscn.nifti.writing import write_volume
from nnunet_cscn.workflows.models import LoadedModel, load_model_folder


def load_deployed_model(folder: str | Path, *, device: str | None = None, mirroring: bool = True) -> LoadedModel:
    """Find the trained model in a folder or its subfolders and load it with all its folds.

    Args:
        folder: Folder of the model, such as ``/opt/ml/model``, as exported by nnU-Net.
        device: As in ``load_model``.
        mirroring: Whether to predict mirrored copies too and average them.

    Raises:
        ArgumentError: When the folder contains no model, or several.
        UserError: As ``load_model``.
    """
    from nnunet_cscn.prediction.predictor import SlidingWindow

    place = Path(folder)
    found = sorted({file.parent for file in place.rglob("plans.json") if any(file.parent.glob("fold_*"))})
    if len(found) != 1:
        names = [str(each.relative_to(place)) for each in found]
        raise ArgumentError("folder", f"expected exactly one trained model in {place}; {available_names(names)}")
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
    on_note: Callable[[str], None] | None = None,
) -> Path:
    """Predict one case of a challenge platform. The platform provides one folder for each input, with one image in it.

    Args:
        model: The model.
        source: Input folder, such as ``/input``. The images are in ``images/SOCKET/``.
        out: Output folder, such as ``/output``. The label map is written to ``images/OUT_SOCKET/output.mha``.
        sockets: The names of the inputs in the order of the model's channels. Not needed for a single input.
        out_socket: Name of the output.
        on_note: Called with a sentence if the prediction is empty.

    Returns:
        The written file. It has the grid of the first channel.

    Raises:
        ArgumentError: When the sockets do not match the channels of the model.
        UserError: When the model does not use NIfTI files, a socket does not contain exactly one image, or images
            cannot be read or do not have the same grid.
        OSError: When the label map cannot be written completely.
    """
    ending = model.model.file_ending()
    if ending not in ENDINGS:
        raise UserError(f"{model.model.folder.name} reads {ending} files: expected a model that reads NIfTI")
    files = [_only_image(each) for each in _socket_folders(Path(source) / "images", sockets, model)]
    target = Path(out) / "images" / out_socket / "output.mha"
    check_output_folder(target.parent)
    with tempfile.TemporaryDirectory() as place:
        copies = [Path(place) / f"channel_{index}{ending}" for index in range(len(files))]
        volumes = [read_volume(file) for file in files]
        for volume, copy in zip(volumes, copies, strict=True):
            write_volume(copy, volume.voxels, volume.grid)
        mask = model.predict_files(copies).mask
        write_volume(target, mask, volumes[0].grid)
    if on_note is not None and not mask.any():
        on_note("plausibility: the prediction is empty")
    return target


def _socket_folders(images: Path, sockets: Sequence[str], model: LoadedModel) -> list[Path]:
    there = sorted(folder.name for folder in images.iterdir() if folder.is_dir()) if images.is_dir() else []
    names = list(sockets) or there
    if len(names) != len(model.channel_names):
        channels = ", ".join(model.channel_names)
        raise ArgumentError(
            "sockets", f"expected one socket per channel ({channels}), got {len(names)}; {available_names(there)}"
        )
    for name in names:
        if name not in there:
            raise ArgumentError("sockets", f"folder not found: {images / name}; {available_names(there)}")
    return [images / name for name in names]


def _only_image(folder: Path) -> Path:
    files = sorted(file for file in folder.iterdir() if ending_of(file.name, VOLUME_ENDINGS) is not None)
    if len(files) != 1:
        raise UserError(f"{folder}: expected one image, found {len(files)}")
    return files[0]
