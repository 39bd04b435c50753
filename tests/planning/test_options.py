import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.planning.options import merge_options, parse_assignments
from nnunet_cscn.settings.block import Settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50", 50),
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("true", True),
        ("null", None),
        ("[1, 2, 4]", [1, 2, 4]),
        ('"50"', "50"),
        ("surface", "surface"),
        ("a=b", "a=b"),
        ("", ""),
        (" 7 ", 7),
    ],
)
def test_values_are_json_or_else_text(text, value):
    assert parse_assignments([f"option={text}"]) == {"option": value}


def test_dots_make_blocks():
    assert parse_assignments(["loss.gamma=1", "loss.edge=surface", "seed=3", "a.b.c=0"]) == {
        "loss": {"gamma": 1, "edge": "surface"},
        "seed": 3,
        "a": {"b": {"c": 0}},
    }


def test_nothing_assigned_is_an_empty_block():
    assert parse_assignments([]) == {}


def test_the_last_of_equal_names_wins():
    assert parse_assignments(["epochs=1", "epochs=2"]) == {"epochs": 2}


@pytest.mark.parametrize("text", ["epochs", "", "=3", "  =3"])
def test_a_text_without_name_or_equals_sign_is_refused(text):
    with pytest.raises(UserError, match="assignments: expected NAME=VALUE"):
        parse_assignments([text])


def test_a_name_that_is_a_value_already_holds_no_block():
    with pytest.raises(UserError, match="loss already has a value"):
        parse_assignments(["loss=3", "loss.gamma=1"])


def test_changes_are_laid_over_block_by_block():
    base = {"loss": {"gamma": 2, "edge": "surface"}, "epochs": 5, "fine": {"width": 1}}
    changes = {"loss": {"gamma": 1, "dice_weight": 0}, "seed": 1}
    assert merge_options(base, changes) == {
        "loss": {"gamma": 1, "edge": "surface", "dice_weight": 0},
        "epochs": 5,
        "fine": {"width": 1},
        "seed": 1,
    }


def test_neither_part_is_changed_or_shared():
    base, changes = {"fine": {"atrous_rates": [1, 2]}}, {"loss": {"gamma": 1}}
    result = merge_options(base, changes)
    result["fine"]["atrous_rates"].append(3)
    result["loss"]["gamma"] = 9
    assert base == {"fine": {"atrous_rates": [1, 2]}}
    assert changes == {"loss": {"gamma": 1}}


def test_a_value_and_a_block_replace_each_other():
    assert merge_options({"loss": {"gamma": 2}}, {"loss": None}) == {"loss": None}
    assert merge_options({"loss": 3}, {"loss": {"gamma": 2}}) == {"loss": {"gamma": 2}}


def test_a_number_of_thousands_of_digits_is_refused_by_the_option():
    block = parse_assignments([f"epochs={'9' * 5000}"])
    with pytest.raises(UserError, match=r"epochs: expected an integer") as refused:
        Settings.from_block(block)
    assert len(str(refused.value)) < 300


def test_a_value_that_is_nested_too_deep_is_refused_by_the_option():
    block = parse_assignments([f"loss.gamma={'[' * 100_000}{']' * 100_000}"])
    with pytest.raises(UserError, match=r"loss\.gamma: expected a number"):
        Settings.from_block(block)


def test_a_name_of_too_many_blocks_is_refused():
    with pytest.raises(ArgumentError, match="dots"):
        parse_assignments([f"a{'.a' * 100_000}=1"])
