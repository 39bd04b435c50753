import dataclasses

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.settings.block import Settings
from nnunet_cscn.settings.coarse import CoarseSettings
from nnunet_cscn.settings.fine import FineSettings
from nnunet_cscn.settings.loss import LossSettings

DEFAULTS = {
    "coarse_weight": None,
    "fine_weight": 1.0,
    "fusion": None,
    "epochs": None,
    "iterations_per_epoch": None,
    "validation_iterations_per_epoch": None,
    "initial_learning_rate": None,
    "checkpoint_minutes": 10.0,
    "stop": {"patience": None, "cooldown": 10, "minutes": None},
    "three_views": False,
    "block_size": None,
    "tile_size": None,
    "protocol": None,
    "seed": None,
    "loss": {
        "gamma": 2.0,
        "focal_weight": 1.0,
        "dice_weight": 1.0,
        "weighted_mean": True,
        "distance_weighting": True,
        "distance_cap_mm": None,
        "normalised": True,
        "edge": "background",
    },
    "coarse": {"resolution": "pooled", "pooling": None, "stem": "mean"},
    "fine": {
        "width": 0.5,
        "growth": 0.125,
        "dense_layers": 3,
        "bottleneck": 4,
        "atrous_rates": (1, 2, 4),
        "pyramid_width": None,
        "activation": "before",
        "skips": "concatenate",
        "checkpointing": True,
        "stages": 3,
        "norm": "plan",
        "block_size": None,
        "blocks_per_sample": 2,
        "random_share": 0.5,
        "threshold": 0.05,
        "overlap": 0.25,
        "sees_features": True,
        "corrects": True,
        "detached": True,
        "loss": "same",
    },
    "staged": {
        "stage_one": "BUNetTrainer",
        "configuration": None,
        "checkpoint": "checkpoint_final.pth",
        "augmentation": {"jitter": 0.4, "blur": 0.2, "dropout": 0.2},
    },
}


def nested(name, value):
    """Return the block that sets one option, such as loss.gamma."""
    *blocks, last = name.split(".")
    block = {last: value}
    for outer in reversed(blocks):
        block = {outer: block}
    return block


def option(settings, name):
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


@pytest.mark.parametrize("block", [None, {}, {"loss": {}, "fine": {}}])
def test_nothing_set_means_the_defaults(block):
    assert dataclasses.asdict(Settings.from_block(block)) == DEFAULTS


@pytest.mark.parametrize("configuration", [{}, {"cscn": None}, {"cscn": {}, "batch_size": 2}])
def test_a_configuration_without_a_block_has_the_defaults(configuration):
    assert Settings.from_configuration(configuration) == Settings()


def test_a_configurations_block_is_read():
    settings = Settings.from_configuration({"cscn": {"epochs": 7, "loss": {"gamma": 1}}})
    assert (settings.epochs, settings.loss.gamma, settings.loss.dice_weight) == (7, 1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loss.gamma", 0),
        ("loss.gamma", 0.5),
        ("loss.focal_weight", 0),
        ("loss.dice_weight", 0),
        ("loss.weighted_mean", False),
        ("loss.distance_weighting", False),
        ("loss.distance_cap_mm", 0),
        ("loss.distance_cap_mm", None),
        ("loss.edge", "surface"),
        ("fine.width", 2),
        ("fine.growth", 0.01),
        ("fine.dense_layers", 1),
        ("fine.bottleneck", 1.0),
        ("fine.bottleneck", 0),
        ("fine.pyramid_width", 0.5),
        ("fine.pyramid_width", None),
        ("fine.activation", "after"),
        ("fine.skips", "reduce"),
        ("fine.skips", "add"),
        ("fine.checkpointing", False),
        ("fine.stages", 1),
        ("fine.norm", "batch"),
        ("fine.block_size", (8, 16)),
        ("fine.block_size", (8, 16, 4)),
        ("fine.block_size", None),
        ("fine.blocks_per_sample", 1),
        ("fine.random_share", 0),
        ("fine.random_share", 1),
        ("fine.threshold", 0),
        ("fine.threshold", 1),
        ("fine.overlap", 0),
        ("fine.overlap", 0.99),
        ("fine.sees_features", False),
        ("fine.corrects", True),
        ("fine.detached", False),
        ("fine.loss", "dice_ce"),
        ("coarse.resolution", "full"),
        ("coarse.pooling", (1, 2, 2)),
        ("coarse.pooling", (2, 2)),
        ("coarse.pooling", None),
        ("coarse.stem", "learned"),
        ("coarse_weight", 0.001),
        ("coarse_weight", None),
        ("fine_weight", 3),
        ("fusion", "fine"),
        ("epochs", 1),
        ("epochs", None),
        ("iterations_per_epoch", 1),
        ("validation_iterations_per_epoch", 1),
        ("initial_learning_rate", 1e-9),
        ("seed", 0),
        ("seed", 2**32 - 1),
    ],
)
def test_values_within_range_are_taken(name, value):
    assert option(Settings.from_block(nested(name, value)), name) == value


