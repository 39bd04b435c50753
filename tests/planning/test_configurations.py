import copy
import json

import pytest
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.planning.configurations import Changes, derive_configuration

UNET = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 4,
        "features_per_stage": [32, 64, 128, 256],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]],
        "n_conv_per_stage": [2, 2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2, 2],
        "conv_bias": True,
    },
    "_kw_requires_import": ["conv_op"],
}


@pytest.fixture
def plans():
    return {
        "plans_name": "nnUNetPlans",
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "batch_size": 2,
                "patch_size": [16, 64, 64],
                "spacing": [3.0, 1.0, 1.0],
                "median_image_size_in_voxels": [30.0, 200.0, 210.0],
                "architecture": copy.deepcopy(UNET),
            },
            "3d_gamma": {"inherits_from": "3d_fullres", "cscn": {"loss": {"gamma": 1, "edge": "surface"}}},
        },
    }


def test_without_changes_everything_is_inherited(plans):
    assert derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={})) == {"inherits_from": "3d_fullres"}


def test_options_stand_in_the_block_and_leave_data_and_network_alone(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={"epochs": 5}, batch_size=4))
    assert entry == {"inherits_from": "3d_fullres", "cscn": {"epochs": 5}, "batch_size": 4}


def test_options_of_the_base_are_kept_unless_changed(plans):
    # nnU-Net's inheritance replaces a block as a whole, so the entry has to hold all of it
    entry = derive_configuration(plans, "3d_gamma", "3d_mine", Changes(options={"loss": {"gamma": 3}, "seed": 0}))
    assert entry == {"inherits_from": "3d_gamma", "cscn": {"loss": {"gamma": 3, "edge": "surface"}, "seed": 0}}


def test_a_configuration_derived_from_a_first_stage_is_not_one_itself(plans):
    configurations = plans["configurations"]
    configurations["3d_lowres"] = {**configurations["3d_fullres"], "next_stage": "3d_cascade_fullres"}
    configurations["3d_mine"] = derive_configuration(plans, "3d_lowres", "3d_mine", Changes(options={}))
    configurations["3d_next"] = derive_configuration(plans, "3d_mine", "3d_next", Changes(options={}))
    assert configurations["3d_mine"] == {"inherits_from": "3d_lowres", "next_stage": None}
    manager = PlansManager(plans)
    for name, expected in (("3d_lowres", ["3d_cascade_fullres"]), ("3d_mine", None), ("3d_next", None)):
        assert manager.get_configuration(name).next_stage_names == expected


def test_a_window_is_a_patch_that_the_coarse_network_sees_pooled(plans):
    changes = Changes(options={"epochs": 5}, window=(16, 128, 128))
    entry = derive_configuration(plans, "3d_gamma", "3d_wide", changes)
    assert entry["patch_size"] == [16, 128, 128]
    # by 1x2x2 it would have as many voxels as the inherited patch of 16x64x64; half of them is asked for
    assert entry["cscn"] == {"loss": {"gamma": 1, "edge": "surface"}, "epochs": 5, "coarse": {"pooling": [2, 4, 4]}}
    as_patch = Changes(options={"epochs": 5}, patch_size=(16, 128, 128))
    assert entry["architecture"] == derive_configuration(plans, "3d_gamma", "3d_wide", as_patch)["architecture"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"patch_size": (16, 64, 64)}, "window: .*not both"),
        ({"options": {"coarse": {"pooling": [1, 2, 2]}}}, r"window: .*coarse\.pooling"),
        ({"window": (16, 128)}, "window: expected 3 numbers"),
        ({"window": (16, 128, 9999)}, "window: expected at most 4096 voxels"),
    ],
)
def test_windows_that_make_no_sense_are_refused(plans, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        derive_configuration(
            plans, "3d_fullres", "3d_wide", Changes(**{"options": {}, "window": (16, 128, 128), **changes})
        )


def test_an_empty_block_of_the_base_is_none(plans):
    plans["configurations"]["3d_fullres"]["cscn"] = None
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={"epochs": 5}))
    assert entry["cscn"] == {"epochs": 5}


