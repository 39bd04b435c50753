"""Requirements of nnU-Net that every network must fulfil. The test of a network is a subclass."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from nnunet_cscn.networks.registry import NetworkName, build_network

from .tiny_plans import PLANS, anisotropic, isotropic, two_stages


class NetworkContract:
    name: ClassVar[NetworkName]
    depends_on_classes: ClassVar[tuple[str, ...]] = (
        ".seg_layers.",
    )  # parts of state-dict keys that depend on the classes
    n_networks: ClassVar[int] = 1  # number of trained networks
    forms_in_one_graph: ClassVar[tuple[bool, ...]] = (True, False, True)  # deep supervision
    without_plans: ClassVar[tuple[str, ...]] = ()  # plans that this network refuses

    def expected_feature_map_size(self, configuration: dict[str, Any], channels: int, classes: int) -> int:
        raise NotImplementedError

    def logits_of(self, output: Any) -> list[list[Tensor]]:
        """Return the lists of logits in training, one list per inner network."""
        return [output]

    def sizes_of(self, configuration: dict[str, Any], batch: int) -> list[list[tuple[int, ...]]]:
        """Return the batch size and the size of each training output, network by network."""
        strides = configuration["architecture"]["arch_kwargs"]["strides"]
        sizes, size = [], configuration["patch_size"]
        for stride in strides[: self.n_scales(strides)]:
            size = [edge // step for edge, step in zip(size, stride, strict=True)]
            sizes.append((batch, *size))
        return [sizes] * self.n_networks

    def n_scales(self, strides: Any) -> int:
        """Return the number of training outputs."""
        return max(1, len(strides) - 1)

    def build(
        self,
        configuration: dict[str, Any],
        *,
        channels: int = 1,
        classes: int = 2,
        deep_supervision: bool = True,
        seed: int = 0,
    ) -> nn.Module:
        torch.manual_seed(seed)
        return build_network(
            self.name,
            configuration,
            input_channels=channels,
            output_channels=classes,
            deep_supervision=deep_supervision,
        )

    def configuration_of(self, plan: str) -> dict[str, Any]:
        if plan in self.without_plans:
            pytest.skip(f"refuses a plan of {plan}, as a test of its own shows")
        return PLANS[plan]()

    def image(self, configuration: dict[str, Any], *, channels: int = 1, batch: int = 1) -> Tensor:
        return torch.randn((batch, channels, *configuration["patch_size"]), generator=torch.Generator().manual_seed(1))

    def switch(self, network: nn.Module, enabled: bool) -> None:
        network.decoder.deep_supervision = enabled

    @pytest.mark.parametrize("plan", PLANS)
    @pytest.mark.parametrize(("channels", "classes", "batch"), [(1, 2, 3), (4, 4, 1)])
    def test_training_gives_every_parameter_a_finite_gradient(self, plan, channels, classes, batch):
        configuration = self.configuration_of(plan)
        network = self.build(configuration, channels=channels, classes=classes)
        outputs = self.logits_of(network(self.image(configuration, channels=channels, batch=batch)))
        sum(logits.square().mean() for scales in outputs for logits in scales).backward()
        learning = [p for p in network.parameters() if p.requires_grad]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in learning)
        assert sum(p.grad.abs().sum() for p in learning) > 0

    @pytest.mark.parametrize("plan", PLANS)
    def test_training_returns_a_map_of_each_scale_that_is_trained(self, plan):
        configuration = self.configuration_of(plan)
        network = self.build(configuration, channels=2, classes=3)
        outputs = self.logits_of(network(self.image(configuration, channels=2, batch=3)))
        seen = [[(len(logits), *logits.shape[2:]) for logits in scales] for scales in outputs]
        assert seen == self.sizes_of(configuration, batch=3)
        assert all(logits.shape[1] == 3 for scales in outputs for logits in scales)

    @pytest.mark.parametrize("plan", PLANS)
    def test_prediction_returns_one_tensor_at_full_resolution(self, plan):
        configuration = self.configuration_of(plan)
        network = self.build(configuration, classes=3, deep_supervision=False).eval()
        with torch.no_grad():
            logits = network(self.image(configuration, batch=2))
        assert isinstance(logits, Tensor)
        assert tuple(logits.shape) == (2, 3, *configuration["patch_size"])

    def test_a_volume_larger_than_the_planned_patch_is_segmented_too(self):
        network = self.build(anisotropic(), deep_supervision=False)
        with torch.no_grad():
            assert network(torch.zeros(1, 1, 8, 24, 16)).shape == (1, 2, 8, 24, 16)

    def test_deep_supervision_is_switched_on_the_finished_network(self):
        configuration = isotropic()
        network = self.build(configuration, deep_supervision=False)
        image = self.image(configuration)
        with torch.no_grad():
            assert isinstance(network(image), Tensor)
            self.switch(network, True)
            assert isinstance(network(image), list)
            self.switch(network, False)
            assert isinstance(network(image), Tensor)

    def test_eval_alone_does_not_change_the_form_of_the_output(self):
        configuration = isotropic()
        network = self.build(configuration).eval()
        with torch.no_grad():
            assert isinstance(network(self.image(configuration)), list)

    def test_the_loaded_state_gives_the_same_output(self):
        configuration = isotropic()
        first = self.build(configuration, deep_supervision=False, seed=1).eval()
        second = self.build(configuration, deep_supervision=False, seed=2).eval()
        image = self.image(configuration)
        with torch.no_grad():
            assert not torch.equal(first(image), second(image))
            second.load_state_dict(first.state_dict())
            assert torch.equal(first(image), second(image))

    def test_the_same_seed_gives_the_same_network_and_output(self):
        configuration = anisotropic()
        image = self.image(configuration)
        with torch.no_grad():
            outputs = [self.build(configuration, deep_supervision=False, seed=7)(image) for _ in range(2)]
        assert torch.equal(*outputs)

    @pytest.mark.parametrize("plan", ["isotropic", "anisotropic", "two stages", "one stage", "2d"])
    def test_the_feature_map_size_is_the_number_counted_by_hand(self, plan):
        configuration = self.configuration_of(plan)
        network: Any = self.build(configuration, channels=2, classes=3)
        expected = self.expected_feature_map_size(configuration, 2, 3)
        assert network.compute_conv_feature_map_size(configuration["patch_size"]) == expected

    def test_only_heads_depend_on_the_number_of_classes(self):
        shapes = [
            {
                key: getattr(value, "shape", None)
                for key, value in self.build(isotropic(), classes=n).state_dict().items()
            }
            for n in (2, 3)
        ]
        assert shapes[0].keys() == shapes[1].keys()
        changed = [key for key in shapes[0] if shapes[0][key] != shapes[1][key]]
        assert changed
        assert all(any(part in key for part in self.depends_on_classes) for key in changed)

    def test_it_compiles_to_one_graph_in_both_forms(self):
        configuration = two_stages()
        network = self.build(configuration)
        image = self.image(configuration)
        torch._dynamo.reset()
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        for enabled in self.forms_in_one_graph:
            self.switch(network, enabled)
            outputs = []
            for form in (network, compiled):
                torch.manual_seed(0)  # the network may use random numbers
                outputs.append(form(image))
            eager, traced = outputs
            if enabled:
                eager, traced = self.logits_of(eager)[-1][0], self.logits_of(traced)[-1][0]
            torch.testing.assert_close(traced, eager)
        torch._dynamo.reset()
