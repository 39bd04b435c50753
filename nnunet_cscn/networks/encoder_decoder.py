"""Base of all networks with one encoder and one decoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from torch import Tensor, nn

from nnunet_cscn.networks.memory import conv_feature_map_size


class EncoderDecoder(nn.Module):
    """A network whose decoder gets the features of all encoder stages.

    Args:
        input_channels: Channels of the input.
        encoder: Turns (B, input_channels, *size) into the features of all stages, full resolution first.
        decoder: Turns these features into logits; into a list of logits if ``decoder.deep_supervision`` is set.
    """

    def __init__(self, input_channels: int, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.input_channels = input_channels
        self.encoder = encoder
        self.decoder = decoder
        self.apply(InitWeights_He(1e-2))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits; with deep supervision a list."""
        out: Tensor | list[Tensor] = self.decoder(self.encoder(x))
        return out

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Return the size of all convolution outputs, which nnU-Net's planner uses to estimate GPU memory."""
        return conv_feature_map_size(self, self.input_channels, input_size)


class SequentialEncoder(nn.ModuleList):
    """An encoder in which each stage reads only the output of the stage before."""

    def __init__(self, stages: Iterable[nn.Module]) -> None:
        super().__init__(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features of all stages."""
        features: list[Tensor] = []
        for stage in self:
            x = stage(x)
            features.append(x)
        return features
