"""Trainers only for comparison: the coarse network alone, and the cascade with averaged weights."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nnunet_cscn.networks.bunet import build_bunet
from nnunet_cscn.networks.plans import Extent, Topology, architecture_of
from nnunet_cscn.networks.pooling import coarse_stem, pooled_plan, pooled_scales, pooling_of
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.training.base import CSCNBaseTrainer
from nnunet_cscn.training.cscn import CSCNTrainer


class CoarseHalf(nn.Module):
    """The U-Net of the pooled window. In prediction, its logits are resampled to full resolution."""

    def __init__(self, network: nn.Module, stem: nn.Module, pooling: Extent, scales: list[list[float]]) -> None:
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.scales = scales
        self.stem = stem

    @property
    def decoder(self) -> Any:
        return self.network.decoder

    def forward(self, x: Tensor) -> Any:
        out = self.network(self.stem(x))
        if self.decoder.deep_supervision:
            return out
        return F.interpolate(out.float(), scale_factor=[float(by) for by in self.pooling], mode="trilinear")


class CoarseHalfTrainer(CSCNBaseTrainer):
    """The coarse network of CSCNTrainer alone, with the same window, pooling and loss."""

    @classmethod
    def build_network_architecture(
        cls,
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        configuration = configuration_manager.configuration
        architecture = architecture_of(configuration)
        topology = Topology.from_architecture(architecture, configuration["patch_size"])
        coarse = Settings.from_configuration(configuration).coarse
        pooling = pooling_of(topology, coarse)
        stem, num_input_channels = coarse_stem(topology, pooling, coarse, num_input_channels)
        architecture, pooled = pooled_plan(architecture, topology, pooling)
        network = build_bunet(
            architecture,
            pooled,
            input_channels=num_input_channels,
            output_channels=num_output_channels,
            deep_supervision=enable_deep_supervision,
        )
        return CoarseHalf(network, stem, pooling, pooled_scales(pooled, pooling))

    def _get_deep_supervision_scales(self) -> list[list[float]]:
        network = unwrapped(self.network)
        assert isinstance(network, CoarseHalf)
        # the first scale of the data loader is full resolution, for which the pooled network has no output
        return network.scales


class AveragedCSCNTrainer(CSCNTrainer):
    """CSCNTrainer whose final weights are an exponential moving average over the iterations."""

    decay: ClassVar[float] = 0.998

    def on_train_start(self) -> None:
        super().on_train_start()
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(self.decay), use_buffers=True)

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        step = super().train_step(batch)
        self.average.update_parameters(self.network)
        return step

    def on_train_end(self) -> None:
        self.network.load_state_dict(self.average.module.state_dict())
        super().on_train_end()


CONTROLS = {trainer.__name__: trainer for trainer in (CoarseHalfTrainer, AveragedCSCNTrainer)}
