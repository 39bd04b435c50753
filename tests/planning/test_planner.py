import contextlib
import io
import json
import math

import pytest
import torch
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
    ResEncUNetPlanner,
)
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

import fingerprinted_dataset
from networks import tiny_plans
from networks.hand_counts import coarse_to_fine_feature_map_size
from nnunet_cscn.networks.cscn import CSCN
from nnunet_cscn.planning.planner import CSCNPlanner, CSCNResEncPlanner, cascade_feature_map_size
from nnunet_cscn.training.cscn import CSCNTrainer

STOCK = {CSCNPlanner: ExperimentPlanner, CSCNResEncPlanner: ResEncUNetPlanner}
UNETS = {CSCNPlanner: "PlainConvUNet", CSCNResEncPlanner: "ResidualEncoderUNet"}
MEMORY_GB = (0.25, 0.5, 1.0)  # the first two make the patch smaller, the last one leaves room for a larger batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The preprocessed folder of a data set for planning, with nnU-Net's variables set."""
    root = tmp_path_factory.mktemp("planner")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("raw", "preprocessed", "results"):
            patch.setenv(f"nnUNet_{name}", str(root / name))
        fingerprinted_dataset.write_raw(root / "raw")
        yield fingerprinted_dataset.write_fingerprint(root / "preprocessed")


@pytest.fixture(scope="module")
def planned(folder):
    """Return a function that makes the plans of a planner for some GPU memory, once each."""
    made = {}

    def plan(planner, gigabytes):
        key = (planner, gigabytes)
        if key not in made:
            name = f"{planner.__name__}{gigabytes}"
            with contextlib.redirect_stdout(io.StringIO()):
                planner(
                    fingerprinted_dataset.NAME, gpu_memory_target_in_gb=gigabytes, plans_name=name
                ).plan_experiment()
            made[key] = json.loads((folder / f"{name}.json").read_text())
        return made[key]

    return plan


def voxels(configuration):
    return math.prod(configuration["patch_size"]) * configuration["batch_size"]


@pytest.mark.parametrize("plan", ["isotropic", "anisotropic", "anisotropic, residual encoder", "two stages", "2d"])
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (2, 3)])
def test_the_estimate_is_the_hand_count_of_both_networks(plan, channels, classes):
    configuration = tiny_plans.PLANS[plan]()
    architecture = configuration["architecture"]
    estimate = cascade_feature_map_size(
        configuration["patch_size"],
        channels,
        classes,
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
    )
    # a block of these small windows is the window itself, but for four voxels at its deepest stage
    block = [4, 8, 8] if plan == "two stages" else configuration["patch_size"]
    assert estimate == coarse_to_fine_feature_map_size(configuration, channels, classes, block)


@pytest.mark.parametrize("planner", STOCK)
def test_less_memory_never_gives_more_voxels(planned, planner):
    for configuration in ("2d", "3d_fullres"):
        sizes = [voxels(planned(planner, gigabytes)["configurations"][configuration]) for gigabytes in MEMORY_GB]
        assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("planner", STOCK)
@pytest.mark.parametrize("gigabytes", MEMORY_GB[1:])
def test_the_cascade_gets_a_larger_window_than_nnunets_network_in_the_same_memory(planned, planner, gigabytes):
    ours, stock = (planned(p, gigabytes)["configurations"] for p in (planner, STOCK[planner]))
    for configuration in ("2d", "3d_fullres"):
        assert voxels(ours[configuration]) > voxels(stock[configuration])


@pytest.mark.parametrize("planner", STOCK)
def test_what_decides_about_the_data_is_as_in_nnunets_plans(planned, planner):
    ours, stock = (planned(p, 0.5) for p in (planner, STOCK[planner]))
    assert ours["transpose_forward"] == stock["transpose_forward"]
    assert ours["foreground_intensity_properties_per_channel"] == stock["foreground_intensity_properties_per_channel"]
    for configuration in ("2d", "3d_fullres"):
        for key in ("spacing", "median_image_size_in_voxels", "normalization_schemes", "use_mask_for_norm"):
            assert ours["configurations"][configuration][key] == stock["configurations"][configuration][key]
        resampling = [key for key in ours["configurations"][configuration] if key.startswith("resampling_fn")]
        assert len(resampling) == 6
        for key in resampling:
            assert ours["configurations"][configuration][key] == stock["configurations"][configuration][key]


@pytest.mark.parametrize("planner", STOCK)
def test_so_preprocessed_data_are_shared_but_for_the_low_resolution(folder, planned, planner):
    plans = planned(planner, 0.5)
    assert plans["configurations"]["2d"]["data_identifier"] == "nnUNetPlans_2d"
    assert plans["configurations"]["3d_fullres"]["data_identifier"] == "nnUNetPlans_3d_fullres"
    identifier = planner(fingerprinted_dataset.NAME, plans_name="ours").generate_data_identifier("3d_lowres")
    assert identifier == "ours_3d_lowres"  # its spacing follows from the patch, which is another one


@pytest.mark.parametrize("planner", STOCK)
@pytest.mark.parametrize("configuration", ["2d", "3d_fullres"])
def test_nnunet_reads_the_plans_and_the_trainer_builds_both_networks(folder, planned, planner, configuration):
    planned(planner, 0.25)
    manager = PlansManager(str(folder / f"{planner.__name__}0.25.json"))
    read = manager.get_configuration(configuration)
    assert read.network_arch_class_name.endswith(f".{UNETS[planner]}")
    with torch.device("meta"):
        network = CSCNTrainer.build_network_architecture(manager, read, 1, 2, enable_deep_supervision=False)
        assert isinstance(network, CSCN)
        assert type(network.coarse).__name__ == UNETS[planner]
        network.deep_supervision = True
        _, coarse, fine, _ = network(torch.zeros(1, 1, *read.patch_size))
        assert coarse[0].shape == (
            1,
            2,
            *(edge // by for edge, by in zip(read.patch_size, network.pooling, strict=True)),
        )
        assert fine[0].shape == (2, 2, *network.block_size)  # two blocks of the sample


@pytest.mark.parametrize("planner", STOCK)
def test_the_plans_say_who_made_them(planned, planner):
    assert planned(planner, 0.5)["experiment_planner_used"] == planner.__name__
