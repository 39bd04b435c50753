"""Weights of a trained model for a training on another data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.files import read_json_file
from nnunet_cscn.nnunet.folders import preprocessed_dataset
from nnunet_cscn.nnunet.plans import read_plans
from nnunet_cscn.texts import counted

if TYPE_CHECKING:
    from nnunet_cscn.training.adapted import Adapted

FINAL = "checkpoint_final.pth"


@dataclass(frozen=True)
class AdaptedWeights:
    """Weights that were made to fit another data set.

    Attributes:
        file: The file.
        dataset: The folder name of the data set.
        configuration: The configuration that they fit.
        plans: The plans that they fit.
        parts: What was kept, and what starts anew.
    """

    file: Path
    dataset: str
    configuration: str
    plans: str
    parts: Adapted

    def lines(self) -> list[str]:
        """Return what was kept and what starts anew, and the command that comes next, in sentences."""
        parts, file = self.parts, self.file
        command = f"nnUNetv2_train {self.dataset} {self.configuration} FOLD -tr {parts.trainer}"
        command += "" if self.plans == "nnUNetPlans" else f" -p {self.plans}"
        return [
            f"{file}: {counted(parts.kept_tensors, 'tensor')} of {parts.checkpoint} are unchanged",
            "channels: "
            + _named(
                parts.kept_channels, parts.new_channels, "from the mean of the model's channels", parts.dropped_channels
            ),
            "labels: " + _named(parts.kept_labels, parts.new_labels, "random weights", parts.dropped_labels),
            "segmentation heads: "
            + (
                f"start anew, as nnU-Net loads none; to keep those of the kept labels, set CSCN_HEADS={file}"
                if parts.heads_kept
                else "start anew"
            ),
            f"next: {command} -pretrained_weights {file}",
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the same for a JSON file."""
        parts = {**asdict(self.parts), "checkpoint": str(self.parts.checkpoint)}
        named = {"file": str(self.file), "dataset": self.dataset, "configuration": self.configuration}
        return {**named, "plans": self.plans, **parts}


def adapt_weights(
    model: str | Path,
    dataset: str | int,
    out: str | Path | None = None,
    *,
    configuration: str | None = None,
    plans: str = "nnUNetPlans",
    seed: int = 0,
) -> AdaptedWeights:
    """Make the weights of a trained model fit the channels and labels of another data set.

    Channels and labels are matched by name. A new channel starts from the mean of the channels that the model knows, a
    new label starts anew.

    Args:
        model: A checkpoint, the folder of a fold, or the folder of a model, of which the first fold is taken.
        dataset: The data set that will be trained on, planned and preprocessed; its number or name.
        out: The file to write; None for ``DATASET_start.pth`` in the current folder.
        configuration: The configuration that will be trained; None for the one of the model.
        plans: The plans of the data set.
        seed: Seed of what starts anew.

    Raises:
        UserError: When there is no such model, data set or configuration, or the plans give another network.

    Example:
        >>> adapt_weights("fold_0/checkpoint_final.pth", 905, "start.pth").parts.new_labels  # doctest: +SKIP
        ('GTVn',)
    """
    from nnunet_cscn.nnunet.checkpoints import read_checkpoint
    from nnunet_cscn.training.adapted import adapt_weights as adapt

    checkpoint, folder = _checkpoint(Path(model)), preprocessed_dataset(dataset)
    configuration = configuration or str(read_checkpoint(checkpoint)["init_args"]["configuration"])
    plans = plans.removesuffix(".json")
    file = Path(f"{folder.name}_start.pth") if out is None else Path(out)
    parts = adapt(
        checkpoint,
        file,
        plans=read_plans(folder.name, plans),
        dataset_json=read_json_file(folder / "dataset.json"),
        configuration=configuration,
        seed=seed,
    )
    return AdaptedWeights(file, folder.name, configuration, plans, parts)


def _checkpoint(model: Path) -> Path:
    """Return the checkpoint in a folder; a file as it is."""
    if not model.is_dir():
        return model
    candidates = [model / FINAL, *sorted(model.glob(f"fold_*/{FINAL}"))]
    for file in candidates:
        if file.is_file():
            return file
    raise ArgumentError("model", f"{model} contains no {FINAL}: give a checkpoint, or the folder of a trained model")


def _named(kept: tuple[str, ...], new: tuple[str, ...], how: str, dropped: tuple[str, ...]) -> str:
    parts = [f"{', '.join(kept) or 'none'} kept"]
    parts += [f"{', '.join(new)} new ({how})"] if new else []
    parts += [f"{', '.join(dropped)} dropped"] if dropped else []
    return "; ".join(parts)
