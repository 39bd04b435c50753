"""Load a trained model and predict arrays, files and folders with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.finite import NOT_FINITE, are_finite
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.folders import model_folder
from nnunet_cscn.prediction.devices import chosen_device
from nnunet_cscn.prediction.predictor import Fold, Model, PredictionMode, SlidingWindow
from nnunet_cscn.prediction.running import OnProgress

if TYPE_CHECKING:
    from nnunet_cscn.workflows.predict import PredictedFolder

ALL_FOLDS: tuple[Fold, ...] = (0, 1, 2, 3, 4)
FINAL = "checkpoint_final.pth"
_QUIET = SlidingWindow(progress=False)


class Prediction(NamedTuple):
    """The prediction of one image, on the grid of the image.

    Attributes:
        mask: The label of each voxel, (Z, Y, X), as in nnU-Net's output files.
        probabilities: Values from 0 to 1, shape (N, Z, Y, X). N is the number of labels including the background, which
            is first. For a region-based model, N is the number of regions.
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
    mode: PredictionMode = "tiles",
    trust: bool | None = None,
) -> LoadedModel:
    """Load a trained model from ``$nnUNet_results``. The defaults are those of ``nnUNetv2_predict``.

    Args:
        dataset: Number or name of the data set.
        configuration: The configuration, such as ``3d_fullres``.
        trainer: Name of the trainer.
        plans: Name of the plans.
        folds: The folds whose logits are averaged: numbers, or ``all`` for the model that was trained on all cases.
        checkpoint: File name of the checkpoint of each fold.
        device: ``cuda``, ``cuda:1``, ``cpu`` or ``mps``. None for a GPU if there is one, else the CPU.
        mirroring: Whether to predict mirrored copies too and average them.
        step_size: Step of the sliding window as a fraction of the tile size, above 0 and up to 1.
        mode: ``tiles``: as nnU-Net does. ``stitched``: run the coarse network on the whole image first instead of
            inside each tile (for CSCNStagedTrainer). ``views``: predict in three views and average (for models trained
            with three views).
        trust: Whether checkpoints and plans may run code. None for the value of the variable ``CSCN_TRUST``, which is
            no by default.

    Returns:
        The model. It can predict any number of images.

    Raises:
        UserError: When the model does not exist, a fold is not trained, a checkpoint is damaged or would run code, the
            device is missing, or the model does not support the mode.

    Example:
        >>> model = load_model(901, "3d_fullres", folds=(0,), device="cuda")  # doctest: +SKIP
        >>> mask, probabilities = model.predict(image, spacing_mm=(3.0, 0.5, 0.5))  # doctest: +SKIP
    """
    return load_model_folder(
        model_folder(dataset, trainer=trainer, plans=plans, configuration=configuration),
        folds=folds,
        checkpoint=checkpoint,
        device=device,
        mode=mode,
        window=SlidingWindow(step_size, mirroring, progress=False),
        trust=trust,
    )


