import json

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.protocol.splits import (
    FILE,
    check_split,
    paper_splits,
    read_paper_splits,
    read_patients,
    save_split,
    write_paper_splits,
)


def alone(count):
    return {f"case_{i:03d}": f"patient_{i:03d}" for i in range(count)}


@pytest.mark.parametrize(
    ("count", "validation", "test"),
    [(120, {9}, {24}), (60, {4, 5}, {12}), (41, {3}, {8, 9}), (10, {1}, {2}), (7, {1}, {1, 2})],
)
def test_sizes_are_the_papers_scaled_to_the_number_of_cases(count, validation, test):
    splits = paper_splits(alone(count))
    assert {len(split.validation) for split in splits} <= validation
    assert {len(split.test) for split in splits} <= test
    for split in splits:
        assert sorted(split.train + split.validation + split.test) == sorted(alone(count))


def test_test_sets_are_disjoint_and_cover_all():
    splits = paper_splits(alone(41))
    assert sorted(case for split in splits for case in split.test) == sorted(alone(41))


def test_a_patient_is_never_on_two_sides():
    patients = {f"case_{i:03d}": f"patient_{i % 17:03d}" for i in range(60)} | {"more": "patient_000"}
    splits = paper_splits(patients)
    assert sorted(case for split in splits for case in split.test) == sorted(patients)
    for split in splits:
        sides = [{patients[case] for case in side} for side in (split.train, split.validation, split.test)]
        assert all(sides)
        assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_a_seed_gives_the_same_splits_again_whatever_the_order_of_cases():
    turned = dict(reversed(alone(30).items()))
    assert paper_splits(alone(30)) == paper_splits(turned)
    assert paper_splits(alone(30), seed=1) != paper_splits(alone(30))


def test_too_few_patients_are_refused():
    with pytest.raises(UserError, match="need 7 patients"):
        paper_splits(alone(6))
    with pytest.raises(UserError, match="need 7 patients"):
        paper_splits({f"case_{i}": f"patient_{i % 2}" for i in range(60)})


def test_splits_and_patients_come_back_and_are_never_replaced(tmp_path):
    file = tmp_path / FILE
    write_paper_splits(file, paper_splits(alone(10)), alone(10))
    write_paper_splits(file, paper_splits(alone(10)), alone(10))
    assert read_paper_splits(file) == paper_splits(alone(10))
    assert read_patients(file) == alone(10)
    before = file.read_text()
    with pytest.raises(UserError, match="contains different splits"):
        write_paper_splits(file, paper_splits(alone(10), seed=1), alone(10))
    with pytest.raises(UserError, match="contains different splits"):
        write_paper_splits(file, paper_splits(alone(10)), {**alone(10), "case_000": "patient_001"})
    assert file.read_text() == before
    assert set(json.loads(before)["splits"][0]) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    "content",
    ["{}x", "[1]", '{"splits": [{"train": []}], "patients": {}}', '{"splits": [], "patients": 3}', '{"splits": 3}'],
)
def test_a_damaged_file_is_told_with_the_remedy(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UserError):
        _read_all(tmp_path / FILE)


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ({"train": ["a", "b"], "validation": ["c"], "test": ["b"]}, "in its training and test sets: b; "),
        ({"train": ["a", "b"], "validation": ["a"], "test": ["d"]}, "in its training and validation sets: a; "),
        ({"train": ["a"], "validation": ["b"], "test": ["d", "d"]}, "these test cases more than once: d; "),
        ({"train": ["a"], "validation": ["b"], "test": []}, "split 0 has no test cases: .*cscn paper prepare"),
    ],
)
def test_a_split_with_an_empty_list_or_a_case_twice_is_refused(tmp_path, split, sentence):
    (tmp_path / FILE).write_text(json.dumps({"patients": {}, "splits": [split]}))
    with pytest.raises(UserError, match=sentence):
        read_paper_splits(tmp_path / FILE)


def _read_all(file):
    read_paper_splits(file)
    read_patients(file)


def test_a_missing_file_names_the_command(tmp_path):
    with pytest.raises(UserError, match="cscn paper prepare"):
        read_paper_splits(tmp_path / "absent.json")


def test_a_training_keeps_its_split(tmp_path):
    first, second, *_ = paper_splits(alone(10))
    check_split(tmp_path, first)  # no training has started
    save_split(tmp_path, first)
    check_split(tmp_path, first)
    with pytest.raises(UserError, match=r"cscn_paper_splits.*changed"):
        check_split(tmp_path, second)
