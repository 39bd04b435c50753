from pathlib import Path

import pytest

from nnunet_cscn.conversion.case_names import (
    CaseName,
    Identity,
    cases_by_id,
    numbered_cases,
    read_mapping,
    write_mapping,
)
from nnunet_cscn.errors import UserError


def who(patient_id, instance):
    return Identity(patient_id or f"study of {instance}", patient_id, instance, Path("a.dcm"))


def test_numbers_follow_the_order_and_patients_are_counted_apart():
    names = numbered_cases([who("A", "1"), who("A", "2"), who("B", "3")], "NPC")
    assert names == [
        CaseName("NPC_001", "patient_001"),
        CaseName("NPC_002", "patient_001"),
        CaseName("NPC_003", "patient_002"),
    ]


def test_known_cases_keep_their_numbers_when_others_come_before_them(tmp_path):
    first = [who("B", "3"), who("C", "4")]
    write_mapping(tmp_path / "map.csv", numbered_cases(first, "NPC"), first)
    grown = [who("A", "1"), who("B", "2"), *first]
    names = numbered_cases(grown, "NPC", read_mapping(tmp_path / "map.csv"))
    assert names == [
        CaseName("NPC_003", "patient_003"),
        CaseName("NPC_004", "patient_001"),  # a further study of a known patient
        CaseName("NPC_001", "patient_001"),
        CaseName("NPC_002", "patient_002"),
    ]


def test_another_file_is_no_mapping(tmp_path):
    (tmp_path / "map.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no mapping of cases"):
        read_mapping(tmp_path / "map.csv")
    assert read_mapping(tmp_path / "absent.csv") == {}


@pytest.mark.parametrize(
    ("ids", "cases"),
    [
        (["A 1", "A/1"], ["A-1", "A-1-2"]),
        (["a", "A"], ["a", "A-2"]),  # one file on some systems
        (["../../etc", ".."], ["etc", "unknown"]),
        (["", ""], ["unknown", "unknown-2"]),
        (["A", "A", "A_2"], ["A", "A_2", "A_2_2"]),
        (["x" * 300], ["x" * 64]),
    ],
)
def test_ids_become_names_that_are_safe_and_unique(ids, cases):
    names = cases_by_id([who(patient_id, str(number)) for number, patient_id in enumerate(ids)])
    assert [name.case for name in names] == cases
    assert len({name.patient for name in names}) == len({who(each, str(i)).patient for i, each in enumerate(ids)})
