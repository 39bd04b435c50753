"""Pass trained models on, and take those of others: look through them first, run nothing of theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.folders import results_folder
from nnunet_cscn.nnunet.plans import read_plans_file
from nnunet_cscn.temporary import temporary_folder
from nnunet_cscn.texts import escape_controls

if TYPE_CHECKING:
    from nnunet_cscn.sharing.checking import CheckedModel


@dataclass(frozen=True)
class InstalledModels:
    """What an installation left.

    Attributes:
        models: The models, as they were checked.
        places: The folders and files that are new in ``$nnUNet_results``.
        notes: What was left out or changed, in sentences.
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
    """Write a trained model to a zip that nnU-Net's own command and ``install_model`` take.

    It holds nnU-Net's layout, the weights as safetensors beside it, and a manifest with the hash of each file. The
    state of the optimiser, logs and the names of cases stay here.

    Args:
        model: nnU-Net's folder of the model.
        out: The zip to write.
        folds: The folds; None for all that have the checkpoint.
        checkpoint: Which checkpoint of each fold.
        pickles: Whether nnU-Net's own checkpoints go along; without them, stock nnU-Net can't use the zip.
        case_names: Whether the names of the cases that it was trained on go along.
        overwrite: Whether ``out`` may be replaced.
        trust: Whether to load checkpoints that run code; None for what ``CSCN_TRUST`` says, else not.

    Returns:
        The manifest without the hashes.

    Raises:
        UserError: When there is no such model or fold, a file of it is damaged or would run code, or ``out`` exists.
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
    """Look through a zip or a folder of trained models: what they are, and what speaks against them.

    Args:
        source: A zip of ``export_model`` or of nnU-Net's, or a folder.

    Returns:
        The models, with their problems.

    Raises:
        UserError: When it is no model at all, or a zip that must not be unpacked.
    """
    from nnunet_cscn.sharing.checking import check_models

    path = Path(source)
    if path.is_dir():
        return check_models(path)
    with tempfile.TemporaryDirectory() as place:
        _unpack(path, Path(place))
        return check_models(Path(place))


def install_model(archive: str | Path, *, overwrite: bool = False, trust: bool = False) -> InstalledModels:
    """Check a zip of trained models and put them into ``$nnUNet_results``, all or none.

    Args:
        archive: A zip of ``export_model`` or of nnU-Net's.
        overwrite: Whether models that are there already are replaced.
        trust: Whether files that run code are installed too. Nothing runs at the installation, but nnU-Net runs it.

    Raises:
        UserError: When anything speaks against it; nothing has changed then.
    """
    from nnunet_cscn.sharing.checking import check_models
    from nnunet_cscn.sharing.installation import complete, move_in

    results = results_folder()
    with temporary_folder(results) as place:
        notes = _unpack(Path(archive), place)
        models = check_models(place)
        refuse(models, trust=trust)
        for model in models:
            notes += [
                f"{made.name} of {made.parent.name} was written from its weights" for made in complete(model.folder)
            ]
        places = move_in(place, results, overwrite=overwrite)
    return InstalledModels(tuple(models), tuple(places), tuple(notes))


def refuse(models: Sequence[CheckedModel], *, trust: bool = False) -> None:
    """Raise what was found against models.

    Args:
        models: The models that were looked through.
        trust: Whether code of their own is no reason.

    Raises:
        UserError: With all reasons.
    """
    reasons = [sentence for model in models for sentence in (*model.problems, *(() if trust else model.foreign))]
    if reasons:
        raise UserError("\n  ".join(["the model is refused:", *reasons]))


def _unpack(file: Path, folder: Path) -> list[str]:
    """Unpack what belongs to models; return what was left out, in sentences."""
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
    return [
        f"{escape_controls(name)} is left out: it is no part of a model" for name in names if name not in set(wanted)
    ]
