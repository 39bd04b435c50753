"""CSCN over two resolutions: the coarse network sees the pooled window, the fine one blocks at full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.cscn import CSCN, StageOutputs
from nnunet_cscn.networks.cutting import corners, cut, draw_origins, lattice, tent
from nnunet_cscn.networks.memory import conv_feature_map_size
from nnunet_cscn.networks.plans import Extent
from nnunet_cscn.settings import FineSettings, FusionMode

BLOCKS_AT_A_TIME = 8  # in prediction: bounds memory
LARGEST_LOGIT = 8.0  # of the coarse network, where the fine one corrects it: a correction must still be able to win


class CoarseToFineCSCN(CSCN):
    """The cascade on a window: coarse everywhere, fine where it matters.

    Args:
        coarse: A U-Net of the pooled window, with ``encoder``, ``decoder.transpconvs``, ``.stages``, ``.seg_layers``.
        fine: A network of blocks: image + output_channels probabilities, and features where it sees any.
        stem: From the image of the window to what the coarse network sees.
        pooling: Voxels per axis that become one for the coarse network.
        coarse_scales: Sizes of the coarse network's outputs in relation to the window.
        block_size: Voxels per axis of a block.
        settings: How blocks are drawn and laid out.
        image_channels: Channels of the image.
        output_channels: Classes with the background, or regions.
        fusion: How the two probabilities become one where both are there.
        deep_supervision: Whether ``forward`` returns what training needs.

    Shape:
        (B, image_channels, *window) -> (B, output_channels, *window) logits of the fused probability, float32; under
        deep supervision the list ``[fused, coarse, fine, origins]``: logits of the pooled window's scales, logits of
        the blocks' scales (B * K, output_channels, *block), and the blocks' first voxels (B, K, axes).
    """

    def __init__(
        self,
        coarse: nn.Module,
        fine: nn.Module,
        *,
        stem: nn.Module,
        pooling: Extent,
        coarse_scales: list[list[float]],
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
        self.coarse_scales = coarse_scales
        self.block_size = block_size
        self.settings = settings
        self.n_random = round(settings.blocks_per_sample * settings.random_share)
        self.mode = "trilinear" if len(pooling) == 3 else "bilinear"
        self.stem = stem
        self.max_pool = F.max_pool3d if len(pooling) == 3 else F.max_pool2d

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Refuse the weights of a cascade of one resolution with a sentence instead of a page of shapes.

        Raises:
            UserError: When the coarse network inside has other stages.
        """
        ours = {key for key in self.state_dict() if key.startswith("coarse.")}
        theirs = {key.removeprefix(prefix) for key in state_dict if key.startswith(f"{prefix}coarse.")}
        if theirs and theirs != ours:
            raise UserError(
                "these weights belong to a cascade whose coarse network has other stages, such as one at full "
                'resolution (the default before version 0.2): write "coarse": {"resolution": "full"} into the block '
                '"cscn" of its configuration, in the plans.json beside the model'
            )
        super()._load_from_state_dict(state_dict, prefix, *args)

    @property
    def n_fine_scales(self) -> int:
        """Number of the fine network's outputs under deep supervision."""
        return len(self.fine.decoder.seg_layers)  # type: ignore[union-attr,arg-type]

    def forward(self, x: Tensor) -> Any:
        """Run the coarse network on the window and the fine one on blocks of it."""
        image, _ = self._split(x)
        features, coarse_out = self._coarse_out(image)
        if not self._deep_supervision:
            return self.fusion(*self._both(image, coarse_out[0], features))
        origins = self._draw(coarse_out[0])
        fine_out = self._fine_blocks(image, coarse_out[0], features, origins)
        with torch.no_grad():
            if self.training:  # nobody looks at it
                fused = self._upsampled(coarse_out[0].detach())
            else:  # nnU-Net's pseudo Dice does
                fused = self.fusion(*self._both(image, coarse_out[0], features))
        return [fused, coarse_out, list(fine_out) if isinstance(fine_out, list) else [fine_out], origins]

    def stage_probabilities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the coarse network and of the fine one where it ran, of the coarse elsewhere."""
        image, _ = self._split(x)
        features, coarse_out = self._coarse_out(image)
        return self._both(image, coarse_out[0], features)

    def _coarse_out(self, image: Tensor) -> tuple[Tensor, StageOutputs]:
        """Return the coarse network's last features and its logits, full (pooled) resolution first."""
        skips = self.coarse.encoder(self.stem(image))  # type: ignore[operator]
        decoder: Any = self.coarse.decoder
        x = skips[-1]
        logits: StageOutputs = []
        stages = list(getattr(decoder, "stages", []))
        for i, stage in enumerate(stages):
            x = stage(torch.cat([decoder.transpconvs[i](x), skips[-(i + 2)]], dim=1))
            if self._deep_supervision or i == len(stages) - 1:
                logits.insert(0, decoder.seg_layers[i](x))
        if not stages:  # a plan of one resolution: nothing but a head
            logits.append(decoder.seg_layers[0](x))
        return x, logits

    def _draw(self, coarse_logits: Tensor) -> Tensor:
        with torch.no_grad():
            p = self._foreground(coarse_logits)
            size = self._pooled(self.block_size)
            drawn = draw_origins(4 * p * (1 - p), size, self.settings.blocks_per_sample, self.n_random)
            return drawn * torch.tensor(self.pooling, device=drawn.device)

    def _fine_blocks(self, image: Tensor, coarse_logits: Tensor, features: Tensor, origins: Tensor) -> Any:
        """Return what the fine network says of blocks."""
        pooled_origins = torch.div(origins, torch.tensor(self.pooling, device=origins.device), rounding_mode="floor")
        logits = coarse_logits.detach() if self.settings.detached else coarse_logits
        raised = self._raised(logits, pooled_origins)
        inputs = torch.cat([cut(image, origins, self.block_size), self.fusion.probabilities(raised).to(image.dtype)], 1)
        context = None
        if self.settings.sees_features:
            seen = features.detach() if self.settings.detached else features
            context = cut(seen, pooled_origins, self._pooled(self.block_size))
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

    def _raised(self, coarse_logits: Tensor, pooled_origins: Tensor) -> Tensor:
        """Return blocks of the coarse logits at full resolution, as if the whole window had been brought there."""
        margin = [1] * (2 * len(self.pooling))
        padded = F.pad(coarse_logits, margin, mode="replicate")
        size = self._pooled(self.block_size)
        blocks = cut(padded, pooled_origins, [edge + 2 for edge in size])
        raised = F.interpolate(blocks.float(), scale_factor=[float(by) for by in self.pooling], mode=self.mode)
        for axis, (by, edge) in enumerate(zip(self.pooling, self.block_size, strict=True)):
            raised = raised.narrow(axis + 2, by, edge)
        return raised

    def _both(self, image: Tensor, coarse_logits: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coarse probabilities at full resolution, and the fine ones where the fine network runs."""
        coarse_p = self.fusion.probabilities(self._upsampled(coarse_logits))
        return coarse_p, self._refined(image, coarse_logits, features, coarse_p)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _refined(self, image: Tensor, coarse_logits: Tensor, features: Tensor, coarse_p: Tensor) -> Tensor:
        places = self._active(coarse_logits, tuple(image.shape[2:]))
        weight = tent(self.block_size, device=image.device)
        total, weights = torch.zeros_like(coarse_p), torch.zeros_like(coarse_p[:, :1])
        was_supervised, self.fine.decoder.deep_supervision = self._deep_supervision, False  # type: ignore[union-attr]
        for sample, origins in places:
            for chunk in torch.split(origins, BLOCKS_AT_A_TIME):
                one = slice(sample, sample + 1)
                logits = self._fine_blocks(image[one], coarse_logits[one], features[one], chunk[None])
                for origin, p in zip(chunk.tolist(), self.fusion.probabilities(logits), strict=True):
                    edges = zip(origin, self.block_size, strict=True)
                    here: Any = (sample, slice(None), *(slice(first, first + edge) for first, edge in edges))
                    total[here] += p * weight
                    weights[here] += weight
        self.fine.decoder.deep_supervision = was_supervised  # type: ignore[union-attr]
        return torch.where(weights > 0, total / weights.clamp(min=1e-12), coarse_p)

    def _active(self, coarse_logits: Tensor, window: Extent) -> list[tuple[int, Tensor]]:
        """Return, for each sample, the blocks in which the coarse network sees enough foreground."""
        along = lattice(window, self.block_size, self.settings.overlap, self.pooling)
        origins = torch.tensor(corners(along), device=coarse_logits.device)
        batch = coarse_logits.shape[0]
        if self.settings.threshold == 0:
            return [(sample, origins) for sample in range(batch)]
        p = self._foreground(coarse_logits)
        size = self._pooled(self.block_size)
        pooled = torch.div(origins, torch.tensor(self.pooling, device=origins.device), rounding_mode="floor")
        blocks = cut(p, pooled.expand(batch, -1, -1), size).reshape(batch, len(origins), -1)
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
        """Answer nnU-Net's question about memory, as of a training step."""
        before = self._deep_supervision
        self.deep_supervision = True
        try:
            return conv_feature_map_size(self, self.image_channels, input_size)
        finally:
            self.deep_supervision = before
