"""Train stage two on in-sample maps, the mistake that out-of-fold maps avoid.

This script is the counterpart of ``train.py ... CSCNStagedTrainer``, with the same batches, the same embedded network
and the same validation. Only the stored maps differ: all come from the stage-one network of the same fold.

Example: python benchmarks/train_leaky.py 902 3d_small 0 LeakyStagedTrainer --json runs/sts_leaky_0.json
"""

from __future__ import annotations

from dataclasses import replace

import torch
from train import main

from nnunet_cscn.cascade.manifest import PreprocessedImages, stage_one_maps
from nnunet_cscn.cascade.maps import StageOneMaps
from nnunet_cscn.cascade.postprocessor import OutOfFoldPredictor
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.data.channels import ExtraInputs
from nnunet_cscn.training.staged import CSCNStagedTrainer


class LeakyStagedTrainer(CSCNStagedTrainer):
    """Stage two with maps of networks that were trained on the cases."""

    leaky_maps: StageOneMaps | None = None

    def initialize(self) -> None:
        """Make the maps before the loaders are seeded, because building a network uses random numbers."""
        super().initialize()
        self.leaky_maps = in_sample_maps(self.stage_one(), int(self.fold), self.device)

    def extra_inputs(self) -> ExtraInputs | None:
        """Return the in-sample maps."""
        inputs = super().extra_inputs()
        if inputs is None or self.leaky_maps is None:
            return None
        return replace(inputs, load=self.leaky_maps.load)


def in_sample_maps(stage_one: StageOne, fold: int, device: torch.device) -> StageOneMaps:
    """Predict all cases with the stage-one network of one fold, including its training cases."""
    folder = stage_one_maps(stage_one).folder
    maps = StageOneMaps(folder.with_name(f"{folder.name}__in_sample_{fold}"))
    predictor = OutOfFoldPredictor(stage_one, fold, device)
    images = PreprocessedImages(stage_one)
    for case in stage_one.fold_of:
        shape = images.target_shape(case)
        provenance = predictor.provenance(images.image_hash(case), shape)
        if maps.problem(case, provenance) is not None:
            maps.store(case, predictor.probabilities(images.source(case), shape), provenance)
    return maps


if __name__ == "__main__":
    main(LeakyStagedTrainer)
