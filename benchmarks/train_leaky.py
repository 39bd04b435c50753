"""Train stage two on in-sample maps, as it must not be: those of the network that was trained on the same cases.

The counterpart of ``train.py ... CSCNStagedTrainer``: same batches, same embedded network, same validation from the
image alone. Only the stored maps differ: all come from the fold's own stage-one network.

Example: python benchmarks/train_leaky.py 902 3d_small 0 LeakyStagedTrainer --json runs/sts_leaky_0.json
"""

from __future__ import annotations

from dataclasses import replace

import torch
from train import main

from nnunet_cscn.cascade.manifest import open_cases, stage_one_maps
from nnunet_cscn.cascade.maps import StageOneMaps
from nnunet_cscn.cascade.postprocessor import OutOfFoldPredictor
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.data.channels import ExtraInputs
from nnunet_cscn.training.staged import CSCNStagedTrainer


class LeakyStagedTrainer(CSCNStagedTrainer):
    """The second stage with maps of networks that knew the cases."""

    leaky_maps: StageOneMaps | None = None

    def initialize(self) -> None:
        """Build everything, and make the maps before the loaders are seeded: building a network draws numbers."""
        super().initialize()
        self.leaky_maps = in_sample_maps(self.stage_one(), int(self.fold), self.device)

    def extra_inputs(self) -> ExtraInputs | None:
        """Return the in-sample maps."""
        inputs = super().extra_inputs()
        if inputs is None or self.leaky_maps is None:
            return None
        return replace(inputs, load=self.leaky_maps.load)


def in_sample_maps(stage_one: StageOne, fold: int, device: torch.device) -> StageOneMaps:
    """Predict every case with the stage-one network of one fold, whether it was trained on it or not."""
    folder = stage_one_maps(stage_one).folder
    maps = StageOneMaps(folder.with_name(f"{folder.name}__in_sample_{fold}"))
    predictor = OutOfFoldPredictor(stage_one, fold, device)
    cases = open_cases(stage_one)
    for case in cases.identifiers:
        image, *_ = cases.load_case(case)
        provenance = predictor.provenance(image)
        if maps.problem(case, provenance) is not None:
            maps.store(case, predictor.probabilities(image), provenance)
    return maps


if __name__ == "__main__":
    main(LeakyStagedTrainer)
