"""Train stage two on in-sample maps, the mistake that out-of-fold maps avoid.

This script is the counterpart of ``train.py ... CSCNStagedTrainer``, with the same batches, the same embedded network
and the same validation. Only the stored maps differ: all come from the stage-one network of the same fold.

Example: python benchmarks/train_leaky.py 902 3d_small 0 LeakyStagedTrainer --json runs/sts_leaky_0.json
"""

from __future__ import annotations

from dataclasses import replace

import torch
from train import main

from nnunet_cscn.cascade.manifest import cases_of, maps_of
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
    folder = maps_of(stage_one).folder
    maps = StageOneMaps(folder.with_name(f"{folder.name}__in_sample_{fold}"))
    predictor = OutOfFoldPredictor(stage_one, fold, device)
    cases = cases_of(stage_one)
    for case in cases.identifiers:
        image, *_ = cases.load_case(case)
        origin = predictor.origin(image)
        if maps.fault(case, origin) is not None:
            maps.store(case, predictor.probabilities(image), origin)
    return maps


if __name__ == "__main__":
    main(LeakyStagedTrainer)
