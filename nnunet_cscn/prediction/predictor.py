"""nnU-Net's predictor with a trained model in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import read_json_file

if TYPE_CHECKING:
    import torch

Fold = int | str  # a number, or "all"
Manner = Literal["tiles", "stitched", "views"]


@dataclass(frozen=True)
class SlidingWindow:
    """How nnU-Net moves its window; the defaults are those of ``nnUNetv2_predict``.

    Attributes:
        step_size: Step between tiles, as a fraction of a tile.
        mirroring: Whether tiles are predicted mirrored too.
        on_device: Whether a GPU keeps the sums.
        verbose: Whether nnU-Net talks.
        progress: Whether nnU-Net shows the progress of each case.
    """

    step_size: float = 0.5
    mirroring: bool = True
    on_device: bool = True
    verbose: bool = False
    progress: bool = True


@dataclass(frozen=True)
class Model:
    """Trained folds that predict together.

    Attributes:
        folder: nnU-Net's folder of the model, which names trainer, plans and configuration.
        folds: The folds.
        checkpoint: The checkpoint's name.
    """

    folder: Path
    folds: tuple[Fold, ...]
    checkpoint: str

    def check(self) -> None:
        """See that all folds are there.

        Raises:
            UserError: With the folds that are.
        """
        if missing := [str(fold) for fold in self.folds if not self._file(fold).is_file()]:
            trained = sorted(
                file.parent.name.removeprefix("fold_") for file in self.folder.glob(f"fold_*/{self.checkpoint}")
            )
            there = f"trained: {', '.join(trained)}" if trained else "train it first"
            raise ArgumentError(
                "folds", f"{self.folder.name} has no {self.checkpoint} in fold {', '.join(missing)}; {there}"
            )

    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the channels that the model sees.

        Raises:
            UserError: When its dataset.json does not say.
        """
        description = self.description()
        names = description.get("channel_names", description.get("modality"))  # the second is nnU-Net's older word
        if not isinstance(names, dict) or not names:
            raise UserError(f"{self.folder / 'dataset.json'} has no valid channel_names: restore it or train again")
        return tuple(str(name) for name in names.values())

    def file_ending(self) -> str:
        """Return the ending of the images' files.

        Raises:
            UserError: When the model's dataset.json does not say.
        """
        ending = self.description().get("file_ending")
        if not isinstance(ending, str):
            raise UserError(f"{self.folder / 'dataset.json'} has no valid file_ending: restore it or train again")
        return ending

    def description(self) -> dict[str, Any]:
        """Return the dataset.json that the model was trained with; UserError when it cannot be read."""
        content = read_json_file(self.folder / "dataset.json")
        return content if isinstance(content, dict) else {}

    def labels(self) -> dict[str, Any]:
        """Return what each label, or region, is in the label maps, by name.

        Raises:
            UserError: When its dataset.json does not say.
        """
        labels = self.description().get("labels")
        if not isinstance(labels, dict):
            raise UserError(f"{self.folder / 'dataset.json'} has no valid labels: restore it or train again")
        return labels

    def to_json(self) -> dict[str, Any]:
        """Return what tells the model from others, for a JSON file."""
        return {"model": self.folder.name, "folds": list(self.folds), "checkpoint": self.checkpoint}

    def load(
        self, device: torch.device, window: SlidingWindow, *, manner: Manner = "tiles", trust: bool | None = None
    ) -> Any:
        """Return nnU-Net's predictor as ``nnUNetv2_predict`` sets it up.

        Args:
            device: Where to predict.
            window: How to move over the image.
            manner: ``tiles``: as nnU-Net does. ``stitched``: the fine network gets the coarse probabilities of the
                whole image, not of each tile. ``views``: three times, along three views, averaged.
            trust: Whether the checkpoints and plans may run code of their own; None for what ``CSCN_TRUST`` says.

        Raises:
            ForeignCode: When a checkpoint or the plans would run code that is none of nnU-Net's.
            UserError: When a checkpoint is damaged, or the manner is unknown or not one that the model has learnt.
        """
        from nnunet_cscn.nnunet.loading import load_trained

        if manner not in get_args(Manner):
            raise ArgumentError("manner", f"expected {', '.join(get_args(Manner))}, got {manner}")
        predictor = _predictors()[manner](
            tile_step_size=window.step_size,
            use_gaussian=True,
            use_mirroring=window.mirroring,
            perform_everything_on_device=window.on_device,
            device=device,
            verbose=window.verbose,
            verbose_preprocessing=window.verbose,
            allow_tqdm=window.progress,
        )
        load_trained(predictor, self.folder, self.folds, self.checkpoint, trust=trust)
        return predictor

    def _file(self, fold: Fold) -> Path:
        return self.folder / f"fold_{fold}" / self.checkpoint


def manner_of(predictor: Any) -> Manner:
    """Return how a predictor that ``Model.load`` gave predicts."""
    return next(manner for manner, kind in _predictors().items() if type(predictor) is kind)


def _predictors() -> Mapping[Manner, type[Any]]:
    from nnunet_cscn.nnunet.inference import nnUNetPredictor
    from nnunet_cscn.prediction.stitched import StitchedPredictor
    from nnunet_cscn.prediction.three_views import ThreeViewsPredictor

    return {"tiles": nnUNetPredictor, "stitched": StitchedPredictor, "views": ThreeViewsPredictor}
