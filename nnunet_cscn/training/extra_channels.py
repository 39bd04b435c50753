"""Give the network more than images and labels: distance maps, probability maps, and views of a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform

from nnunet_cscn.data.block_sampling import ThreeViewSampler, ViewedDataset, ViewSampler
from nnunet_cscn.data.channels import ExtraChannelDataset, ExtraInputs, with_extra_channels
from nnunet_cscn.data.distance_maps import DistanceMaps
from nnunet_cscn.data.known_labels import check_known_labels
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.trainer import default_num_processes, nnUNetTrainer
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.planned_distance_maps import planned_distance_maps

ISOTROPIC = 1.5  # largest ratio of spacings at which blocks of different views look alike


class ExtraChannelTrainer(nnUNetTrainer):
    """nnU-Net's trainer. Its batches also carry the distance maps, and the inputs that a subclass adds."""

    settings: Settings

    @property
    def uses_distance(self) -> bool:
        """Whether the loss of a network that is trained needs distance maps."""
        return self.settings.loss.uses_distance

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """Return nnU-Net's data sets with extra channels, and with sampled views if there is a view sampler."""
        training, validation = super().get_tr_and_val_datasets()
        if self.local_rank == 0:
            values = {*self.label_manager.all_labels, self.label_manager.ignore_label} - {None}
            check_known_labels((training, validation), values, n_threads=default_num_processes)
        training, validation = self._add_extra_channels(training, validation)
        draw = self.view_sampler()
        if draw is None:
            return training, validation
        return ViewedDataset(training, draw), ViewedDataset(validation, draw)

    def get_training_transforms(self, *args: Any, **kwargs: Any) -> BasicTransform:
        """Return nnU-Net's augmentation, extended to the extra channels."""
        return self._with_extra_channels(super().get_training_transforms(*args, **kwargs), is_training=True)

    def get_validation_transforms(self, *args: Any, **kwargs: Any) -> BasicTransform:
        """Return nnU-Net's validation transforms, extended to the extra channels."""
        return self._with_extra_channels(super().get_validation_transforms(*args, **kwargs), is_training=False)

    def extra_inputs(self) -> ExtraInputs | None:
        """Return the input channels besides the image; None by default."""
        return None

    def view_sampler(self) -> ViewSampler | None:
        """Return the function that draws a view of a case; None to use cases as they were preprocessed."""
        if not self.settings.three_views:
            return None
        if len(self.configuration_manager.patch_size) != 3:
            raise UserError(f"three_views: {self.configuration_name} is a 2d configuration; use a 3d configuration")
        spacing_mm = [float(step) for step in self.configuration_manager.spacing]
        if max(spacing_mm) > ISOTROPIC * min(spacing_mm):
            self.print_to_log_file(
                f"three_views: the spacing of {spacing_mm} mm is far from the same along all axes, so blocks of other "
                "views show other proportions; `cscn configure --spacing` makes a configuration of equal spacing"
            )
        return ThreeViewSampler()

    def distance_maps(self) -> DistanceMaps:
        """Return the distance maps for this plan, data set and loss."""
        return planned_distance_maps(
            Path(self.preprocessed_dataset_folder_base),
            self.configuration_manager,
            tuple(self.plans_manager.transpose_forward),
            self.label_manager,
            self.settings.loss,
        )

    def _add_extra_channels(self, training: Any, validation: Any) -> tuple[Any, Any]:
        inputs = self.extra_inputs()
        extras = [inputs.load] if inputs is not None else []
        if self.uses_distance:
            extras.append(self._prepared_distance_maps(training, validation).load)
        if not extras:
            return training, validation
        return ExtraChannelDataset(training, *extras), ExtraChannelDataset(validation, *extras)

    def _prepared_distance_maps(self, *data_sets: Any) -> DistanceMaps:
        maps = self.distance_maps()
        if self.local_rank == 0:
            self.print_to_log_file("Preparing distance maps in", maps.folder)
            made = sum(maps.prepare(cases, n_threads=default_num_processes) for cases in data_sets)
            self.print_to_log_file(f"Distance maps ready, {made} of them new")
        if self.is_ddp:
            torch.distributed.barrier()
        return maps

    def _with_extra_channels(self, transforms: BasicTransform, *, is_training: bool) -> BasicTransform:
        inputs = self.extra_inputs()
        return with_extra_channels(
            transforms,
            n_inputs=inputs.n_channels if inputs is not None else 0,
            n_targets=self.distance_maps().n_channels if self.uses_distance else 0,
            on_inputs=inputs.augmentation if inputs is not None and is_training else (),
        )
