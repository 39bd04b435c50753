import pytest

from nnunet_cscn.cli.fold_options import chosen_folds, chosen_folds_or_all, chosen_training_folds
from nnunet_cscn.errors import ArgumentError


@pytest.mark.parametrize("texts", [["0", "2"], ["0,2"], ["0,", "2"], ["2", "0", "2"], ["0, 2"]])
def test_folds_have_spaces_or_commas_between_them(texts):
    assert chosen_folds(texts) == [0, 2]


def test_no_folds_are_all_folds():
    assert chosen_folds(None) is None
    assert chosen_folds_or_all(None) == (0, 1, 2, 3, 4)


def test_all_is_the_model_of_all_cases_where_nnunet_has_it():
    assert chosen_folds_or_all(["all"]) == ("all",)
    with pytest.raises(ArgumentError, match="got all"):
        chosen_folds(["all"])


@pytest.mark.parametrize("text", ["x", "-1", "1.5"])
def test_anything_else_is_refused(text):
    with pytest.raises(ArgumentError, match=f"got {text}"):
        chosen_folds_or_all([text])


def test_folds_to_train_are_in_order_and_all_comes_last():
    assert chosen_training_folds(["all", "10", "2"]) == (2, 10, "all")
    assert chosen_training_folds(None) is None
