"""Export, check and install trained models, without running code in them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.checkpoint_files import HOW_TO_TRUST
from nnunet_cscn.nnunet.folders import results_folder
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.temporary import temporary_folder
from nnunet_cscn.texts import escape_controls

if TYPE_CHECKING:
    from nnunet_cscn.sharing.checking import CheckedModel


@dataclass(frozen=True)
class InstalledModels:
    """The result of an installation.

    Attributes:
        models: The models with the results of their check.
        places: The new folders and files in ``$nnUNet_results``.
        notes: Sentences about omitted and added files.
    """

    models: tuple[CheckedModel, ...]
    places: tuple[Path, ...]
    notes: tuple[str, ...]


def export_model(
    model: str | Path,
    out: str | Path,
    *,
    folds: Sequence[str | int] | None = None,
    checkpoint: str = "checkpoint_final.pth",
    pickles: bool = True,
    case_names: bool = False,
    overwrite: bool = False,
    trust: bool | None = None,
) -> dict[str, Any]:
    """Write a trained model to a zip archive for ``install_model`` and nnU-Net's own command.

    The archive has the layout of nnU-Net, and also contains the weights as safetensors and a manifest with the hash of
    each file. The state of the optimizer, logs and case names are left out.

    Args:
        model: The model folder of nnU-Net.
        out: The archive to write.
        folds: The folds. None for all folds with the checkpoint.
        checkpoint: File name of the checkpoint of each fold.
        pickles: Whether to include checkpoints for stock nnU-Net.
        case_names: Whether to include the names of the training and validation cases.
        overwrite: Whether to replace ``out``.
        trust: Whether to load checkpoints that run code. None for the value of ``CSCN_TRUST``, which is no by default.

    Returns:
        The manifest without the hashes.

    Raises:
        UserError: When the model or a fold does not exist, a file is damaged or would run code, or ``out`` exists.
    """
    from nnunet_cscn.sharing.export import Choice, collect, pack

    folder, target = Path(model).resolve(), Path(out)
    if not folder.is_dir():
        raise ArgumentError("model", f"folder not found: {model}")
    if target.suffix != ".zip":
        raise ArgumentError("out", f"expected a file that ends with .zip, got {out}")
    if target.exists() and not overwrite:
        raise ArgumentError("out", f"{out} is there already: add overwrite=True to replace it")
    chosen = tuple(str(fold) for fold in folds or ())
    choice = Choice(chosen, checkpoint, pickles=pickles, case_names=case_names, trust=trust)
    with temporary_folder(target.parent) as place:
        content = collect(folder, place, choice)
        dataset = read_plans_file(folder / "plans.json").get("dataset_name") or folder.parent.name
        pack(place, f"{dataset}/{folder.name}", target)
    return content


def check_model(source: str | Path) -> list[CheckedModel]:
    """Check a zip archive or a folder of trained models.

    Args:
        source: An archive of ``export_model`` or nnU-Net, or a folder.

    Returns:
        The models with the results of the check.

    Raises:
        UserError: When it contains no model, or is an archive that must not be unpacked.
    """
    from nnunet_cscn.sharing.checking import check_models

    path = Path(source)
    if path.is_dir():
        return check_models(path)
    with tempfile.TemporaryDirectory() as place:
        notes = _unpack(path, Path(place), "is not part of a model and was not checked; stock nnU-Net would unpack it")
        first, *others = check_models(Path(place), source=path)
        return [replace(first, notes=(*first.notes, *notes)), *others]


def install_model(archive: str | Path, *, overwrite: bool = False, trust: bool = False) -> InstalledModels:
    """Check a zip archive of trained models and move them into ``$nnUNet_results``, all or none.

    Args:
        archive: An archive of ``export_model`` or nnU-Net.
        overwrite: Whether to replace existing models.
        trust: Whether to install files that run code. Nothing runs during the installation, but later in nnU-Net.

    Raises:
        UserError: When a check fails. Nothing is changed then.
    """
    from nnunet_cscn.sharing.checking import check_models
    from nnunet_cscn.sharing.installation import complete, move_in

    results = results_folder()
    with temporary_folder(results) as place:
        notes = _unpack(Path(archive), place, "is left out, because it is not part of a model")
        models = check_models(place, source=Path(archive))
        refuse(models, trust=trust, remedy=HOW_TO_TRUST)
        for model in models:
            notes += [
                f"{made.name} of {made.parent.name} was written from its weights" for made in complete(model.folder)
            ]
        places = move_in(place, results, overwrite=overwrite)
    return InstalledModels(tuple(models), tuple(places), tuple(notes))


def refuse(models: Sequence[CheckedModel], *, trust: bool = False, remedy: str = "") -> None:
    """Raise the problems of models.

    Args:
        models: The checked models.
        trust: Whether to allow foreign code.
        remedy: What to do if foreign code is the only problem.

    Raises:
        UserError: With all problems.
    """
    reasons = [sentence for model in models for sentence in (*model.problems, *(() if trust else model.foreign))]
    if reasons:
        last = [remedy] if remedy and not any(model.problems for model in models) else []
        raise UserError("\n  ".join(["the model is refused:", *reasons, *last]))


def _unpack(file: Path, folder: Path, about_others: str) -> list[str]:
    """Unpack the files of models. Return sentences about the other files."""
    from nnunet_cscn.sharing.archive import opened, problems_of, unpack
    from nnunet_cscn.sharing.installation import check_places
    from nnunet_cscn.sharing.layout import belongs

    with opened(file) as archive:
        if problems := problems_of(archive):
            raise UserError("\n  ".join([f"{file} is not unpacked:", *problems[:20]]))
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
        wanted = [name for name in names if belongs(name)]
        check_places(wanted)
        unpack(archive, wanted, folder)
    return [f"{escape_controls(name)} {about_others}" for name in names if name not in set(wanted)]
