"""A trained model: load it, and predict arrays, files and folders with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import model_folder
from nnunet_cscn.prediction.devices import chosen_device
from nnunet_cscn.prediction.predictor import Fold, Manner, Model, SlidingWindow
from nnunet_cscn.prediction.running import OnProgress

if TYPE_CHECKING:
    from nnunet_cscn.workflows.predict import PredictedFolder

ALL_FOLDS: tuple[Fold, ...] = (0, 1, 2, 3, 4)
FINAL = "checkpoint_final.pth"
_QUIET = SlidingWindow(progress=False)


class Prediction(NamedTuple):
    """What a model predicts of one image, on the image's own grid.

    Attributes:
        mask: The label of each voxel, (Z, Y, X), as in the files that nnU-Net writes.
        probabilities: (N, Z, Y, X) from 0 to 1: of all N labels in their order, the background first; or of all N
            regions of a model of regions.
    """

    mask: NDArray[np.integer[Any]]
    probabilities: NDArray[np.float32]


def load_model(
    dataset: str | int,
    configuration: str,
    *,
    trainer: str = "CSCNTrainer",
    plans: str = "nnUNetPlans",
    folds: Sequence[Fold] = ALL_FOLDS,
    checkpoint: str = FINAL,
    device: str | None = None,
    mirroring: bool = True,
    step_size: float = 0.5,
    manner: Manner = "tiles",
    trust: bool | None = None,
) -> LoadedModel:
    """Load a trained model from ``$nnUNet_results``; the defaults are those of ``nnUNetv2_predict``.

    Args:
        dataset: The data set, by number or name.
        configuration: The configuration, such as ``3d_fullres``.
        trainer: The trainer.
        plans: The plans.
        folds: The folds whose logits are averaged: numbers, or ``all`` for the one that was trained on all cases.
        checkpoint: Which checkpoint of each fold.
        device: ``cuda``, ``cuda:1``, ``cpu`` or ``mps``; None for a GPU where there is one, else the CPU.
        mirroring: Whether mirrored copies are predicted too, and averaged.
        step_size: Step between tiles, as a fraction of a tile, above 0 and up to 1.
        manner: ``tiles``: as nnU-Net does. ``stitched``: the fine network gets the coarse probabilities of the whole
            image (for CSCNStagedTrainer). ``views``: along three views, averaged (for models of three views).
        trust: Whether checkpoints and plans may run code of their own, as nnU-Net lets them; None for what the
            variable ``CSCN_TRUST`` says, else not.

    Returns:
        The model, which can predict any number of images.

    Raises:
        UserError: When there is no such model, a fold is not trained, a checkpoint is damaged or would run code, the
            device is absent, or the model has not learnt that manner.

    Example:
        >>> model = load_model(901, "3d_fullres", folds=(0,), device="cuda")  # doctest: +SKIP
        >>> mask, probabilities = model.predict(image, spacing_mm=(3.0, 0.5, 0.5))  # doctest: +SKIP
    """
    return load_model_folder(
        model_folder(dataset, trainer=trainer, plans=plans, configuration=configuration),
        folds=folds,
        checkpoint=checkpoint,
        device=device,
        manner=manner,
        window=SlidingWindow(step_size, mirroring, progress=False),
        trust=trust,
    )


def load_model_folder(
    folder: str | Path,
    *,
    folds: Sequence[Fold] = ALL_FOLDS,
    checkpoint: str = FINAL,
    device: str | None = None,
    manner: Manner = "tiles",
    window: SlidingWindow = _QUIET,
    trust: bool | None = None,
) -> LoadedModel:
    """Load a trained model from a folder that lies anywhere, such as one that somebody sent.

    Args:
        folder: Holds ``dataset.json``, ``plans.json`` and ``fold_0`` and so on, as nnU-Net writes them.
        folds: As in ``load_model``.
        checkpoint: As in ``load_model``.
        device: As in ``load_model``.
        manner: As in ``load_model``.
        window: How tiles are laid, and what nnU-Net shows meanwhile.
        trust: As in ``load_model``.

    Raises:
        UserError: As ``load_model``.
    """
    if not 0 < window.step_size <= 1:
        raise ArgumentError("step_size", f"expected a number above 0 and at most 1, got {window.step_size:g}")
    if not Path(folder).is_dir():
        raise ArgumentError("folder", f"folder not found: {folder}")
    model = Model(Path(folder), tuple(folds), checkpoint)
    model.check()
    ensure_registered()
    return LoadedModel(model, model.load(chosen_device(device), window, manner=manner, trust=trust))


class LoadedModel:
    """A trained model on its device.

    Made by ``load_model`` and ``load_model_folder``.

    Args:
        model: Which model it is.
        predictor: nnU-Net's predictor with it.
    """

    def __init__(self, model: Model, predictor: Any) -> None:
        self.model = model
        self.predictor = predictor

    @property
    def device(self) -> str:
        """Where it predicts, such as ``cuda``."""
        return str(self.predictor.device)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of the images that it sees, in their order."""
        return self.model.channel_names()

    @property
    def labels(self) -> Mapping[str, Any]:
        """The value of each label in a mask, by name; those of a region's labels in a model of regions."""
        return self.model.labels()

    @property
    def previous_stage(self) -> str | None:
        """The configuration whose segmentations it needs as the second stage of nnU-Net's own cascade; else None."""
        name: str | None = self.predictor.configuration_manager.previous_stage_name
        return name

    def predict(self, image: ArrayLike, spacing_mm: Sequence[float]) -> Prediction:
        """Predict an image that is an array.

        It goes through nnU-Net's own preprocessing and back to its own grid: the mask holds the voxels that
        ``nnUNetv2_predict --save_probabilities`` writes for the same image in a file.

        Args:
            image: (Z, Y, X), or (C, Z, Y, X) with the model's channels in their order; plain intensities, not normed.
            spacing_mm: Distance between voxels along Z, Y and X, in mm.

        Returns:
            Mask and probabilities on the image's grid.

        Raises:
            UserError: When the image's shape, channels or values do not fit, or the model needs the segmentations of
                another one.

        Note:
            Plans that read images with ``...WithReorient`` have learnt from images in the orientation RAS: hand over
            arrays whose axes go to S, A and R.
        """
        voxels = np.asarray(image)
        spacing = _checked_spacing(spacing_mm)
        voxels = voxels[None] if voxels.ndim == 3 else voxels
        n_channels = len(self.channel_names)
        if voxels.ndim != 4 or voxels.shape[0] != n_channels:
            shapes = "(Z, Y, X) or (1, Z, Y, X)" if n_channels == 1 else f"({n_channels}, Z, Y, X)"
            raise ArgumentError("image", f"expected an array of shape {shapes}, got {np.shape(image)}")
        if voxels.size == 0 or voxels.dtype.kind not in "biuf" or not np.isfinite(voxels).all():
            raise ArgumentError("image", "expected finite real numbers as voxel values")
        return self._predicted(voxels, {"spacing": spacing})

    def predict_files(self, files: Sequence[str | Path], out: str | Path | None = None) -> Prediction:
        """Predict one case from its files.

        Args:
            files: One for each channel, in their order, in a format that the model's plans read.
            out: Where to write the mask, with the ending of the model's images; None to write nothing.

        Returns:
            Mask and probabilities on the grid on which nnU-Net reads the image.

        Raises:
            UserError: When a file is missing or damaged, their number is wrong, ``out`` has another ending, or the
                model needs the segmentations of another one.
        """
        from nnunet_cscn.nifti.writing import whole_volume
        from nnunet_cscn.prediction.images import check_unharmed

        paths, ending = [Path(file) for file in files], self.model.file_ending()
        if absent := [str(path) for path in paths if not path.is_file()]:
            raise ArgumentError("files", f"file not found: {', '.join(absent)}")
        if out is not None and not str(out).endswith(ending):
            raise ArgumentError("out", f"expected a file that ends with {ending}, got {out}")
        check_unharmed({"the case": paths})
        reader = self.predictor.plans_manager.image_reader_writer_class()
        voxels, properties = reader.read_images([str(path) for path in paths])
        if len(voxels) != len(self.channel_names):
            wanted = f"{len(self.channel_names)} channels ({', '.join(self.channel_names)})"
            raise ArgumentError("files", f"the model needs {wanted}, the files contain {len(voxels)}")
        predicted = self._predicted(voxels, properties)
        if out is not None:
            with whole_volume(Path(out)) as temporary:
                reader.write_seg(predicted.mask, str(temporary), properties)
        return predicted

    def predict_folder(
        self,
        images: str | Path,
        out: str | Path,
        *,
        save_probabilities: bool = False,
        overwrite: bool = True,
        on_progress: OnProgress | None = None,
    ) -> PredictedFolder:
        """Predict all images of a folder, one after the other, in this process.

        ``nnunet_cscn.workflows.predict.predict_folder`` does the same with more choices: uncertainty, processes that
        read and write meanwhile, and parts of the cases.

        Args:
            images: Images, named as nnU-Net wants them.
            out: Folder for the predictions.
            save_probabilities: Whether the probabilities are written too, as ``CASE.npz``.
            overwrite: Whether cases that are there already are predicted again.
            on_progress: Called with the number of predicted cases and of all of them.

        Raises:
            UserError: When there are no images, some are damaged or lack channels, or the model needs the segmentations
                of another one.
        """
        from nnunet_cscn.workflows.predict import predict_folder

        return predict_folder(
            self, images, out, save_probabilities=save_probabilities, overwrite=overwrite, on_progress=on_progress
        )

    def _predicted(self, voxels: NDArray[Any], properties: dict[str, Any]) -> Prediction:
        if self.previous_stage is not None:
            raise UserError(
                f"{self.model.folder.name} needs the segmentations of {self.previous_stage}: predict a folder and "
                "give the argument previous_stage"
            )
        return Prediction(*self.predictor.predict_single_npy_array(voxels, properties, None, None, True))


def _checked_spacing(spacing_mm: Sequence[float]) -> list[float]:
    spacing = [float(step) for step in spacing_mm]
    if len(spacing) != 3 or not all(0 < step < float("inf") for step in spacing):
        raise ArgumentError("spacing_mm", f"expected three positive numbers, along Z, Y and X, got {tuple(spacing)}")
    return spacing
