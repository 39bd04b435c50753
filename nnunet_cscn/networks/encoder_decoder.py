"""What all networks of one encoder and one decoder share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from torch import Tensor, nn

from nnunet_cscn.networks.memory import conv_feature_map_size


class EncoderDecoder(nn.Module):
    """A network that hands the features of all its encoder's stages to its decoder.

    Args:
        input_channels: Channels of its input.
        encoder: From (B, input_channels, *size) to the features of all stages, full resolution first.
        decoder: From these to logits, or a list of them; ``decoder.deep_supervision`` switches which.
    """

    def __init__(self, input_channels: int, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.input_channels = input_channels
        self.encoder = encoder
        self.decoder = decoder
        self.apply(InitWeights_He(1e-2))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits, or a list of them under deep supervision."""
        out: Tensor | list[Tensor] = self.decoder(self.encoder(x))
        return out

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Answer nnU-Net's question about memory."""
        return conv_feature_map_size(self, self.input_channels, input_size)


class StageByStage(nn.ModuleList):
    """An encoder of stages, each of which sees the one before alone."""

    def __init__(self, stages: Iterable[nn.Module]) -> None:
        super().__init__(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features of all stages."""
        features: list[Tensor] = []
        for stage in self:
            x = stage(x)
            features.append(x)
        return features
