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
