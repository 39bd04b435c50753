"""The base class of all trainers: settings, length, seed and loss. The rest is nnU-Net's, or of a class beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.freed_memory import keep_freed_memory
from nnunet_cscn.losses.compound import FocalDiceLoss
from nnunet_cscn.losses.deep_supervision import DeepSupervisionLoss, scale_weights
from nnunet_cscn.networks.registry import NetworkName, build_network
from nnunet_cscn.nnunet.checkpoints import RECORD
from nnunet_cscn.nnunet.crossval import check_enough_cases
from nnunet_cscn.nnunet.datasets import infer_dataset_class
from nnunet_cscn.nnunet.trainer import ConfigurationManager, PlansManager
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.loss import LossSettings
from nnunet_cscn.splits.cross_validation import SPLITS_FILE
from nnunet_cscn.splits.reading import read_folds
from nnunet_cscn.texts import counted
from nnunet_cscn.training.checkpoint_interval import TimedCheckpointTrainer
from nnunet_cscn.training.extra_channels import ExtraChannelTrainer
from nnunet_cscn.training.finite_losses import FiniteLossTrainer
from nnunet_cscn.training.heads import load_heads, wanted_heads
from nnunet_cscn.training.interface import Interface
from nnunet_cscn.training.memory_advice import memory_advice
from nnunet_cscn.training.recording import RecordingTrainer
from nnunet_cscn.training.reproducible import limit_threads, seed_everything
from nnunet_cscn.training.safe_checkpoints import SafeCheckpointTrainer
from nnunet_cscn.training.stopping import StoppingTrainer
from nnunet_cscn.training.tiles import TilePredictingTrainer


class CSCNBaseTrainer(
    StoppingTrainer,
    RecordingTrainer,
    TilePredictingTrainer,
    TimedCheckpointTrainer,
    FiniteLossTrainer,
    ExtraChannelTrainer,
    SafeCheckpointTrainer,
):
    """Base of all trainers. A subclass names its network, and builds its own loss if it has two stages.

    Attributes:
        network_name: Name of the network in the registry.
        fixed_epochs: Number of epochs in the trainer's name; None to use the ``cscn`` block or nnU-Net's default.
        n_trained_scales: Number of output scales of the network; None for all scales of the plan.
    """

    network_name: ClassVar[NetworkName]
    fixed_epochs: ClassVar[int | None] = None
    n_trained_scales: ClassVar[int | None] = None

    # attributes of nnU-Net's trainer, which has no type hints
    num_epochs: int
    num_iterations_per_epoch: int
    num_val_iterations_per_epoch: int
    initial_lr: float
    my_init_kwargs: dict[str, Any]

    # nnU-Net reads the names of the arguments from the signature: they must be exactly these five
    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.settings = Settings.from_configuration(self.configuration_manager.configuration)
        self.enable_deep_supervision = True  # the distance map is an entry of the list of targets
        self._apply_training_length()
        self.check_tiles()

    @classmethod
    def build_network_architecture(
        cls,
        plans_manager: PlansManager,
        configuration_manager: ConfigurationManager,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        """Build the network. nnU-Net also calls this at prediction."""
        return build_network(
            cls.network_name,
            configuration_manager.configuration,
            input_channels=num_input_channels,
            output_channels=num_output_channels,
            deep_supervision=enable_deep_supervision,
        )

    def initialize(self) -> None:
        """Build the network, the optimiser and the loss."""
        if self.device.type == "cpu":
            limit_threads()
            keep_freed_memory()
        self._seed()
        with self._explaining_out_of_memory():
            super().initialize()

    def do_split(self) -> tuple[list[str], list[str]]:
        """Return the training and the validation cases, as nnU-Net does.

        Raises:
            UserError: When nnU-Net would have to make folds and there are fewer cases than folds, or the file of the
                folds is not valid (see ``read_folds``).
        """
        base = Path(self.preprocessed_dataset_folder_base)
        if self.fold != "all":
            cases = self.preprocessed_cases()
            if (base / SPLITS_FILE).is_file():
                read_folds(base / SPLITS_FILE, known=cases)
            else:
                check_enough_cases(base.name, cases)
        both: tuple[list[str], list[str]] = super().do_split()
        return both

    def preprocessed_cases(self) -> list[str]:
        """Return the names of all preprocessed cases of the configuration."""
        folder = self.preprocessed_dataset_folder
        cases: list[str] = infer_dataset_class(folder).get_identifiers(folder)
        return cases

    def on_train_start(self) -> None:
        """Record the split in the checkpoints, then start as nnU-Net does."""
        if "split" not in self.my_init_kwargs.get(RECORD, {}):
            training, validation = self.do_split()
            self.add_to_record(split={"train": list(training), "val": list(validation)})
        if self.current_epoch == 0 and (file := wanted_heads()) is not None:
            self._load_heads(file)
        super().on_train_start()

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Start the data loaders. With a seed, two networks get the same batches.

        This only holds for loaders in this process (nnUNet_n_proc_DA=0), because nnU-Net's worker processes seed
        themselves.
        """
        self._seed()
        loaders: tuple[Any, Any] = super().get_dataloaders()
        return loaders

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Choose between the outputs for training (True) and for prediction (False)."""
        decoder: Any = unwrapped(self.network).decoder
        decoder.deep_supervision = enabled

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's training step. If GPU memory is too small, the error says what to do."""
        with self._explaining_out_of_memory():
            step: dict[str, Any] = super().train_step(batch)
        return step

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's validation step. If GPU memory is too small, the error says what to do."""
        with self._explaining_out_of_memory():
            step: dict[str, Any] = super().validation_step(batch)
        return step

    def _get_deep_supervision_scales(self) -> list[list[float]]:
        # nnU-Net returns no scale for a plan with one stage, but there is always full resolution
        scales = super()._get_deep_supervision_scales() or [[1.0] * len(self.configuration_manager.patch_size)]
        return scales[: self.n_trained_scales]

    def _build_loss(self) -> nn.Module:
        return self._stage_loss()

    def _stage_loss(
        self, n_scales: int | None = None, *, batch_dice: bool | None = None, settings: LossSettings | None = None
    ) -> DeepSupervisionLoss:
        loss = FocalDiceLoss(
            settings or self.settings.loss,
            is_regions=self.label_manager.has_regions,
            ignore_label=self.label_manager.ignore_label,
            batch_dice=self.configuration_manager.batch_dice if batch_dice is None else batch_dice,
            is_distributed=self.is_ddp,
        )
        if self._do_i_compile():
            loss.dc = torch.compile(loss.dc)  # type: ignore[assignment]
        weights = scale_weights(n_scales or len(self._get_deep_supervision_scales()))
        return DeepSupervisionLoss(loss, weights, has_distance=self.uses_distance)

    def _load_heads(self, file: Path) -> None:
        if not self.was_initialized:
            self.initialize()
        interface = Interface.of(self.plans_manager, self.configuration_name, self.dataset_json)
        n_loaded = load_heads(unwrapped(self.network), file, interface.labels)
        self.print_to_log_file(f"Loaded {counted(n_loaded, 'tensor')} that depend on the labels, from", file)

    def _apply_training_length(self) -> None:
        settings = self.settings
        if self.fixed_epochs is not None and settings.epochs not in (None, self.fixed_epochs):
            raise UserError(
                f"{type(self).__name__} has a fixed number of epochs, but the cscn block of {self.configuration_name} "
                f"has epochs={settings.epochs}: use the trainer without epochs in its name, or remove the option"
            )
        self.num_epochs = settings.epochs or self.fixed_epochs or self.num_epochs
        self.num_iterations_per_epoch = settings.iterations_per_epoch or self.num_iterations_per_epoch
        self.num_val_iterations_per_epoch = (
            settings.validation_iterations_per_epoch or self.num_val_iterations_per_epoch
        )
        self.initial_lr = settings.initial_learning_rate or self.initial_lr

    def _seed(self) -> None:
        if self.settings.seed is not None:
            # a resumed training must not repeat the batches of its first epochs
            seed_everything(self.settings.seed + self.local_rank + self.current_epoch)

    @contextlib.contextmanager
    def _explaining_out_of_memory(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise UserError(self._memory_advice()) from error

    def _memory_advice(self) -> str:
        properties, plan = torch.cuda.get_device_properties(self.device), self.configuration_manager
        return memory_advice(
            gpu=properties.name,
            gibibytes=properties.total_memory / 2**30,
            trainer=type(self).__name__,
            dataset=self.plans_manager.dataset_name,
            plans=self.plans_manager.plans_name,
            configuration=self.configuration_name,
            patch_size=plan.patch_size,
            batch_size=self.batch_size,
            is_residual="Residual" in plan.network_arch_class_name,
        )