def test_the_plans_are_left_as_they_are(plans):
    before = copy.deepcopy(plans)
    changes = Changes(options={"epochs": 5}, patch_size=(8, 32, 32), spacing_mm=(3, 2, 2), features=8)
    derive_configuration(plans, "3d_gamma", "3d_mine", changes)
    assert plans == before


def test_another_patch_gets_a_topology_of_its_own(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, patch_size=(16, 32, 32)))
    kwargs = entry["architecture"]["arch_kwargs"]
    # by nnU-Net's rules for 3 x 1 x 1 mm: in plane first, 32 -> 16; then, with 2 and 3 mm within a factor of 2,
    # everywhere, 16 x 16 x 16 -> 8 -> 4, where pooling ends
    assert entry["patch_size"] == [16, 32, 32]
    assert kwargs["strides"] == [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]
    assert kwargs["kernel_sizes"] == [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]
    assert kwargs["features_per_stage"] == [32, 64, 128, 256]
    assert "data_identifier" not in entry


def test_a_small_patch_has_fewer_stages_in_every_list(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, patch_size=(8, 8, 8)))
    kwargs = entry["architecture"]["arch_kwargs"]
    assert kwargs["n_stages"] == 2  # 8 -> 4
    assert [len(kwargs[key]) for key in ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage")] == [
        2
    ] * 4
    assert len(kwargs["n_conv_per_stage_decoder"]) == 1


def test_a_patch_that_pooling_does_not_divide_is_rounded_up(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, patch_size=(16, 62, 61)))
    strides = entry["architecture"]["arch_kwargs"]["strides"]
    for axis, (edge, asked) in enumerate(zip(entry["patch_size"], (16, 62, 61), strict=True)):
        total = 1
        for stride in strides:
            total *= stride[axis]
        assert asked <= edge < asked + total
        assert edge % total == 0


def test_features_double_up_to_the_largest(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, features=6, max_features=20))
    assert entry["architecture"]["arch_kwargs"]["features_per_stage"][:4] == [6, 12, 20, 20]
    assert entry["patch_size"] == [16, 64, 64]


def test_a_wider_first_stage_is_not_cut_by_the_inherited_largest(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, features=300))
    assert set(entry["architecture"]["arch_kwargs"]["features_per_stage"]) == {300}


def test_what_else_the_architecture_says_is_kept(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, features=6))
    assert entry["architecture"]["network_class_name"] == UNET["network_class_name"]
    assert entry["architecture"]["arch_kwargs"]["conv_bias"] is True
    assert entry["architecture"]["_kw_requires_import"] == ["conv_op"]


def test_another_spacing_has_data_of_its_own(plans):
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, spacing_mm=(1.5, 2, 1)))
    assert entry["spacing"] == [1.5, 2.0, 1.0]
    assert entry["data_identifier"] == "nnUNetPlans_3d_mine"
    assert entry["median_image_size_in_voxels"] == [60.0, 100.0, 210.0]


def test_images_may_be_as_large_as_those_of_the_base(plans):
    plans["configurations"]["3d_fullres"]["median_image_size_in_voxels"] = [30, 5000, 2048]
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, spacing_mm=(3, 1, 0.5)))
    assert entry["median_image_size_in_voxels"] == [30, 5000, 4096]
    with pytest.raises(UserError, match="got 30 x 10000 x 2048 voxels"):
        derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, spacing_mm=(3, 0.5, 1)))


def test_configurations_derived_from_it_share_those_data(plans):
    changes = Changes(options={}, spacing_mm=(1.5, 2, 1))
    plans["configurations"]["3d_mine"] = derive_configuration(plans, "3d_fullres", "3d_mine", changes)
    plans["configurations"]["3d_next"] = derive_configuration(plans, "3d_mine", "3d_next", Changes({"epochs": 3}))
    resolved = configuration_from_plans(plans, "3d_next")
    assert resolved["data_identifier"] == "nnUNetPlans_3d_mine"
    assert resolved["spacing"] == [1.5, 2.0, 1.0]


