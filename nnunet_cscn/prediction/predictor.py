"""Load a trained model into nnU-Net's predictor."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import read_json_file

if TYPE_CHECKING:
    import torch

Fold = int | str  # a number, or "all"
PredictionMode = Literal["tiles", "stitched", "views"]


@dataclass(frozen=True)
class SlidingWindow:
    """Settings of nnU-Net's sliding window. The defaults are those of ``nnUNetv2_predict``.

    Attributes:
        step_size: Step between tiles as a fraction of the tile size.
        mirroring: Whether to predict mirrored copies too and average them.
        on_device: Whether the sums of the logits stay in GPU memory.
        verbose: Whether nnU-Net prints messages.
        progress: Whether nnU-Net shows a progress bar for each case.
    """

    step_size: float = 0.5
    mirroring: bool = True
    on_device: bool = True
    verbose: bool = False
    progress: bool = True


@dataclass(frozen=True)
class Model:
    """A trained model: the folds whose predictions are averaged.

    Attributes:
        folder: nnU-Net's folder of the model. Its name contains trainer, plans and configuration.
        folds: The folds.
        checkpoint: File name of the checkpoint.
    """

    folder: Path
    folds: tuple[Fold, ...]
    checkpoint: str

    def check(self) -> None:
        """Check that all folds exist.

        Raises:
            UserError: When a fold is missing. The message lists the existing folds.
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
        """Return the names of the input channels.

        Raises:
            UserError: When dataset.json has no channel names.
        """
        description = self.description()
        names = description.get("channel_names", description.get("modality"))  # "modality" in older data sets
        if not isinstance(names, dict) or not names:
            raise UserError(f"{self.folder / 'dataset.json'} has no valid channel_names: restore it or train again")
        return tuple(str(name) for name in names.values())

    def file_ending(self) -> str:
        """Return the file ending of the images.

        Raises:
            UserError: When dataset.json has no file ending.
        """
        ending = self.description().get("file_ending")
        if not isinstance(ending, str):
            raise UserError(f"{self.folder / 'dataset.json'} has no valid file_ending: restore it or train again")
        return ending

    def description(self) -> dict[str, Any]:
        """Return the dataset.json of the training. UserError if it cannot be read."""
        content = read_json_file(self.folder / "dataset.json")
        return content if isinstance(content, dict) else {}

    def labels(self) -> dict[str, Any]:
        """Return the value of each label, or the values of each region, by name.

        Raises:
            UserError: When dataset.json has no labels.
        """
        labels = self.description().get("labels")
        if not isinstance(labels, dict):
            raise UserError(f"{self.folder / 'dataset.json'} has no valid labels: restore it or train again")
        return labels

    def checkpoint_files(self) -> list[Path]:
        """Return the checkpoint of each fold. It may be missing."""
        return [self._file(fold) for fold in self.folds]

    def to_json(self) -> dict[str, Any]:
        """Return the identity of the model for a JSON file."""
        return {"model": self.folder.name, "folds": list(self.folds), "checkpoint": self.checkpoint}

    def load(
        self, device: torch.device, window: SlidingWindow, *, mode: PredictionMode = "tiles", trust: bool | None = None
    ) -> Any:
        """Load the model into nnU-Net's predictor, with the settings of ``nnUNetv2_predict``.

        Args:
            device: Device for the prediction.
            window: Settings of the sliding window.
            mode: ``tiles``: as nnU-Net does. ``stitched``: run the coarse network on the whole image first instead of
                inside each tile. ``views``: predict in three views and average.
            trust: Whether checkpoints and plans may run code. None for the value of ``CSCN_TRUST``.

        Raises:
            ForeignCode: When a checkpoint or the plans would run code that is not part of nnU-Net.
            UserError: When a checkpoint is damaged, or the mode is unknown or not supported by the model.
        """
        from nnunet_cscn.nnunet.loading import load_trained

        if mode not in get_args(PredictionMode):
            raise ArgumentError("mode", f"expected {', '.join(get_args(PredictionMode))}, got {mode}")
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints that on_device is for CUDA alone
            predictor = _predictors()[mode](
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


def mode_of(predictor: Any) -> PredictionMode:
    """Return the prediction mode of a predictor from ``Model.load``."""
    return next(mode for mode, kind in _predictors().items() if type(predictor) is kind)


def _predictors() -> Mapping[PredictionMode, type[Any]]:
    from nnunet_cscn.nnunet.inference import nnUNetPredictor
    from nnunet_cscn.prediction.stitched import StitchedPredictor
    from nnunet_cscn.prediction.three_views import ThreeViewsPredictor

    return {"tiles": nnUNetPredictor, "stitched": StitchedPredictor, "views": ThreeViewsPredictor}
