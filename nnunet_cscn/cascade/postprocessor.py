"""Make the stage-one maps: each case is predicted by the fold that was not trained on it, on the preprocessed grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnunet_cscn.cascade.manifest import Manifest, OnProgress, PreprocessedImages, stage_one_maps
from nnunet_cscn.cascade.maps import MapProvenance
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.nnunet.loading import load_trained


def make_maps(
    stage_one: StageOne, *, device: torch.device, part: tuple[int, int] = (0, 1), on_progress: OnProgress | None = None
) -> list[str]:
    """Make all maps that are missing or out of date.

    Args:
        stage_one: The stage one; all its folds must be trained.
        device: Device for prediction.
        part: (index, count): make only this part of the cases, so that several processes can work at the same time.
        on_progress: Called with the number of finished cases of this part and its total number.

    Returns:
        The cases for which a map was made.

    Raises:
        UserError: If a fold is not trained or does not match the present data set.
    """
    stage_one.check_folds()
    maps, images = stage_one_maps(stage_one), PreprocessedImages(stage_one)
    share = sorted(stage_one.fold_of.items(), key=lambda item: item[::-1])[part[0] :: part[1]]  # sorted by fold
    made = []
    predictor: OutOfFoldPredictor | None = None
    for done, (case, fold) in enumerate(share, start=1):
        if predictor is None or predictor.fold != fold:
            predictor = OutOfFoldPredictor(stage_one, fold, device)
        shape = images.target_shape(case)
        provenance = predictor.provenance(images.image_hash(case), shape)
        if maps.problem(case, provenance) is not None:
            try:
                maps.store(case, predictor.probabilities(images.source(case), shape), provenance)
            except ValueError:
                raise UserError(
                    f"{stage_one.checkpoint_of(fold)} does not predict valid probabilities for {case}; the "
                    f"training probably diverged: train this fold again: {stage_one.train_command(fold)}"
                ) from None
            made.append(case)
        if on_progress is not None:
            on_progress(done, len(share))
    return made


def write_manifest(stage_one: StageOne) -> None:
    """Write the manifest when all maps exist.

    Raises:
        UserError: If a map is missing.
    """
    maps, provenances = stage_one_maps(stage_one), {}
    for case in stage_one.fold_of:
        provenance = maps.provenance(case)
        if provenance is None:
            raise UserError(f"{maps.folder} contains no map of {case}: run `{stage_one.cascade_command()}` again")
        provenances[case] = provenance
    Manifest.of(stage_one, provenances).write(maps)


class OutOfFoldPredictor:
    """Predicts the validation cases of one fold with the network of this fold.

    The network is loaded at the first prediction.

    Args:
        stage_one: The stage one.
        fold: The fold.
        device: Device for prediction.
    """

    def __init__(self, stage_one: StageOne, fold: int, device: torch.device) -> None:
        self.fold = fold
        self._stage_one = stage_one
        self._device = device
        self._checkpoint_sha256 = stage_one.checkpoint_hash(fold)
        self._predictor: Any = None

    def provenance(self, image_hash: str, shape: tuple[int, ...]) -> MapProvenance:
        """Return the provenance of the map of an image.

        Args:
            image_hash: Hash of the image, or of both images if the map has another grid.
            shape: Voxels per axis of the map.
        """
        return MapProvenance(self.fold, self._checkpoint_sha256, image_hash, (self._n_channels, *shape))

    def probabilities(self, image: Any, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
        """Predict the foreground probabilities of a preprocessed image as ``nnUNetv2_predict`` does.

        Args:
            image: (C, Z, Y, X), opened by nnU-Net's data set.
            shape: Voxels per axis of the target grid, to which nnU-Net's own function resamples the logits; None for
                the grid of the image.

        Returns:
            (C, Z, Y, X): all labels but the background, or all regions.
        """
        if self._predictor is None:
            self._predictor = self._load_predictor()
        data = torch.from_numpy(np.array(image[:]))
        logits = self._predictor.predict_logits_from_preprocessed_data(data).float()
        if shape is not None and self._stage_one.onto is not None:
            spacings = (self._stage_one.plan["spacing"], self._stage_one.target_plan["spacing"])
            resample = self._predictor.configuration_manager.resampling_fn_probabilities
            logits = torch.as_tensor(resample(logits, shape, *spacings)).float()
        labels = self._predictor.label_manager
        probabilities: NDArray[np.float32] = labels.apply_inference_nonlin(logits).numpy()
        return probabilities if labels.has_regions else probabilities[1:]

    @property
    def _n_channels(self) -> int:
        labels: dict[str, Any] = self._stage_one.dataset_json["labels"]
        return len(labels) - 1 - ("ignore" in labels)

    def _load_predictor(self) -> Any:
        predictor = nnUNetPredictor(device=self._device, perform_everything_on_device=True, allow_tqdm=False)
        load_trained(predictor, self._stage_one.folder, (self.fold,), self._stage_one.checkpoint)
        return predictor
