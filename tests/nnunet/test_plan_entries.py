import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.plans import configuration_from_plans

PLAN = {
    "data_identifier": "nnUNetPlans_3d",
    "batch_size": 2,
    "patch_size": [16, 32, 32],
    "spacing": [3.0, 0.5, 0.5],
    "normalization_schemes": ["ZScoreNormalization"],
    "previous_stage": None,
    "architecture": {
        "network_class_name": "torch.nn.Identity",
        "arch_kwargs": {"n_stages": 2, "features_per_stage": [4, 8]},
        "_kw_requires_import": ["conv_op"],
    },
}


def resolved(**changes):
    return configuration_from_plans({"configurations": {"3d": {**PLAN, **changes}}}, "3d")


def test_plans_of_nnunet_pass():
    assert resolved() == PLAN
    assert resolved(patch_size=(16, 32, 32))["patch_size"] == (16, 32, 32)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_identifier", 3),
        ("batch_size", True),
        ("batch_size", 0),
        ("patch_size", 16),
        ("patch_size", [16, "32", 32]),
        ("patch_size", [16.5, 32, 32]),
        ("spacing", [3.0, 0.0, 0.5]),
        ("spacing", [3.0, float("nan"), 0.5]),
        ("normalization_schemes", [None]),
        ("architecture", []),
        ("architecture", {"arch_kwargs": 3.5}),
        ("architecture", {"_kw_requires_import": [{"a": 1}]}),
        ("architecture", {"arch_kwargs": {"n_stages": "2"}}),
        ("cscn", 1),
    ],
)
def test_entries_of_other_types_are_named(key, value):
    with pytest.raises(UserError, match=r"configuration 3d of the plans is not valid: .*expected"):
        resolved(**{key: value})


def test_an_inherited_entry_is_checked_too():
    plans = {"configurations": {"a": {"spacing": "1"}, "b": {"inherits_from": "a"}}}
    with pytest.raises(UserError, match=r"configuration b.*spacing"):
        configuration_from_plans(plans, "b")
