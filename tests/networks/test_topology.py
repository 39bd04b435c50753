import pytest
from torch import nn

from nnunet_cscn.errors import UserError
from nnunet_cscn.networks.instance_norm import InstanceNorm2d
from nnunet_cscn.networks.plans import Topology, architecture_of
from nnunet_cscn.networks.registry import BUILDERS, build_network

from .tiny_plans import anisotropic, isotropic, planar


def read(configuration, **changes) -> Topology:
    configuration["architecture"]["arch_kwargs"].update(changes)
    return Topology.from_architecture(architecture_of(configuration), configuration["patch_size"])


def test_stages_come_from_the_plan():
    topology = read(anisotropic())
    assert topology.features == (4, 8, 12)
    assert topology.kernel_sizes == ((1, 3, 3), (3, 3, 3), (3, 3, 3))
    assert topology.strides == ((1, 1, 1), (1, 2, 2), (2, 2, 2))
    assert (topology.n_stages, topology.dimensions) == (3, 3)


def test_names_of_modules_become_classes():
    topology = read(planar())
    assert (topology.conv, topology.norm, topology.nonlin) == (nn.Conv2d, InstanceNorm2d, nn.LeakyReLU)
    assert (topology.norm_kwargs, topology.nonlin_kwargs) == ({"eps": 1e-5, "affine": True}, {"inplace": True})


def test_classes_are_taken_as_they_are_and_absent_ones_are_none():
    topology = read(isotropic(), conv_op=nn.Conv3d, norm_op=None, norm_op_kwargs=None, nonlin=None, nonlin_kwargs=None)
    assert (topology.conv, topology.norm, topology.nonlin) == (nn.Conv3d, None, None)
    assert (topology.norm_kwargs, topology.nonlin_kwargs) == ({}, {})


def test_single_numbers_stand_for_every_stage_and_axis():
    topology = read(isotropic(), features_per_stage=8, kernel_sizes=3, strides=[1, 2, [1, 2, 2]])
    assert topology.features == (8, 8, 8)
    assert topology.kernel_sizes == ((3, 3, 3),) * 3
    assert topology.strides == ((1, 1, 1), (2, 2, 2), (1, 2, 2))


def test_the_patch_shrinks_by_the_strides():
    topology = read(anisotropic())
    assert [topology.stage_size(stage) for stage in range(3)] == [(4, 16, 12), (4, 8, 6), (2, 4, 3)]


@pytest.mark.parametrize("key", ["n_stages", "features_per_stage", "kernel_sizes", "strides", "conv_op"])
def test_a_plan_without_a_key_is_refused_with_the_remedy(key):
    configuration = isotropic()
    del configuration["architecture"]["arch_kwargs"][key]
    with pytest.raises(UserError, match=key):
        read(configuration)


def test_a_transformers_plan_is_refused_by_its_name():
    configuration = isotropic()
    configuration["architecture"]["network_class_name"] = "dynamic_network_architectures.architectures.primus.PrimusM"
    configuration["architecture"]["arch_kwargs"] = {"patch_embed_size": [8, 8, 8]}
    with pytest.raises(UserError, match=r"PrimusM.*n_stages"):
        read(configuration)


@pytest.mark.parametrize("network", BUILDERS)
def test_every_network_refuses_such_a_plan(network):
    configuration = isotropic()
    configuration["architecture"]["arch_kwargs"] = {}
    with pytest.raises(UserError, match="has no n_stages"):
        build_network(network, configuration, input_channels=1, output_channels=2, deep_supervision=True)


@pytest.mark.parametrize("key", ["network_class_name", "arch_kwargs", "_kw_requires_import"])
def test_an_incomplete_architecture_is_refused_with_the_remedy(key):
    configuration = isotropic()
    del configuration["architecture"][key]
    with pytest.raises(UserError, match=key):
        architecture_of(configuration)


def test_a_configuration_without_an_architecture_is_refused():
    with pytest.raises(UserError, match="has no 'architecture'"):
        architecture_of({"patch_size": [8, 8, 8]})


@pytest.mark.parametrize("key", ["features_per_stage", "kernel_sizes", "strides"])
def test_entries_that_do_not_match_the_stages_are_refused(key):
    two = isotropic()["architecture"]["arch_kwargs"][key][:2]
    with pytest.raises(UserError, match=r"3 stages.*2 entries"):
        read(isotropic(), **{key: two})


@pytest.mark.parametrize("key", ["kernel_sizes", "strides"])
def test_extents_of_another_dimension_are_refused(key):
    with pytest.raises(UserError, match=r"3 dimensions.*\[2, 2\]"):
        read(isotropic(), **{key: [[2, 2]] * 3})


@pytest.mark.parametrize("conv", ["torch.nn.modules.conv.Conv2d", "torch.nn.Linear", None])
def test_a_convolution_of_another_dimension_is_refused(conv):
    with pytest.raises(UserError, match=f"conv_op {conv}"):
        read(isotropic(), conv_op=conv)


def test_a_module_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match=r"torch\.nn\.NoSuchNorm"):
        read(isotropic(), norm_op="torch.nn.NoSuchNorm")
