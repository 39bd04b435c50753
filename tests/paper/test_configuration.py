import json
import math
import multiprocessing
from multiprocessing.pool import ThreadPool

import pytest

import fingerprinted_dataset
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.plans import configuration_from_plans
from nnunet_cscn.paper.configuration import (
    LARGEST_TILE,
    PaperOptions,
    budget_configuration,
    budget_name,
    paper_plans,
    tile_size,
)
from nnunet_cscn.protocol.staircase import staircase
from nnunet_cscn.settings.block import Settings


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """nnU-Net's own plans of a data set of 20 x 64 x 64 voxels of 3 x 1 x 1 mm."""
    root = tmp_path_factory.mktemp("stock")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("raw", "preprocessed", "results"):
            (root / name).mkdir()
            patch.setenv(f"nnUNet_{name}", str(root / name))
        # threads instead of processes: where nnU-Net's modules are imported here first, they keep what they find
        patch.setattr(multiprocessing, "Pool", ThreadPool)
        fingerprinted_dataset.write_raw(root / "raw")
        folder = fingerprinted_dataset.write_fingerprint(root / "preprocessed")
        from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments

        plan_experiments([901])
    return json.loads((folder / "nnUNetPlans.json").read_text())


@pytest.fixture(scope="module")
def paper(stock):
    return paper_plans(stock, "3d_cscn_paper", PaperOptions())


def test_the_plans_hold_the_papers_configuration_alone(paper, stock):
    assert paper["plans_name"] == "nnUNetCSCNPaperPlans"
    assert list(paper["configurations"]) == ["3d_cscn_paper"]
    assert "inherits_from" not in paper["configurations"]["3d_cscn_paper"]
    assert stock["plans_name"] == "nnUNetPlans"  # left as they were
    assert "BatchNorm" not in json.dumps(stock)


def test_spacing_block_and_batch_are_the_papers(paper):
    plan = paper["configurations"]["3d_cscn_paper"]
    assert plan["spacing"] == [1.0, 1.0, 1.0]
    assert plan["patch_size"] == [8, 24, 24]
    assert plan["batch_size"] == 32
    assert plan["median_image_size_in_voxels"] == [60.0, 64.0, 64.0]


def test_the_data_are_its_own(paper, stock):
    identifiers = {plan.get("data_identifier") for plan in stock["configurations"].values()}
    assert paper["configurations"]["3d_cscn_paper"]["data_identifier"] not in identifiers


def test_the_topology_is_planned_for_the_block(paper):
    kwargs = paper["configurations"]["3d_cscn_paper"]["architecture"]["arch_kwargs"]
    # 8 x 24 x 24 -> 4 x 12 x 12 -> 4 x 6 x 6: no axis goes below nnU-Net's 4 voxels
    assert kwargs["strides"] == [[1, 1, 1], [2, 2, 2], [1, 2, 2]]
    assert kwargs["kernel_sizes"] == [[3, 3, 3]] * 3
    assert kwargs["features_per_stage"] == [32, 64, 128]
    assert kwargs["norm_op"].endswith("BatchNorm3d")
    assert kwargs["nonlin"] == "torch.nn.ReLU"


def test_loss_views_and_schedule_are_the_papers(paper):
    settings = Settings.from_configuration(paper["configurations"]["3d_cscn_paper"])
    assert (settings.loss.dice_weight, settings.loss.weighted_mean, settings.loss.gamma) == (0.0, False, 2.0)
    assert settings.three_views
    assert settings.epochs * settings.iterations_per_epoch == 50_000
    assert settings.initial_learning_rate == 1e-3
    assert settings.protocol.decay_iterations == 500
    assert settings.block_size == (8, 24, 24)
    assert settings.tile_size is None


def test_large_tiles_are_chosen_by_name(stock):
    plans = paper_plans(stock, "3d_large", PaperOptions(large_tiles=True))
    settings = Settings.from_configuration(plans["configurations"]["3d_large"])
    assert (settings.block_size, settings.tile_size) == ((8, 24, 24), (60, 64, 64))


@pytest.mark.parametrize("budget", [0.5, 0.05, 0.034, 0.014, 0.01, 0.006, 0.002])
def test_iterations_and_steps_shrink_together(paper, budget):
    entry = budget_configuration(paper, "3d_cscn_paper", budget)
    settings = Settings.from_block(entry["cscn"])
    assert settings.epochs * settings.iterations_per_epoch == round(50_000 * budget)
    assert settings.iterations_per_epoch <= 250
    assert settings.protocol.decay_iterations == round(500 * budget)
    last = staircase(round(50_000 * budget) - 1, initial=1e-3, every=settings.protocol.decay_iterations)
    assert last == pytest.approx(1e-3 * 0.9**99)
    assert entry["inherits_from"] == "3d_cscn_paper"


def test_a_budget_has_a_configuration_of_its_own_on_the_same_data(paper):
    entry = budget_configuration(paper, "3d_cscn_paper", 0.05)
    plans = {"configurations": {**paper["configurations"], budget_name("3d_cscn_paper", 0.05): entry}}
    found = configuration_from_plans(plans, "3d_cscn_paper_0p05")
    assert found["data_identifier"] == paper["configurations"]["3d_cscn_paper"]["data_identifier"]


@pytest.mark.parametrize("budget", [0, 0.001, 0.003, 0.0125, 1.5, -1, math.nan])
def test_impossible_budgets_are_refused(paper, budget):
    with pytest.raises(UserError, match=r"^budget: .* 0\.002 to 1"):
        budget_configuration(paper, "3d_cscn_paper", budget)


@pytest.mark.parametrize(
    "median", [(103, 198, 160), (33, 128, 128), (300, 300, 300), (5, 20, 20), (500, 64, 64), (125, 129, 129)]
)
def test_tiles_are_large_fit_the_strides_and_have_a_limit(median):
    found = tile_size(median, (2, 4, 4), (8, 24, 24))
    assert all(edge % stride == 0 for edge, stride in zip(found, (2, 4, 4), strict=True))
    assert all(edge >= block for edge, block in zip(found, (8, 24, 24), strict=True))
    assert math.prod(found) <= 1.1 * LARGEST_TILE  # edges are rounded up
    if math.prod(median) < 0.9 * LARGEST_TILE:
        assert all(edge >= size for edge, size in zip(found, median, strict=True))  # the median image in one tile
    else:
        assert math.prod(found) > 100 * 8 * 24 * 24


def test_data_without_volumes_are_refused(stock):
    planar = {**stock, "configurations": {"2d": stock["configurations"]["2d"]}}
    with pytest.raises(UserError, match="no configuration 3d_fullres"):
        paper_plans(planar, "3d_cscn_paper", PaperOptions())
