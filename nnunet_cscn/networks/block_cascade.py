"""Base of the two cascades whose fine network works on blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.networks.cutting import block_grid, cut_blocks, draw_block_origins, grid_origins, tent_weights
from nnunet_cscn.networks.memory import conv_feature_map_size
from nnunet_cscn.networks.plans import Extent
from nnunet_cscn.networks.probability_kernels import is_apart
from nnunet_cscn.settings.block import FusionMode
from nnunet_cscn.settings.fine import FineSettings

BLOCKS_AT_A_TIME = 8  # blocks per batch in prediction; a power of two; limits memory
LARGEST_LOGIT = 8.0  # limit of the coarse logits to which the fine network adds, so that it can still change the result
AVERAGES = (".running_mean", ".running_var", ".num_batches_tracked")


class BlockCascade(CSCN):
    """A cascade whose fine network works on blocks at full resolution inside the window.

    Args:
        coarse: The network that sees the whole window.
        fine: The network on blocks. Its input is the image, the output_channels coarse probabilities, and optionally
            features of the coarse network.
        pooling: Voxels of the window, per axis, in one voxel of the coarse logits.
        block_size: Voxels per axis of a block.
        settings: How blocks are drawn in training and arranged in prediction.
        image_channels: Channels of the image.
        output_channels: Number of classes including the background, or of regions.
        fusion: How the two probabilities are combined where the fine network ran.
        deep_supervision: Whether ``forward`` returns the training outputs.
    """

    _steps: Tensor

    def __init__(
        self,
        coarse: nn.Module,
        fine: nn.Module,
        *,
        pooling: Extent,
        block_size: Extent,
        settings: FineSettings,
        image_channels: int,
        output_channels: int,
        fusion: FusionMode,
        deep_supervision: bool,
    ) -> None:
        super().__init__(
            coarse,
            fine,
            image_channels=image_channels,
            output_channels=output_channels,
            fusion=fusion,
            deep_supervision=deep_supervision,
        )
        self.pooling = pooling
        self.block_size = block_size
        self.settings = settings
        self.n_random = int(settings.blocks_per_sample * settings.random_share)  # rounded down
        self.mode = "trilinear" if len(pooling) == 3 else "bilinear"
        # a buffer on the device: creating it in each step would wait for the device
        self.register_buffer("_steps", torch.tensor(pooling), persistent=False)

    @property
    def n_fine_scales(self) -> int:
        """Number of the fine network's outputs under deep supervision."""
        return len(self.fine.decoder.seg_layers)  # type: ignore[union-attr,arg-type]

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Refuse weights of an earlier default with a clear message, instead of a long list of names.

        Raises:
            UserError: If the weights do not fit the two networks, or come from another normalisation of blocks.
        """
        ours = {key for key in self.state_dict() if not key.startswith("fusion.") and not is_apart(key)}
        theirs = {key.removeprefix(prefix) for key in state_dict if key.startswith(prefix)}
        averages, their_averages = _averages(ours), _averages(theirs)
        if theirs and not ours - averages <= theirs:
            raise UserError(
                "these weights do not fit the cascade in the plans. If they come from a version before 0.2, where both "
                "networks work at full resolution by default, add "
                '"coarse": {"resolution": "full"} to the block "cscn" of the configuration, in the plans.json '
                "of the model folder"
            )
        if theirs and averages != their_averages:
            norm = "batch" if their_averages else "plan"
            raise UserError(
                f"these weights were trained with fine.norm={norm}: set it in the plans.json of the model folder, "
                f'in the block "cscn" of the configuration ("fine": {{"norm": "{norm}"}}, besides what is there)'
            )
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _draw_origins(self, coarse_logits: Tensor) -> Tensor:
        with torch.no_grad():
            p = self._foreground(coarse_logits)
            size = self._pooled(self.block_size)
            drawn = draw_block_origins(4 * p * (1 - p), size, self.settings.blocks_per_sample, self.n_random)
            return drawn * self._steps

    def _run_fine_on_blocks(
        self, image: Tensor, coarse_logits: Tensor, features: Tensor | None, origins: Tensor
    ) -> Any:
        """Run the fine network on the blocks that start at ``origins``."""
        pooled_origins = torch.div(origins, self._steps, rounding_mode="floor")
        logits = coarse_logits.detach() if self.settings.detached else coarse_logits
        raised = self._upsampled_blocks(logits, pooled_origins)
        inputs = torch.cat(
            [cut_blocks(image, origins, self.block_size), self.fusion.probabilities(raised).to(image.dtype)], 1
        )
        context = None
        if features is not None and self.settings.sees_features:
            seen = features.detach() if self.settings.detached else features
            context = cut_blocks(seen, pooled_origins, self._pooled(self.block_size))
            size = self.fine.encoder.context_size(self.block_size)  # type: ignore[union-attr,operator]
            if tuple(context.shape[2:]) != size:
                context = F.interpolate(context, size=size, mode=self.mode)
        out = self.fine(inputs, context)
        if not self.settings.corrects:
            return out
        base = raised.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        if not isinstance(out, list):
            return out + base
        return [scale + F.interpolate(base, size=scale.shape[2:], mode="area") for scale in out]

    def _upsampled_blocks(self, coarse_logits: Tensor, pooled_origins: Tensor) -> Tensor:
        """Return blocks of the coarse logits, upsampled as if the whole window were upsampled."""
        margin = [1] * (2 * len(self.pooling))
        padded = F.pad(coarse_logits, margin, mode="replicate")
        size = self._pooled(self.block_size)
        blocks = cut_blocks(padded, pooled_origins, [edge + 2 for edge in size])
        raised = F.interpolate(blocks.float(), scale_factor=[float(by) for by in self.pooling], mode=self.mode)
        for axis, (by, edge) in enumerate(zip(self.pooling, self.block_size, strict=True)):
            raised = raised.narrow(axis + 2, by, edge)
        return raised

    def _coarse_and_fine(self, image: Tensor, coarse_logits: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the coarse and the fine probabilities at full resolution.

        Where the fine network does not run, its probabilities are those of the coarse network.
        """
        coarse_p = self.fusion.probabilities(self._upsampled(coarse_logits))
        return coarse_p, self._fine_probabilities(image, coarse_logits, features, coarse_p)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _fine_probabilities(
        self, image: Tensor, coarse_logits: Tensor, features: Tensor | None, coarse_p: Tensor
    ) -> Tensor:
        places = self._active_blocks(coarse_logits, tuple(image.shape[2:]))
        weight = tent_weights(self.block_size, device=image.device)
        total, weights = torch.zeros_like(coarse_p), torch.zeros_like(coarse_p[:, :1])
        for sample, origins in places:
            for chunk in torch.split(origins, batch_sizes(len(origins))):
                one = slice(sample, sample + 1)
                seen = None if features is None else features[one]
                out = self._run_fine_on_blocks(image[one], coarse_logits[one], seen, chunk[None])
                logits = out[0] if isinstance(out, list) else out
                for origin, p in zip(chunk.tolist(), self.fusion.probabilities(logits), strict=True):
                    edges = zip(origin, self.block_size, strict=True)
                    here: Any = (sample, slice(None), *(slice(first, first + edge) for first, edge in edges))
                    total[here] += p * weight
                    weights[here] += weight
        return torch.where(weights > 0, total / weights.clamp(min=1e-12), coarse_p)

    def _active_blocks(self, coarse_logits: Tensor, window: Extent) -> list[tuple[int, Tensor]]:
        """Return, for each sample, the blocks that contain enough coarse foreground."""
        along = block_grid(window, self.block_size, self.settings.overlap, self.pooling)
        origins = torch.tensor(grid_origins(along), device=coarse_logits.device)
        batch = coarse_logits.shape[0]
        if self.settings.threshold == 0:
            return [(sample, origins) for sample in range(batch)]
        p = self._foreground(coarse_logits)
        size = self._pooled(self.block_size)
        pooled = torch.div(origins, self._steps, rounding_mode="floor")
        blocks = cut_blocks(p, pooled.expand(batch, -1, -1), size).reshape(batch, len(origins), -1)
        is_active = blocks.amax(dim=-1) > self.settings.threshold
        return [(sample, origins[is_active[sample]]) for sample in range(batch)]

    def _foreground(self, logits: Tensor) -> Tensor:
        p = self.fusion.probabilities(logits)
        return p.amax(dim=1, keepdim=True) if self.fusion.is_regions else 1 - p[:, :1]

    def _upsampled(self, logits: Tensor) -> Tensor:
        return F.interpolate(logits.float(), scale_factor=[float(by) for by in self.pooling], mode=self.mode)

    def _pooled(self, size: Sequence[int]) -> Extent:
        return tuple(edge // by for edge, by in zip(size, self.pooling, strict=True))

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Return the size of all convolution outputs in a training step, from which nnU-Net estimates GPU memory."""
        before = self._deep_supervision
        self.deep_supervision = True
        try:
            return conv_feature_map_size(self, self.image_channels, input_size)
        finally:
            self.deep_supervision = before


def batch_sizes(n_blocks: int) -> list[int]:
    """Split a number of blocks into batches with few different sizes, because cuDNN tunes each new size again.

    Example:
        >>> batch_sizes(21)
        [8, 8, 4, 1]
    """
    sizes, size = [], BLOCKS_AT_A_TIME
    while n_blocks:
        if size <= n_blocks:
            sizes.append(size)
            n_blocks -= size
        else:
            size //= 2
    return sizes


def _averages(names: set[str]) -> set[str]:
    """Return the statistics that batch normalisation in the fine network averages over its training."""
    return {name for name in names if name.startswith("fine.") and name.endswith(AVERAGES)}
