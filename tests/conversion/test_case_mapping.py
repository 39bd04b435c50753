import stat
from pathlib import Path

import pytest

from nnunet_cscn.conversion.case_mapping import CaseMapping, read_mapping, write_mapping
from nnunet_cscn.conversion.case_names import CaseName, Identity
from nnunet_cscn.errors import UserError

DATASET = "Dataset950_NPC"
NAMES = [CaseName("NPC_001", "patient_001"), CaseName("NPC_002", "patient_002")]
WHO = [Identity("A", "A", "1.1", Path("a.dcm")), Identity("B", "B", "1.2", Path("b.dcm"))]


@pytest.fixture
def file(tmp_path):
    write_mapping(tmp_path / "map.csv", CaseMapping({}).with_cases(DATASET, NAMES, WHO))
    return tmp_path / "map.csv"


def read(file, dataset=DATASET, *, has_ids=False):
    return read_mapping(file, dataset, has_ids=has_ids, prefix="NPC")


def test_names_come_back_and_nobody_else_may_read_them(file):
    assert read(file).names == {"1.1": NAMES[0], "1.2": NAMES[1]}
    assert read(file).patients == {"A": "patient_001", "B": "patient_002"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_cases_that_are_away_stay_in_it(file):
    write_mapping(file, read(file).with_cases(DATASET, [NAMES[1]], [WHO[1]]))
    assert read(file).names["1.1"] == NAMES[0]


def test_a_mapping_serves_one_data_set(file):
    with pytest.raises(UserError, match="case mapping of Dataset950_NPC"):
        read(file, "Dataset951_NPC")


def test_names_made_of_ids_are_not_taken_unasked(file, tmp_path):
    named = CaseMapping({}).with_cases(DATASET, [CaseName("MRN-1", "MRN-1")], [WHO[0]])
    write_mapping(file, named)
    with pytest.raises(UserError, match="add keep_ids=True"):
        read(file)
    write_mapping(tmp_path / "numbered.csv", CaseMapping({}).with_cases(DATASET, NAMES, WHO))
    with pytest.raises(UserError, match="remove keep_ids=True"):
        read(tmp_path / "numbered.csv", has_ids=True)
    assert read(file, has_ids=True).names == {"1.1": CaseName("MRN-1", "MRN-1")}


def test_names_that_lead_elsewhere_are_refused(file):
    write_mapping(file, CaseMapping({}).with_cases(DATASET, [CaseName("../../x", "p")], [WHO[0]]))
    with pytest.raises(UserError, match="not a case mapping"):
        read(file, has_ids=True)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe\x00", b"", b"dataset,case\nx\n"])
def test_another_file_is_no_mapping(tmp_path, content):
    (tmp_path / "map.csv").write_bytes(content)
    with pytest.raises(UserError, match="not a case mapping"):
        read(tmp_path / "map.csv")


def test_no_file_is_an_empty_mapping(tmp_path):
    assert read(tmp_path / "absent.csv").names == {}


def test_paths_of_old_archives_are_kept(tmp_path):
    odd = Identity("A", "A", "1.1", Path("M\udcfcller/rt.dcm"))  # as Python reads bytes that are no UTF-8
    write_mapping(tmp_path / "map.csv", CaseMapping({}).with_cases(DATASET, NAMES[:1], [odd]))
    assert read(tmp_path / "map.csv").rows["1.1"]["file"] == str(odd.file)
