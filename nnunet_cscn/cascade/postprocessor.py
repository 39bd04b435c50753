"""The cascade postprocessor: every case's probabilities from the fold that did not see it, on the preprocessed grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnunet_cscn.cascade.manifest import Images, Manifest, OnProgress, maps_of
from nnunet_cscn.cascade.maps import Origin
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.nnunet.loading import load_trained


def make_maps(
    stage_one: StageOne, *, device: torch.device, part: tuple[int, int] = (0, 1), on_progress: OnProgress | None = None
) -> list[str]:
    """Make the maps that are missing or stale.

    Args:
        stage_one: The stage one, all of whose folds are trained.
        device: Where to predict.
        part: Which share of the cases, of how many; for several processes at a time.
        on_progress: Called with the number of finished cases of this share and of all of them.

    Returns:
        The cases whose maps were made.

    Raises:
        UserError: When a fold is not trained or does not fit the data set as it is now.
    """
    stage_one.check_folds()
    maps, images = maps_of(stage_one), Images(stage_one)
    share = sorted(stage_one.fold_of.items(), key=lambda item: item[::-1])[part[0] :: part[1]]  # fold by fold
    made = []
    predictor: OutOfFoldPredictor | None = None
    for done, (case, fold) in enumerate(share, start=1):
        if predictor is None or predictor.fold != fold:
            predictor = OutOfFoldPredictor(stage_one, fold, device)
        shape = images.target_shape(case)
        origin = predictor.origin(images.hash_of(case), shape)
        if maps.fault(case, origin) is not None:
            try:
                maps.store(case, predictor.probabilities(images.source(case), shape), origin)
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
    """Write the manifest of maps that are all there.

    Raises:
        UserError: When one is not.
    """
    maps, origins = maps_of(stage_one), {}
    for case in stage_one.fold_of:
        origin = maps.origin(case)
        if origin is None:
            raise UserError(f"{maps.folder} contains no map of {case}: run `{stage_one.cascade_command()}` again")
        origins[case] = origin
    Manifest.of(stage_one, origins).write(maps)


class OutOfFoldPredictor:
    """The network of one fold, for the cases that the fold validates.

    The network is loaded when the first case needs it.

    Args:
        stage_one: The stage one.
        fold: The fold.
        device: Where to predict.
    """

    def __init__(self, stage_one: StageOne, fold: int, device: torch.device) -> None:
        self.fold = fold
        self._stage_one = stage_one
        self._device = device
        self._checkpoint_sha256 = stage_one.checkpoint_hash(fold)
        self._predictor: Any = None

    def origin(self, image_hash: str, shape: tuple[int, ...]) -> Origin:
        """Return what the map of an image will be made from.

        Args:
            image_hash: That of the image, or of both images where the map lies on another grid.
            shape: Voxels per axis of the map.
        """
        return Origin(self.fold, self._checkpoint_sha256, image_hash, (self._n_channels, *shape))

    def probabilities(self, image: Any, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
        """Predict the foreground's probabilities of a preprocessed image as ``nnUNetv2_predict`` does.

        Args:
            image: (C, Z, Y, X), as nnU-Net's data set opens it.
            shape: Voxels per axis of the other configuration's image of the case, onto whose grid the logits are
                resampled by nnU-Net's own function; None for the image's own grid.

        Returns:
            (C, Z, Y, X): all labels but the background, or all regions.
        """
        if self._predictor is None:
            self._predictor = self._loaded()
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

    def _loaded(self) -> Any:
        predictor = nnUNetPredictor(device=self._device, perform_everything_on_device=True, allow_tqdm=False)
        load_trained(predictor, self._stage_one.folder, (self.fold,), self._stage_one.checkpoint)
        return predictor