def test_numbers_arrive_in_the_declared_type():
    settings = Settings.from_block({"loss": {"gamma": 2}, "epochs": 50.0, "fine": {"atrous_rates": [1, 3.0]}})
    assert isinstance(settings.loss.gamma, float)
    assert isinstance(settings.epochs, int)
    assert settings.fine.atrous_rates == (1, 3)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("loss.gamma", -0.1, r"cscn\.loss\.gamma: expected a value of at least 0, got -0\.1"),
        ("loss.focal_weight", -1, "loss.focal_weight: expected a value of at least 0"),
        ("loss.dice_weight", -1, "loss.dice_weight: expected a value of at least 0"),
        ("loss.distance_cap_mm", -1, "loss.distance_cap_mm: expected a value of at least 0"),
        ("fine.width", 0, r"cscn\.fine\.width: expected a value above 0, got 0"),
        ("fine.growth", 0, "fine.growth: expected a value above 0"),
        ("fine.dense_layers", 0, "fine.dense_layers: expected a value of at least 1"),
        ("fine.bottleneck", -1, "fine.bottleneck: expected a value of at least 0"),
        ("fine.pyramid_width", 0, "fine.pyramid_width: expected a value above 0"),
        ("fine.activation", "both", "fine.activation: expected one of before, after, got 'both'"),
        ("fine.skips", "none", "fine.skips: expected one of concatenate, reduce, add, got 'none'"),
        ("fine.atrous_rates", [], "fine.atrous_rates: expected at least one rate"),
        ("fine.atrous_rates", [1, 0], "fine.atrous_rates: expected at least one rate"),
        ("fine.stages", 0, "fine.stages: expected a value of at least 1, got 0"),
        ("fine.block_size", [8], r"cscn\.fine\.block_size: expected one positive number for each axis, got \[8\]"),
        ("fine.block_size", [8, 8, 8, 8], "fine.block_size: expected one positive number for each axis"),
        ("fine.block_size", [8, 0, 8], "fine.block_size: expected one positive number for each axis"),
        ("fine.block_size", [], "fine.block_size: expected one positive number for each axis"),
        ("fine.blocks_per_sample", 0, "fine.blocks_per_sample: expected a value of at least 1, got 0"),
        ("fine.random_share", -0.1, r"cscn\.fine\.random_share: expected a number from 0 to 1, got -0\.1"),
        ("fine.random_share", 1.1, "fine.random_share: expected a number from 0 to 1"),
        ("fine.threshold", -0.1, "fine.threshold: expected a number from 0 to 1"),
        ("fine.threshold", 1.5, r"cscn\.fine\.threshold: expected a number from 0 to 1, got 1\.5"),
        ("fine.overlap", -0.1, "fine.overlap: expected a number from 0 to below 1"),
        ("fine.overlap", 1, r"cscn\.fine\.overlap: expected a number from 0 to below 1, got 1"),
        ("coarse.pooling", [2], r"cscn\.coarse\.pooling: expected one positive number for each axis, got \[2\]"),
        ("coarse.pooling", [2, 2, 2, 2], "coarse.pooling: expected one positive number for each axis"),
        ("coarse.pooling", [2, -1, 2], "coarse.pooling: expected one positive number for each axis"),
        ("coarse.pooling", [], "coarse.pooling: expected one positive number for each axis"),
        ("coarse_weight", 0, r"cscn\.coarse_weight: expected a value above 0, got 0"),
        ("fine_weight", -1, "fine_weight: expected a value above 0"),
        ("epochs", 0, "epochs: expected a value of at least 1"),
        ("iterations_per_epoch", 0, "iterations_per_epoch: expected a value of at least 1"),
        ("validation_iterations_per_epoch", 0, "validation_iterations_per_epoch: expected a value of at least 1"),
        ("initial_learning_rate", 0, "initial_learning_rate: expected a value above 0"),
        ("seed", -1, "seed: expected a value from 0 to 4294967295, got -1"),
        ("seed", 2**32, "seed: expected a value from 0 to 4294967295, got 4294967296"),
    ],
)
def test_values_out_of_range_are_refused(name, value, sentence):
    with pytest.raises(UserError, match=sentence):
        Settings.from_block(nested(name, value))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("loss.gamma", "2", r"cscn\.loss\.gamma: expected a number, got '2'"),
        ("loss.gamma", None, "expected a number, got None"),
        ("loss.gamma", True, "expected a number, got True"),
        ("loss.gamma", float("nan"), "expected a number, got nan"),
        ("loss.gamma", float("inf"), "expected a number, got inf"),
        pytest.param("loss.gamma", 10**400, "expected a number, got 1000", id="huge"),
        ("loss.distance_cap_mm", [3], r"expected a number, got \[3\]"),
        ("loss.weighted_mean", 1, "expected true or false, got 1"),
        ("loss.weighted_mean", "yes", "expected true or false, got 'yes'"),
        ("loss.edge", "middle", r"cscn\.loss\.edge: expected one of background, surface, got 'middle'"),
        ("loss.edge", ["surface"], "expected one of background, surface"),
        ("fusion", 3, "expected one of mean, fine, got 3"),
        ("staged.stage_one", 3, "expected text, got 3"),
        ("staged.stage_one", "a trainer", "expected a trainer's name, got 'a trainer'"),
        ("staged.checkpoint", "fold_0/checkpoint_best.pth", "expected a file name"),
        ("staged.augmentation.blur", 1.5, "expected a probability"),
        ("epochs", 1.5, r"cscn\.epochs: expected an integer, got 1\.5"),
        ("epochs", False, "expected an integer, got False"),
        ("epochs", float("inf"), "expected an integer, got inf"),
        ("coarse.resolution", "half", r"cscn\.coarse\.resolution: expected one of pooled, full, got 'half'"),
        ("coarse.stem", "max", r"cscn\.coarse\.stem: expected one of mean, learned, got 'max'"),
        ("coarse.pooling", 2, r"cscn\.coarse\.pooling: expected a list, got 2"),
        ("coarse.pooling", [2, 2.5, 2], "coarse.pooling: expected an integer, got 2.5"),
        ("fine.norm", "instance", r"cscn\.fine\.norm: expected one of plan, batch, got 'instance'"),
        ("fine.block_size", 8, r"cscn\.fine\.block_size: expected a list, got 8"),
        ("fine.threshold", None, "fine.threshold: expected a number, got None"),
        ("fine.corrects", 1, "fine.corrects: expected true or false, got 1"),
        ("fine.atrous_rates", 2, r"cscn\.fine\.atrous_rates: expected a list, got 2"),
        ("fine.atrous_rates", [1, "2"], "fine.atrous_rates: expected an integer, got '2'"),
        ("loss", 3, r"cscn\.loss: expected a block of options, got 3"),
        ("loss", None, "expected a block of options, got None"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name, value, sentence):
    with pytest.raises(UserError, match=sentence):
        Settings.from_block(nested(name, value))


