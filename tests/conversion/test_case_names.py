from pathlib import Path

import pytest

from nnunet_cscn.conversion.case_names import CaseName, Identity, cases_by_id, numbered_cases


def who(patient_id, instance):
    return Identity(patient_id or f"study of {instance}", patient_id, instance, Path("a.dcm"))


def test_numbers_follow_the_order_and_patients_are_counted_apart():
    names = numbered_cases([who("A", "1"), who("A", "2"), who("B", "3")], "NPC")
    assert names == [
        CaseName("NPC_001", "patient_001"),
        CaseName("NPC_002", "patient_001"),
        CaseName("NPC_003", "patient_002"),
    ]


def test_known_cases_keep_their_numbers_when_others_come_before_them():
    first = [who("B", "3"), who("C", "4")]
    known = dict(zip("34", numbered_cases(first, "NPC"), strict=True))
    names = numbered_cases([who("A", "1"), who("B", "2"), *first], "NPC", known)
    assert names == [
        CaseName("NPC_003", "patient_003"),
        CaseName("NPC_004", "patient_001"),  # a further study of a known patient
        CaseName("NPC_001", "patient_001"),
        CaseName("NPC_002", "patient_002"),
    ]


def test_known_cases_keep_their_ids_when_others_come_before_them():
    names = cases_by_id([who("A", "1"), who("A", "2")], {"2": CaseName("A", "A")})
    assert names == [CaseName("A_2", "A"), CaseName("A", "A")]


def test_patients_are_known_by_their_id_when_their_case_is_away():
    assert numbered_cases([who("A", "9")], "NPC", {"1": CaseName("NPC_001", "patient_001")}, {"A": "patient_001"}) == [
        CaseName("NPC_002", "patient_001")
    ]
    assert cases_by_id([who("A", "9")], {"1": CaseName("A", "A")}, {"A": "A"}) == [CaseName("A_2", "A")]


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
