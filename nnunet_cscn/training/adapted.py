"""Adapt the weights of a model to the channels and labels of another data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing
from nnunet_cscn.nnunet.checkpoints import read_checkpoint
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.nnunet.trainer import PlansManager
from nnunet_cscn.nnunet.trainer_search import find_trainer
from nnunet_cscn.texts import counted
from nnunet_cscn.training.interface import Interface, matched

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Adapted:
    """Summary of adapted weights.

    Attributes:
        checkpoint: The checkpoint of the model.
        trainer: The trainer of the model.
        kept_tensors: Number of unchanged tensors.
        kept_channels: Image channels of both data sets.
        new_channels: Image channels that the model does not have. Their kernels are the mean over the model's channels.
        kept_labels: Labels or regions of both data sets.
        new_labels: Labels or regions that the model does not have. Their weights are random.
        dropped_channels: Image channels that only the model has.
        dropped_labels: Labels or regions that only the model has.
        heads_kept: Whether the file contains segmentation heads of the model. False between labels and regions.
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
    """Write pretrained weights for another data set from the weights of a model.

    Args:
        file: A checkpoint of any trainer.
        target: The file to write, for ``nnUNetv2_train -pretrained_weights``.
        plans: The plans of the other data set.
        dataset_json: The ``dataset.json`` of the other data set.
        configuration: The configuration to train; None for the configuration of the checkpoint.
        seed: Seed of the random weights.

    Raises:
        UserError: If the file is not a checkpoint, or the networks differ in more than channels and labels.
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
    adapted = _adapted(weights, fresh, source.interface, wanted)
    content = {
        "network_weights": adapted,
        "trainer_name": trainer,
        "channels": wanted.interface.channels,
        "labels": wanted.interface.labels,
    }
    with replacing(target) as temporary:
        torch.save(content, temporary)
    n_kept = sum(key in weights and weights[key].equal(adapted[key]) for key in adapted)
    return _summary(file, trainer, n_kept, source.interface, wanted.interface)


class _Plan:
    """The network that a trainer builds for a data set."""

    def __init__(
        self, trainer: str, plans: Mapping[str, Any], configuration: str, dataset_json: Mapping[str, Any]
    ) -> None:
        self.trainer = trainer
        self.plans = PlansManager(dict(plans))
        self.configuration = configuration
        self.interface = Interface.of(self.plans, configuration, dataset_json)

    def network(self, *, more_channels: int = 0, more_labels: int = 0) -> Any:
        """Build the network, optionally with more inputs or outputs, to find the tensors that depend on them."""
        network = _trainer_class(self.trainer).build_network_architecture(
            self.plans,
            self.plans.get_configuration(self.configuration),
            len(self.interface.channels) + more_channels,
            len(self.interface.labels) + more_labels,
            True,
        )
        if hasattr(network, "fusion"):
            network.fusion.is_regions = self.interface.are_regions
        return network

    def loaded(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights with the present names of the tensors, also if an earlier version wrote them."""
        network = self.network()
        network.load_state_dict(weights)
        state: dict[str, Tensor] = network.state_dict()
        return state

    def shapes(self, **more: int) -> Shapes:
        """Return the shapes of all tensors without allocating them."""
        with torch.device("meta"):
            return {key: tuple(value.shape) for key, value in self.network(**more).state_dict().items()}

    def axes(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the axis of the image channels and the axis of the labels for each tensor that has one."""
        own = self.shapes()
        return _differing(own, self.shapes(more_channels=1)), _differing(own, self.shapes(more_labels=1))


def _trainer_class(name: str) -> Any:
    found = find_trainer(name)
    if found is None:
        raise UserError(f"nnU-Net cannot find the trainer {name} of this checkpoint: install its package")
    return found


def _differing(shapes: Shapes, others: Shapes) -> dict[str, int]:
    """Return, for each tensor with different shapes, the axis in which they differ."""
    return {
        key: next(axis for axis, (edge, other) in enumerate(zip(shape, others[key], strict=True)) if edge != other)
        for key, shape in shapes.items()
        if shape != others[key]
    }


def _check_fit(weights: Mapping[str, Tensor], source: _Plan, wanted: _Plan, file: Path) -> None:
    """Raise if the networks differ in more than their inputs and outputs."""
    n_channels, n_labels = (
        len(getattr(source.interface, e)) - len(getattr(wanted.interface, e)) for e in ("channels", "labels")
    )
    like_source = wanted.shapes(more_channels=n_channels, more_labels=n_labels)
    differing = [key for key in {**weights, **like_source} if _shape(weights, key) != like_source.get(key)]
    if differing:
        old, new = (plan.plans.dataset_name for plan in (source, wanted))
        raise UserError(
            f"the network that {wanted.trainer} builds for {new} with configuration {wanted.configuration} of "
            f"{wanted.plans.plans_name} differs from the network in {file} in {counted(len(differing), 'tensor')} "
            f"(such as {differing[0]}): train with the model's plans "
            f"(`nnUNetv2_move_plans_between_datasets -s {old} -t {new} "
            f"-sp {source.plans.plans_name} -tp NAME`, then preprocess with `-plans_name NAME`) and give `-p NAME`"
        )


def _shape(weights: Mapping[str, Tensor], key: str) -> tuple[int, ...] | None:
    return tuple(weights[key].shape) if key in weights else None


def _adapted(
    weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor], source: Interface, wanted: _Plan
) -> dict[str, Tensor]:
    channel_axes, label_axes = wanted.axes()
    channels = matched(wanted.interface.channels, source.channels)
    labels = matched(wanted.interface.labels, source.labels)
    is_same_kind = source.are_regions == wanted.interface.are_regions
    adapted = {}
    for key, start in fresh.items():
        if key.endswith("_extra_state"):
            adapted[key] = start  # the new data set decides whether heads are regions
        elif key in label_axes:
            axis = label_axes[key]
            is_head = axis == 0  # heads of classes (softmax) and of regions (sigmoid) are not interchangeable
            adapted[key] = _placed(weights[key], start, axis, labels if is_same_kind or not is_head else [])
        elif key in channel_axes:
            axis = channel_axes[key]
            mean = weights[key].mean(dim=axis, keepdim=True).expand_as(start)
            adapted[key] = _placed(weights[key], mean, axis, channels)
        else:
            adapted[key] = weights[key]
    return adapted


def _placed(given: Tensor, start: Tensor, axis: int, places: Sequence[tuple[int, int]]) -> Tensor:
    """Return ``start`` with slices of ``given`` at their new positions."""
    out = start.clone().contiguous()
    for new, old in places:
        out.select(axis, new).copy_(given.select(axis, old))
    return out


def _summary(file: Path, trainer: str, n_kept: int, old: Interface, new: Interface) -> Adapted:
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
