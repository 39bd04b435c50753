"""All networks by name. A new network needs a module and one line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from nnunet_cscn.networks.acdnet import ACDNet
from nnunet_cscn.networks.block_plan import block_plan
from nnunet_cscn.networks.bunet import build_bunet
from nnunet_cscn.networks.cnn import CNN
from nnunet_cscn.networks.coarse_to_fine import CoarseToFineCSCN
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.networks.deeplab import DeepLab
from nnunet_cscn.networks.plans import Architecture, Extent, Topology, architecture_of
from nnunet_cscn.networks.pooling import coarse_stem, pooled_plan, pooled_scales, pooling_of
from nnunet_cscn.networks.probability_kernels import store_apart
from nnunet_cscn.networks.staged import StagedBlockCSCN, StagedCSCN
from nnunet_cscn.networks.vnet import VNet
from nnunet_cscn.settings.block import Settings

NetworkName = Literal["bunet", "acdnet", "cscn", "cscn_one_resolution", "vnet", "deeplab", "cnn"]


@dataclass(frozen=True)
class Blueprint:
    """Everything that is needed to build a network.

    Attributes:
        architecture: Architecture entry of the plan.
        topology: Topology read from this entry.
        settings: Settings of the configuration (its ``cscn`` block).
        input_channels: Image channels.
        output_channels: Number of classes including the background, or of regions.
        deep_supervision: Whether ``forward`` returns the training outputs.
    """

    architecture: Architecture
    topology: Topology
    settings: Settings
    input_channels: int
    output_channels: int
    deep_supervision: bool


def _bunet(plan: Blueprint) -> nn.Module:
    return build_bunet(
        plan.architecture,
        plan.topology,
        input_channels=plan.input_channels,
        output_channels=plan.output_channels,
        deep_supervision=plan.deep_supervision,
    )


def _acdnet(plan: Blueprint) -> nn.Module:
    return _acdnet_of(plan, plan.input_channels)


def _acdnet_of(plan: Blueprint, input_channels: int) -> ACDNet:
    return ACDNet(
        plan.topology,
        input_channels,
        plan.output_channels,
        plan.settings.fine,
        deep_supervision=plan.deep_supervision,
    )


def _cscn(plan: Blueprint) -> nn.Module:
    return _coarse_to_fine(plan) if plan.settings.coarse.resolution == "pooled" else _one_resolution(plan)


def _coarse_to_fine(plan: Blueprint) -> nn.Module:
    pooling = pooling_of(plan.topology, plan.settings.coarse)
    architecture, pooled = pooled_plan(plan.architecture, plan.topology, pooling)
    stem, channels = coarse_stem(plan.topology, pooling, plan.settings.coarse, plan.input_channels)
    coarse = dataclasses.replace(plan, architecture=architecture, topology=pooled, input_channels=channels)
    context_channels = pooled.features[0] if plan.settings.fine.sees_features else 0
    fine, block_size = _fine_network_on_blocks(plan, pooling, context_channels=context_channels)
    return CoarseToFineCSCN(
        _bunet(coarse),
        fine,
        stem=stem,
        coarse_scales=pooled_scales(pooled, pooling),
        pooling=pooling,
        block_size=block_size,
        **_cascade_arguments(plan, on_blocks=True),
    )


def _fine_network_on_blocks(plan: Blueprint, pooling: Extent, *, context_channels: int = 0) -> tuple[ACDNet, Extent]:
    """Return ACDNet for blocks of the image and the coarse probabilities, and the block size."""
    blocks = block_plan(plan.topology, plan.settings.fine, pooling)
    network = ACDNet(
        blocks,
        plan.input_channels + plan.output_channels,
        plan.output_channels,
        plan.settings.fine,
        context_channels=context_channels,
        deep_supervision=plan.deep_supervision,
    )
    _store_apart(network, plan)
    return network, blocks.patch_size


def _store_apart(fine: ACDNet, plan: Blueprint) -> None:
    stem: Any = fine.encoder.stem
    store_apart(stem[0], plan.input_channels)


def _cascade_arguments(plan: Blueprint, *, on_blocks: bool) -> dict[str, Any]:
    return {
        **({"settings": plan.settings.fine} if on_blocks else {}),
        "image_channels": plan.input_channels,
        "output_channels": plan.output_channels,
        "fusion": plan.settings.fusion or ("fine" if on_blocks else "mean"),
        "deep_supervision": plan.deep_supervision,
    }


def _fine_on_patch(plan: Blueprint) -> ACDNet:
    """Return ACDNet on image and probabilities of the whole patch."""
    network = _acdnet_of(plan, plan.input_channels + plan.output_channels)
    _store_apart(network, plan)
    return network


def _one_resolution(plan: Blueprint) -> nn.Module:
    fine = _fine_on_patch(plan)
    return CSCN(_bunet(plan), fine, **_cascade_arguments(plan, on_blocks=False))


def _baseline(kind: Callable[..., nn.Module]) -> Callable[[Blueprint], nn.Module]:
    """Return the builder of a network that needs only the topology of the plan."""

    def build(plan: Blueprint) -> nn.Module:
        return kind(plan.topology, plan.input_channels, plan.output_channels, deep_supervision=plan.deep_supervision)

    return build


BUILDERS: Mapping[NetworkName, Callable[[Blueprint], nn.Module]] = {
    "bunet": _bunet,
    "acdnet": _acdnet,
    "cscn": _cscn,
    "cscn_one_resolution": _one_resolution,
    "vnet": _baseline(VNet),
    "deeplab": _baseline(DeepLab),
    "cnn": _baseline(CNN),
}


def build_network(
    name: NetworkName,
    configuration: Mapping[str, Any],
    *,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> nn.Module:
    """Build a network from a configuration of nnU-Net's plans.

    Args:
        name: Name of the network.
        configuration: The configuration with its inheritance resolved.
        input_channels: Image channels.
        output_channels: Number of classes including the background, or of regions.
        deep_supervision: Whether ``forward`` returns the training outputs.

    Raises:
        UserError: If the plan has no U-Net topology or its ``cscn`` block is not valid.
    """
    return BUILDERS[name](_blueprint(configuration, input_channels, output_channels, deep_supervision))


def build_second_stage(
    coarse: nn.Module,
    configuration: Mapping[str, Any],
    *,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> StagedCSCN | StagedBlockCSCN:
    """Build the second stage of the staged cascade from a trained coarse network.

    Args:
        coarse: The coarse network. It turns the image of a patch (or window) into logits of the same size.
        configuration: As in ``build_network``.
        input_channels: As in ``build_network``.
        output_channels: As in ``build_network``.
        deep_supervision: As in ``build_network``.

    Raises:
        UserError: As ``build_network``.
    """
    plan = _blueprint(configuration, input_channels, output_channels, deep_supervision)
    if plan.settings.coarse.resolution == "pooled":
        same = (1,) * plan.topology.dimensions  # the coarse probabilities have the resolution of the window
        network, block_size = _fine_network_on_blocks(plan, same)
        return StagedBlockCSCN(
            coarse, network, pooling=same, block_size=block_size, **_cascade_arguments(plan, on_blocks=True)
        )
    fine = _fine_on_patch(plan)
    return StagedCSCN(coarse, fine, **_cascade_arguments(plan, on_blocks=False))


def _blueprint(
    configuration: Mapping[str, Any], input_channels: int, output_channels: int, deep_supervision: bool
) -> Blueprint:
    architecture = architecture_of(configuration)
    settings = Settings.from_configuration(configuration)
    # the plans in a model folder may have larger tiles as patch size; the network was planned for block_size
    patch_size: Sequence[int] = settings.block_size or configuration["patch_size"]
    return Blueprint(
        architecture=architecture,
        topology=Topology.from_architecture(architecture, patch_size),
        settings=settings,
        input_channels=input_channels,
        output_channels=output_channels,
        deep_supervision=deep_supervision,
    )
