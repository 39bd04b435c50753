import pytest

from networks.tiny_plans import isotropic
from nnunet_cscn.nnunet.architectures import foreign_names


def plans(**architecture):
    return {"configurations": {"3d": {"architecture": architecture}, "2d": {"inherits_from": "3d"}}}


def test_plans_of_nnunet_name_networks_alone():
    assert foreign_names({"configurations": {"3d": isotropic()}}) == []


@pytest.mark.parametrize(
    "name",
    [
        "subprocess.Popen",
        "torch.nn.modules.module.warnings.warn",  # what a module of torch's has imported
        "torch.nn.functional.relu",
        "torch.nnunet.Conv3d",
        "dynamic_network_architectures.architectures.unet.torch.hub.load",
        "torch.nn.Module; import os",
        "builtins.exec",
    ],
)
def test_what_is_no_network_is_foreign_wherever_it_stands(name):
    assert foreign_names(plans(network_class_name=name)) == [name]
    known = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
    arguments = {"nonlin": name, "nonlin_kwargs": {"args": ["true"]}, "norm_op": "torch.nn.InstanceNorm3d"}
    block = {"network_class_name": known, "arch_kwargs": arguments, "_kw_requires_import": ["nonlin", "norm_op"]}
    assert foreign_names(plans(**block)) == [name]


def test_a_network_that_this_version_lacks_is_not_foreign():
    assert foreign_names(plans(network_class_name="dynamic_network_architectures.architectures.unet.NewUNet")) == []


@pytest.mark.parametrize("content", [{}, {"configurations": 3}, {"configurations": {"a": 3}}, plans(arch_kwargs=3)])
def test_plans_of_another_shape_name_nothing_or_are_refused(content):
    assert foreign_names(content) in ([], ["None"])


def test_names_of_another_type_are_no_fault_of_the_check():
    content = plans(arch_kwargs={"conv_op": "torch.nn.Conv3d"}, _kw_requires_import=[{"a": 1}, ["b"], None, "conv_op"])
    assert foreign_names(content) in ([], ["None"])
