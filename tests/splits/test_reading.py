import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.splits.reading import read_folds

FOLDS = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["c"], "val": ["a", "b"]}]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "splits_final.json"


def test_folds_are_read(file):
    file.write_text(json.dumps(FOLDS), encoding="utf-8")
    assert read_folds(file) == FOLDS


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        [],
        "abc",
        [1],
        [{"train": ["a"]}],
        [{"train": "abc", "val": ["c"]}],
        [{"train": ["a", 1], "val": ["c"]}],
        [{"train": ["a"], "val": [None]}],
        [{"train": [["a"]], "val": ["c"]}],
        [*FOLDS, None],
    ],
)
def test_folds_that_are_no_lists_of_names_are_refused(file, content):
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="no valid splits"):
        read_folds(file)


@pytest.mark.parametrize(
    ("fold", "sentence"),
    [
        ({"train": [], "val": ["c"]}, r"fold 2 has no training cases: .*fold all"),
        ({"train": ["a"], "val": []}, r"fold 2 has no validation cases: .*fold all"),
        ({"train": ["a"], "val": ["c", "b", "c"]}, r"fold 2 lists these validation cases more than once: c; name each"),
        ({"train": ["a", "b"], "val": ["b", "c"]}, r"fold 2 has these cases in its .* sets: b; remove them from one"),
    ],
)
def test_a_fold_with_an_empty_list_or_a_case_twice_is_named_with_the_case(file, fold, sentence):
    file.write_text(json.dumps([*FOLDS, fold]), encoding="utf-8")
    with pytest.raises(UserError, match=rf"splits_final\.json: {sentence}") as refused:
        read_folds(file)
    assert "\n" not in str(refused.value)


def test_a_training_case_may_be_listed_twice_so_that_it_is_drawn_more_often(file):
    folds = [{"train": ["a", "b", "a"], "val": ["c"]}]
    file.write_text(json.dumps(folds), encoding="utf-8")
    assert read_folds(file, known=["a", "b", "c"]) == folds


def test_cases_that_the_data_set_lacks_are_named(file):
    file.write_text(json.dumps(FOLDS), encoding="utf-8")
    assert read_folds(file, known=["a", "b", "c", "d"]) == FOLDS
    with pytest.raises(UserError, match=r"splits_final\.json: fold 0 lists cases that are not preprocessed: b, c; "):
        read_folds(file, known=["a"])


def test_of_many_cases_five_are_named(file):
    cases = [f"case_{number}" for number in range(7)]
    file.write_text(json.dumps([{"train": cases, "val": cases}]), encoding="utf-8")
    with pytest.raises(UserError, match=r"case_3, case_4 and 2 more; remove"):
        read_folds(file)
