"""Make weights of one data set fit the channels and labels of another one."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.discovery import ensure_registered
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.nnunet.trainer import PlansManager, trainer_named
from nnunet_cscn.training.ends import Ends, matched

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Adapted:
    """What was kept of a model, and what starts anew.

    Attributes:
        checkpoint: The file that the weights are from.
        trainer: The trainer that they are for.
        kept_tensors: Number of tensors that are the same as in the model.
        kept_channels: Image channels that both data sets have.
        new_channels: Image channels that the model did not see; they start from the mean of the model's channels.
        kept_labels: Labels or regions whose kernels and heads are those of the model.
        new_labels: Labels or regions that start anew.
        dropped_channels: Image channels that only the model's data set has.
        dropped_labels: Labels or regions that only the model's data set has.
        heads_kept: Whether the file holds heads of the model; not between labels and regions.
    """

    checkpoint: Path
    trainer: str
    kept_tensors: int
    kept_channels: tuple[str, ...]
    new_channels: tuple[str, ...]
    kept_labels: tuple[str, ...]
    new_labels: tuple[str, ...]
    dropped_channels: tuple[str, ...]
    dropped_labels: tuple[str, ...]
    heads_kept: bool


def adapt_weights(
    file: Path,
    target: Path,
    *,
    plans: Mapping[str, Any],
    dataset_json: Mapping[str, Any],
    configuration: str | None = None,
    seed: int = 0,
) -> Adapted:
    """Write the weights of a model as weights to start a training on another data set from.

    Args:
        file: A checkpoint of any trainer.
        target: The file to write, for ``nnUNetv2_train -pretrained_weights``.
        plans: The plans of the other data set.
        dataset_json: Its ``dataset.json``.
        configuration: The configuration that will be trained; None for the one of the checkpoint.
        seed: Seed of what starts anew.

    Raises:
        UserError: When the file is no checkpoint, or the networks differ in more than channels and labels.
    """
    checkpoint = read_checkpoint(file)
    trainer, given = checkpoint["trainer_name"], checkpoint["init_args"]
    configuration = configuration or given["configuration"]
    configuration_from_plans(dict(plans), configuration)  # refused with a sentence where there is none
    source = _Plan(trainer, given["plans"], given["configuration"], given["dataset_json"])
    wanted = _Plan(trainer, plans, configuration, dataset_json)
    weights = source.loaded(checkpoint["network_weights"])
    _check_fit(weights, source, wanted, file)
    torch.manual_seed(seed)
    fresh = wanted.network().state_dict()
    adapted = _adapted(weights, fresh, source.ends, wanted)
    content = {
        "network_weights": adapted,
        "trainer_name": trainer,
        "channels": wanted.ends.channels,
        "labels": wanted.ends.labels,
    }
    with replacing(target) as temporary:
        torch.save(content, temporary)
    n_kept = sum(key in weights and weights[key].equal(adapted[key]) for key in adapted)
    return _summary(file, trainer, n_kept, source.ends, wanted.ends)


class _Plan:
    """A network as a trainer builds it for a data set."""

    def __init__(
        self, trainer: str, plans: Mapping[str, Any], configuration: str, dataset_json: Mapping[str, Any]
    ) -> None:
        self.trainer = trainer
        self.plans = PlansManager(dict(plans))
        self.configuration = configuration
        self.ends = Ends.of(self.plans, configuration, dataset_json)

    def network(self, *, more_channels: int = 0, more_labels: int = 0) -> Any:
        """Build the network; with more inputs or outputs than the data set has, to see what depends on these."""
        network = _trainer_class(self.trainer).build_network_architecture(
            self.plans,
            self.plans.get_configuration(self.configuration),
            len(self.ends.channels) + more_channels,
            len(self.ends.labels) + more_labels,
            True,
        )
        if hasattr(network, "fusion"):
            network.fusion.is_regions = self.ends.are_regions
        return network

    def loaded(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights under the names of now, whatever version wrote them."""
        network = self.network()
        network.load_state_dict(weights)
        state: dict[str, Tensor] = network.state_dict()
        return state

    def shapes(self, **more: int) -> Shapes:
        """Return the shapes of all tensors, without computing any."""
        with torch.device("meta"):
            return {key: tuple(value.shape) for key, value in self.network(**more).state_dict().items()}

    def axes(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return, by tensor, the axis that counts image channels, and the one that counts labels."""
        own = self.shapes()
        return _differing(own, self.shapes(more_channels=1)), _differing(own, self.shapes(more_labels=1))


def _trainer_class(name: str) -> Any:
    ensure_registered()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net tells where it looks
            return trainer_named(name)
    except RuntimeError:
        raise UserError(f"nnU-Net cannot find the trainer {name} of this checkpoint: install its package") from None


def _differing(shapes: Shapes, others: Shapes) -> dict[str, int]:
    """Return the axis in which each tensor differs, of those that do."""
    return {
        key: next(axis for axis, (edge, other) in enumerate(zip(shape, others[key], strict=True)) if edge != other)
        for key, shape in shapes.items()
        if shape != others[key]
    }


def _check_fit(weights: Mapping[str, Tensor], source: _Plan, wanted: _Plan, file: Path) -> None:
    """Refuse networks that differ in more than their inputs and outputs."""
    n_channels, n_labels = (len(getattr(source.ends, e)) - len(getattr(wanted.ends, e)) for e in ("channels", "labels"))
    like_source = wanted.shapes(more_channels=n_channels, more_labels=n_labels)
    differing = [key for key in {**weights, **like_source} if _shape(weights, key) != like_source.get(key)]
    if differing:
        old, new = (plan.plans.dataset_name for plan in (source, wanted))
        raise UserError(
            f"the network that {wanted.trainer} builds for {new} with configuration {wanted.configuration} of "
            f"{wanted.plans.plans_name} differs from the network in {file} in {len(differing)} tensors (such as "
            f"{differing[0]}): train with the model's plans (`nnUNetv2_move_plans_between_datasets -s {old} -t {new} "
            f"-sp {source.plans.plans_name} -tp NAME`, then preprocess with `-plans_name NAME`) and give `-p NAME`"
        )


def _shape(weights: Mapping[str, Tensor], key: str) -> tuple[int, ...] | None:
    return tuple(weights[key].shape) if key in weights else None


def _adapted(
    weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor], source: Ends, wanted: _Plan
) -> dict[str, Tensor]:
    channel_axes, label_axes = wanted.axes()
    channels = matched(wanted.ends.channels, source.channels)
    labels = matched(wanted.ends.labels, source.labels)
    is_same_kind = source.are_regions == wanted.ends.are_regions
    adapted = {}
    for key, start in fresh.items():
        if key.endswith("_extra_state"):
            adapted[key] = start  # whether heads are regions: a matter of the new data set
        elif key in label_axes:
            axis = label_axes[key]
            is_head = axis == 0  # a class of a softmax and a region of a sigmoid are no substitutes for each other
            adapted[key] = _placed(weights[key], start, axis, labels if is_same_kind or not is_head else [])
        elif key in channel_axes:
            axis = channel_axes[key]
            mean = weights[key].mean(dim=axis, keepdim=True).expand_as(start)
            adapted[key] = _placed(weights[key], mean, axis, channels)
        else:
            adapted[key] = weights[key]
    return adapted


def _placed(given: Tensor, start: Tensor, axis: int, places: Sequence[tuple[int, int]]) -> Tensor:
    """Return ``start`` with some slices of ``given`` in their new places."""
    out = start.clone().contiguous()
    for new, old in places:
        out.select(axis, new).copy_(given.select(axis, old))
    return out


def _summary(file: Path, trainer: str, n_kept: int, old: Ends, new: Ends) -> Adapted:
    channels, labels = matched(new.channels, old.channels), matched(new.labels, old.labels)
    return Adapted(
        file,
        trainer,
        n_kept,
        kept_channels=tuple(new.channels[place] for place, _ in channels),
        new_channels=_others(new.channels, [place for place, _ in channels]),
        kept_labels=tuple(new.labels[place] for place, _ in labels),
        new_labels=_others(new.labels, [place for place, _ in labels]),
        dropped_channels=_others(old.channels, [place for _, place in channels]),
        dropped_labels=_others(old.labels, [place for _, place in labels]),
        heads_kept=old.are_regions == new.are_regions and bool(labels),
    )


def _others(names: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(name for place, name in enumerate(names) if place not in places)