def test_every_entry_can_be_stored_as_json(plans):
    changes = Changes(options={"epochs": 5}, patch_size=(16, 60, 60), spacing_mm=(3, 2, 2), features=8, batch_size=2)
    entry = derive_configuration(plans, "3d_fullres", "3d_mine", changes)
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"options": {"gamma": 1}}, r"cscn\.gamma: unknown option"),
        ({"options": {"loss": {"gamma": -1}}}, r"cscn\.loss\.gamma: expected a value of at least 0"),
        ({"batch_size": 0}, "batch_size: expected a number from 1 to 4096, got 0"),
        ({"features": 0}, "features: expected a number from 1 to 4096, got 0"),
        ({"features": -4}, "features: expected a number from 1 to 4096, got -4"),
        ({"max_features": 0}, "max_features: expected a number from 1 to 4096, got 0"),
        ({"patch_size": (8, 8)}, "patch_size: expected 3 numbers for this configuration, got 2"),
        ({"patch_size": (8, 0, 8)}, "patch_size: expected positive numbers, got 8, 0, 8"),
        ({"spacing_mm": (1.0,)}, "spacing_mm: expected 3 numbers for this configuration, got 1"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "spacing_mm: expected positive numbers, got 1, 0, 1"),
        ({"spacing_mm": (1.0, -1.0, 1.0)}, "spacing_mm: expected positive numbers"),
        ({"spacing_mm": (1.0, float("nan"), 1.0)}, "spacing_mm: expected positive numbers"),
        ({"spacing_mm": (1.0, float("inf"), 1.0)}, "spacing_mm: expected positive numbers"),
        ({"spacing_mm": (1e-9, 1.0, 1.0)}, r"spacing_mm: expected a spacing with 1 to 4096 voxels .*, got \d+e\+\d+ x"),
        ({"spacing_mm": (1e6, 1.0, 1.0)}, "spacing_mm: expected a spacing with 1 to 4096 voxels along each axis"),
    ],
)
def test_changes_that_make_no_sense_are_refused(plans, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        derive_configuration(plans, "3d_fullres", "3d_mine", Changes(**({"options": {}} | changes)))


def test_an_unknown_base_is_refused_with_those_that_exist(plans):
    with pytest.raises(UserError, match=r"3d_lowres.*3d_fullres, 3d_gamma"):
        derive_configuration(plans, "3d_lowres", "3d_mine", Changes(options={}))


@pytest.mark.parametrize("name", ["3d_gamma", "3d_next"])
def test_a_configuration_never_inherits_from_itself(plans, name):
    plans["configurations"]["3d_next"] = {"inherits_from": "3d_gamma"}
    with pytest.raises(UserError, match="inherits_from is circular: "):
        derive_configuration(plans, "3d_next", name, Changes(options={}))


def test_a_broken_block_of_the_base_is_refused(plans):
    plans["configurations"]["3d_gamma"]["cscn"] = "gamma=1"
    with pytest.raises(UserError, match=r"cscn: .*'gamma=1'"):
        derive_configuration(plans, "3d_gamma", "3d_mine", Changes(options={"epochs": 5}))


@pytest.mark.parametrize("path", [["architecture"], ["architecture", "arch_kwargs", "features_per_stage"]])
def test_a_plan_that_is_no_unets_cannot_be_planned_anew(plans, path):
    *parents, last = path
    block = plans["configurations"]["3d_fullres"]
    for key in parents:
        block = block[key]
    del block[last]
    with pytest.raises(UserError, match=last):
        derive_configuration(plans, "3d_fullres", "3d_mine", Changes(options={}, features=8))
