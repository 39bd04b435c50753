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
        "torch.nn.modules.module.torch.fx.GraphModule",  # a Module, but made from code
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


@pytest.mark.parametrize("wanted", [{"nonlin": 1}, "nonlin", [["nonlin"]], [None], [1]])
def test_arguments_to_import_must_be_a_list_of_texts(wanted):
    """nnU-Net goes through anything: the keys of a dictionary, too."""
    arguments = {"nonlin": "subprocess.Popen", "nonlin_kwargs": {"args": ["true"]}}
    known = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
    found = foreign_names(plans(network_class_name=known, arch_kwargs=arguments, _kw_requires_import=wanted))
    assert found == ["what _kw_requires_import names (not a list of texts)"]