def load_model_folder(
    folder: str | Path,
    *,
    folds: Sequence[Fold] = ALL_FOLDS,
    checkpoint: str = FINAL,
    device: str | None = None,
    mode: PredictionMode = "tiles",
    window: SlidingWindow = _QUIET,
    trust: bool | None = None,
) -> LoadedModel:
    """Load a trained model from any folder.

    Args:
        folder: The model folder of nnU-Net, with ``dataset.json``, ``plans.json``, ``fold_0`` and so on.
        folds: As in ``load_model``.
        checkpoint: As in ``load_model``.
        device: As in ``load_model``.
        mode: As in ``load_model``.
        window: Settings of the sliding window and of nnU-Net's output.
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
    return LoadedModel(model, model.load(chosen_device(device), window, mode=mode, trust=trust))


class LoadedModel:
    """A trained model that is loaded on a device.

    Use ``load_model`` or ``load_model_folder`` to create it.

    Args:
        model: Description of the model.
        predictor: nnU-Net's predictor with the loaded model.
    """

    def __init__(self, model: Model, predictor: Any) -> None:
        self.model = model
        self.predictor = predictor

    @property
    def device(self) -> str:
        """The device of the model, such as ``cuda``."""
        return str(self.predictor.device)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of the input channels, in their order."""
        return self.model.channel_names()

    @property
    def labels(self) -> Mapping[str, Any]:
        """The value of each label in a mask, by name. For a region-based model: the values of each region."""
        return self.model.labels()

    @property
    def previous_stage(self) -> str | None:
        """For the second stage of nnU-Net's own cascade: the configuration of the first stage. Otherwise None."""
        name: str | None = self.predictor.configuration_manager.previous_stage_name
        return name

    def predict(self, image: ArrayLike, spacing_mm: Sequence[float]) -> Prediction:
        """Predict an image in an array.

        The image goes through nnU-Net's preprocessing, and the prediction is resampled to the grid of the image. The
        mask is identical to the output of ``nnUNetv2_predict --save_probabilities`` for the same image in a file.

        Args:
            image: Shape (Z, Y, X), or (C, Z, Y, X) with the channels of the model in their order. Original intensities,
                not normalised.
            spacing_mm: Size of a voxel along (Z, Y, X), in mm.

        Returns:
            Mask and probabilities on the grid of the image.

        Raises:
            UserError: When the shape, channels or values of the image are not valid, or the model needs the
                segmentations of another model.

        Note:
            If the plans read images with a reader named ``...WithReorient``, the model was trained on images in RAS
            orientation. Then the axes of the array must point to S, A and R.
        """
        voxels = np.asarray(image)
        spacing = _checked_spacing(spacing_mm)
        voxels = voxels[None] if voxels.ndim == 3 else voxels
        n_channels = len(self.channel_names)
        if voxels.ndim != 4 or voxels.shape[0] != n_channels:
            shapes = "(Z, Y, X) or (1, Z, Y, X)" if n_channels == 1 else f"({n_channels}, Z, Y, X)"
            raise ArgumentError("image", f"expected an array of shape {shapes}, got {np.shape(image)}")
        if voxels.size == 0 or voxels.dtype.kind not in "biuf" or not are_finite(voxels).all():
            raise ArgumentError("image", "expected real numbers as voxel values, finite in float32 (up to 3.4e38)")
        return self._predicted(voxels, {"spacing": spacing})

    def predict_files(self, files: Sequence[str | Path], out: str | Path | None = None) -> Prediction:
        """Predict one case from its files.

        Args:
            files: One file for each channel, in their order, in a format that the reader of the model can read.
            out: File for the mask, with the same file ending as the images of the model. None to write nothing.

        Returns:
            Mask and probabilities on the grid of the image as nnU-Net reads it.

        Raises:
            UserError: When a file is missing or damaged, the number of files is wrong, ``out`` has another file ending,
                or the model needs the segmentations of another model.
        """
        from nnunet_cscn.formats.whole_exports import is_readable
        from nnunet_cscn.nifti.writing import whole_volume
        from nnunet_cscn.prediction.images import check_images

        paths, ending = [Path(file) for file in files], self.model.file_ending()
        if absent := [str(path) for path in paths if not path.is_file()]:
            raise ArgumentError("files", f"file not found: {', '.join(absent)}")
        if out is not None and not str(out).endswith(ending):
            raise ArgumentError("out", f"expected a file that ends with {ending}, got {out}")
        has_nan = bool(check_images({"the case": paths}))  # ITK's reader replaces NaN in NIfTI files by 0, silently
        reader = self.predictor.plans_manager.image_reader_writer_class()
        with np.errstate(over="ignore"):  # numbers beyond 32 bits become infinity, which is refused below
            voxels, properties = reader.read_images([str(path) for path in paths])
        if len(voxels) != len(self.channel_names):
            wanted = f"{len(self.channel_names)} channels ({', '.join(self.channel_names)})"
            raise ArgumentError("files", f"the model needs {wanted}, the files contain {len(voxels)}")
        if has_nan or not are_finite(voxels).all():
            raise ArgumentError("files", f"the images have voxels that are {NOT_FINITE}: correct them first")
        predicted = self._predicted(voxels, properties)
        if out is not None:
            with whole_volume(Path(out)) as temporary:
                reader.write_seg(predicted.mask, str(temporary), properties)
                if not is_readable(temporary, reader):
                    raise RuntimeError("a torn label map")
        return predicted

    def predict_folder(
        self,
        images: str | Path,
        out: str | Path,
        *,
        save_probabilities: bool = False,
        save_probability_maps: bool = False,
        nan: float | None = None,
        overwrite: bool = True,
        on_progress: OnProgress | None = None,
    ) -> PredictedFolder:
        """Predict all images of a folder, one after the other, in this process.

        ``nnunet_cscn.workflows.predict.predict_folder`` has more options: uncertainty, parallel processes for reading
        and writing, and parts of the cases.

        Args:
            images: Folder of images with nnU-Net's names.
            out: Folder for the predictions.
            save_probabilities: Whether to write the probabilities too, as ``CASE.npz``.
            save_probability_maps: Whether to write the probability of each label as NIfTI on the grid of the image.
            nan: Value that replaces voxels of the images that are NaN or infinite, or beyond the range of float32;
                None to refuse such images.
            overwrite: Whether to predict existing cases again.
            on_progress: Called with the number of predicted cases and of all cases.

        Raises:
            UserError: When there are no images, images are damaged or channels are missing, or the model needs the
                segmentations of another model.
        """
        from nnunet_cscn.workflows.predict import predict_folder

        return predict_folder(
            self,
            images,
            out,
            save_probabilities=save_probabilities,
            save_probability_maps=save_probability_maps,
            nan=nan,
            overwrite=overwrite,
            on_progress=on_progress,
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