@pytest.mark.parametrize("block", [[], "epochs=3", 7])
def test_a_block_that_is_none_is_refused(block):
    with pytest.raises(UserError, match=r"cscn: .*block"):
        Settings.from_block(block)


def test_unknown_options_are_refused_with_those_that_exist():
    with pytest.raises(UserError, match=r"cscn\.gamma: unknown option.*loss, coarse, fine"):
        Settings.from_block({"gamma": 1})
    with pytest.raises(UserError, match=r"cscn\.fine\.rates: unknown option.*width, growth"):
        Settings.from_block({"fine": {"rates": [1]}})


def test_a_loss_without_any_term_is_refused():
    with pytest.raises(UserError, match="focal_weight and dice_weight"):
        Settings.from_block({"loss": {"focal_weight": 0, "dice_weight": 0}})


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ({}, True),
        ({"distance_weighting": False}, False),
        ({"focal_weight": 0}, False),
        ({"dice_weight": 0}, True),
    ],
)
def test_distance_maps_are_needed_by_a_weighted_focal_term_alone(loss, expected):
    assert Settings.from_block({"loss": loss}).loss.uses_distance is expected


@pytest.mark.parametrize("kind", [Settings, LossSettings, CoarseSettings, FineSettings])
def test_settings_do_not_change(kind):
    settings = kind()
    name = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, name, None)
