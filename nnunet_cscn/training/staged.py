"""The trainer of the second stage of the staged cascade."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from nnunet_cscn.cascade.manifest import check_maps, stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.data.channels import ExtraInputs
from nnunet_cscn.data.soft_augmentation import soft_augmentation
from nnunet_cscn.errors import UserError
from nnunet_cscn.losses.deep_supervision import FineBlockLoss, FineLoss
from nnunet_cscn.networks.registry import build_second_stage
from nnunet_cscn.networks.staged import ResampledNetwork, StagedBlockCSCN, StagedCSCN
from nnunet_cscn.nnunet.checkpoints import RECORD, read_checkpoint
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.nnunet.trainer import ConfigurationManager, PlansManager, default_num_processes
from nnunet_cscn.nnunet.trainer_search import find_trainer
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.base import CSCNBaseTrainer


class CSCNStagedTrainer(CSCNBaseTrainer):
    """Trains the fine network on the image and the out-of-fold probabilities of a trained stage one.

    In training it reads stored probability maps (``cscn cascade``). Each map comes from a network that was not trained
    on the case. The model also contains the frozen stage-one network of the same fold. This network computes the
    probabilities where no stored map is given: in validation and in ``nnUNetv2_predict``, which pass only the image. So
    the trained model can be used without the stage-one model.
    """

    network_name = "acdnet"
    has_embedded_weights: bool = False  # whether a checkpoint with the stage-one weights was loaded

    @classmethod
    def build_network_architecture(
        cls,
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Build the stage-one network with its own trainer class, and the fine network."""
        configuration = configuration_manager.configuration
        staged = Settings.from_configuration(configuration).staged
        coarse_configuration = configuration_manager
        if (name := staged.configuration) is not None:
            configuration_from_plans(plans_manager.plans, name)  # raises UserError if there is none
            coarse_configuration = plans_manager.get_configuration(name)
        try:
            coarse = _trainer_class(staged.stage_one).build_network_architecture(
                plans_manager, coarse_configuration, num_input_channels, num_output_channels, False
            )
        except TypeError as refusal:  # a trainer for nnU-Net before 2.8
            raise UserError(
                f"cscn.staged.stage_one: build_network_architecture of {staged.stage_one} does not have the "
                f"arguments that this version of nnU-Net uses ({refusal}): update it"
            ) from refusal
        return build_second_stage(
            _resampled_to_grid(configuration_manager, coarse, coarse_configuration),
            configuration,
            input_channels=num_input_channels,
            output_channels=num_output_channels,
            deep_supervision=enable_deep_supervision,
        )

    def initialize(self) -> None:
        """Build everything, and set whether the outputs are classes or regions."""
        super().initialize()
        self._cascade().fusion.is_regions = self.label_manager.has_regions

    def on_train_start(self) -> None:
        """Check the stored maps. In a new training also load the stage-one weights."""
        if self.current_epoch < self.num_epochs:
            hashes = self._check_stage_one()
            if not self.has_embedded_weights:
                self._embed_stage_one()
                self.add_to_record(stage_one=hashes)
        super().on_train_start()

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Load nnU-Net's checkpoint, which also contains the stage-one network."""
        super().load_checkpoint(filename_or_checkpoint)
        self.has_embedded_weights = True

    def configure_optimizers(self) -> tuple[Any, Any]:
        """Return nnU-Net's optimiser without the parameters of the frozen network."""
        optimizer, scheduler = super().configure_optimizers()
        for group in optimizer.param_groups:
            group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
        return optimizer, scheduler

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Choose between the outputs for training (True) and for prediction (False)."""
        self._cascade().deep_supervision = enabled

    @property
    def uses_distance(self) -> bool:
        """Whether the loss of the fine network, the only one that is trained, needs distance maps."""
        return self.settings.fine_loss.uses_distance

    def extra_inputs(self) -> ExtraInputs | None:
        """Return the stored stage-one probabilities; None if the training is finished and only validation runs."""
        if self.current_epoch >= self.num_epochs:
            return None
        n_channels = self.label_manager.num_segmentation_heads - (not self.label_manager.has_regions)
        spacing_mm = [float(s) for s in self.configuration_manager.spacing]
        return ExtraInputs(
            load=stage_one_maps(self.stage_one()).load,
            n_channels=n_channels,
            augmentation=soft_augmentation(
                self.settings.staged.augmentation,
                n_channels,
                spacing_mm[-len(self.configuration_manager.patch_size) :],
                are_regions=self.label_manager.has_regions,
            ),
        )

    def stage_one(self) -> StageOne:
        """Return the stage one named in the settings."""
        return StageOne.for_stage_two(
            self.plans_manager.dataset_name,
            self.configuration_name,
            self.plans_manager.plans_name,
            self.settings.staged,
        )

    def _get_deep_supervision_scales(self) -> list[list[float]]:
        if not isinstance(self._cascade(), StagedBlockCSCN):
            return super()._get_deep_supervision_scales()
        return [[1.0] * len(self.configuration_manager.patch_size)]  # the targets of the blocks are cut from it

    def _build_loss(self) -> nn.Module:
        network, settings = self._cascade(), self.settings.fine_loss
        if isinstance(network, StagedBlockCSCN):
            return FineBlockLoss(self._stage_loss(network.n_fine_scales, batch_dice=True, settings=settings))
        return FineLoss(self._stage_loss(settings=settings))

    def _check_stage_one(self) -> dict[int, str]:
        """Check the stage-one maps and return the hash of the stage-one checkpoint of each fold."""
        if self.fold == "all":
            raise UserError(f"{type(self).__name__} needs a fold number: there are no out-of-fold maps for fold all")
        stage_one = self.stage_one()
        if int(self.fold) >= len(stage_one.splits):
            raise UserError(f"splits_final.json has no fold {self.fold}: expected 0 to {len(stage_one.splits) - 1}")
        self.print_to_log_file("Checking the stage-one maps")
        manifest = check_maps(stage_one, has_stage_one=not self.has_embedded_weights, n_threads=default_num_processes)
        hashes = manifest.checkpoint_hashes
        if self.has_embedded_weights and self.my_init_kwargs.get(RECORD, {}).get("stage_one") != hashes:
            raise UserError(
                f"the stage-one probability maps changed after the training in {self.output_folder} started: restore "
                "them, or delete this folder and train again"
            )
        return hashes

    def _embed_stage_one(self) -> None:
        if not self.was_initialized:
            self.initialize()
        file = self.stage_one().checkpoint_of(int(self.fold))
        try:
            coarse = self._cascade().coarse
            network = coarse.network if isinstance(coarse, ResampledNetwork) else coarse
            network.load_state_dict(read_checkpoint(file)["network_weights"])
        except RuntimeError as misfit:
            raise UserError(
                f"the network in {file} differs from the network that {self.settings.staged.stage_one} builds: train "
                "stage one again"
            ) from misfit
        self.print_to_log_file("Embedded the stage-one network of", file)

    def _cascade(self) -> StagedCSCN | StagedBlockCSCN:
        network = unwrapped(self.network)
        assert isinstance(network, (StagedCSCN, StagedBlockCSCN))
        return network


def _resampled_to_grid(second: ConfigurationManager, network: nn.Module, first: ConfigurationManager) -> nn.Module:
    """Return the stage-one network for windows of stage two; it is resampled if their grids differ.

    Raises:
        UserError: If one configuration is 2D and the other is 3D.
    """
    if len(first.patch_size) != len(second.patch_size):
        raise UserError("cscn.staged.configuration: a 2D stage one cannot be combined with a 3D stage two")
    scale = [float(ours / theirs) for ours, theirs in zip(second.spacing, first.spacing, strict=True)]
    if scale == [1.0] * len(scale) and list(first.patch_size) == list(second.patch_size):
        return network
    multiple = np.prod(np.vstack(first.pool_op_kernel_sizes), axis=0)
    return ResampledNetwork(
        network,
        scale=scale,
        patch_size=[int(edge) for edge in first.patch_size],
        multiple=[int(step) for step in multiple],
    )


def _trainer_class(name: str) -> Any:
    found = find_trainer(name)
    if found is None:
        raise UserError(f"cscn.staged.stage_one: nnU-Net cannot find a trainer {name}; check the name")
    if issubclass(found, CSCNStagedTrainer):
        raise UserError(
            f"cscn.staged.stage_one: {name} is a trainer of stage two; give the trainer of a single network"
        )
    return found
