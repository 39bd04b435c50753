"""Regions that are absent, have the same name, or stand in several files of one image."""

import pytest

from dicom_files import write_series
from drawn_studies import HIGH, LOW, SLICES, VOXELS, boxes, convert, phantom, write_regions

BOX = 48
NODE = (12.5, 2.5), (15.5, 5.5)  # 3 x 3 pixels
BOTH = ("GTVp", "GTVn")


@pytest.fixture
def slices(tmp_path):
    return phantom(tmp_path / "study" / "mr")


@pytest.mark.parametrize("nodes", ["absent", "listed"])
def test_a_label_that_a_patient_lacks_is_optional(tmp_path, slices, nodes):
    regions = {"GTVp": boxes(slices)} | ({"GTVn": []} if nodes == "listed" else {})
    write_regions(tmp_path / "study" / "rt.dcm", regions, slices)
    (problem,) = convert(tmp_path / "study", BOTH).problems
    assert 'add optional=["GTVn"]' in problem
    outcome = convert(tmp_path / "study", BOTH, optional=["GTVn"])
    assert outcome.counts == [[5 * BOX]]
    assert "GTVn is absent" in outcome.notes[0]
    assert outcome.details[0]["GTVn_regions"] == ""


def test_a_region_that_is_wanted_is_never_optional_for_its_open_contours(tmp_path, slices):
    write_regions(
        tmp_path / "study" / "rt.dcm", {"GTVp": boxes(slices), "GTVn": boxes(slices, kind="OPEN_PLANAR")}, slices
    )
    (problem,) = convert(tmp_path / "study", BOTH, optional=["GTVn"]).problems
    assert "5 OPEN_PLANAR" in problem


def test_regions_of_one_image_in_two_files_make_one_case(tmp_path, slices):
    write_regions(tmp_path / "study" / "p.dcm", {"GTVp": boxes(slices)}, slices)
    write_regions(tmp_path / "study" / "n.dcm", {"GTVn": boxes(slices, (2, 3), *NODE)}, slices)
    write_regions(tmp_path / "study" / "body.dcm", {"BODY": boxes(slices)}, slices)  # none of the wanted ones
    outcome = convert(tmp_path / "study", BOTH)
    assert (outcome.counts, outcome.problems) == ([[5 * BOX, 2 * 9]], [])
    assert outcome.notes[0] == "the labels come from 2 files"


def test_labels_of_files_of_different_dates_are_told_with_their_dates(tmp_path, slices):
    nodes = {"GTVn": boxes(slices, (2, 3), *NODE)}
    write_regions(tmp_path / "study" / "p.dcm", {"GTVp": boxes(slices)}, slices, StructureSetDate="20260109")
    write_regions(tmp_path / "study" / "n.dcm", nodes, slices, StructureSetDate="20260102")
    outcome = convert(tmp_path / "study", BOTH)
    assert "GTVp from that of 20260109 without a state, GTVn from that of 20260102" in outcome.notes[0]


def test_regions_of_one_name_are_joined_on_request(tmp_path, slices):
    regions = {"first": boxes(slices), "second": boxes(slices, (2, 3), *NODE)}
    write_regions(tmp_path / "study" / "rt.dcm", regions, slices, names=["GTVp", "GTVp"])
    assert "2 ROIs match GTVp" in convert(tmp_path / "study").problems[0]
    assert convert(tmp_path / "study", merge=True).counts == [[5 * BOX + 2 * 9]]


def test_of_two_regions_of_one_name_the_one_with_contours_is_taken(tmp_path, slices):
    regions = {"first": boxes(slices), "second": []}
    write_regions(tmp_path / "study" / "rt.dcm", regions, slices, names=["GTVp", "GTVp"])
    outcome = convert(tmp_path / "study")
    assert outcome.counts == [[5 * BOX]]
    assert "GTVp [2]: nothing is drawn in it" in outcome.notes[0]


def write_versions(folder, slices, *versions):
    """The first version has 6 columns, the second one 7, and so on."""
    for number, (state, date) in enumerate(versions):
        contours = boxes(slices, SLICES, LOW, (HIGH[0] + number, HIGH[1]))
        elements = {"ApprovalStatus": state, "StructureSetDate": date, "StructureSetTime": "120000"}
        write_regions(folder / f"rt{number}.dcm", {"GTVp": contours}, slices, **elements)


@pytest.mark.parametrize(
    ("versions", "columns"),
    [
        ((("UNAPPROVED", "20260102"), ("UNAPPROVED", "20260109")), 7),
        ((("UNAPPROVED", "20260109"), ("UNAPPROVED", "20260102")), 6),
        ((("APPROVED", "20260102"), ("UNAPPROVED", "20260109")), 6),
        ((("UNAPPROVED", "20260102"), ("REJECTED", "20260109")), 6),
        ((("", "20260102"), ("APPROVED", "20260103"), ("", "20260109")), 7),
    ],
)
def test_the_approved_version_counts_or_else_the_newest(tmp_path, slices, versions, columns):
    write_versions(tmp_path / "study", slices, *versions)
    outcome = convert(tmp_path / "study")
    assert outcome.counts == [[5 * columns * 8]]
    assert all(date in outcome.notes[0] and state in outcome.notes[0] for state, date in versions)


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        ((("APPROVED", "20260102"), ("APPROVED", "20260109")), "are approved and differ"),
        ((("", "20260102"), ("", "20260102")), "have the same date and differ"),
    ],
)
def test_versions_that_contradict_each_other_are_refused(tmp_path, slices, versions, why):
    write_versions(tmp_path / "study", slices, *versions)
    assert why in convert(tmp_path / "study").problems[0]


def test_the_same_region_twice_is_no_contradiction(tmp_path, slices):
    for name in ("a", "b"):
        write_regions(tmp_path / "study" / f"{name}.dcm", {"GTVp": boxes(slices)}, slices, ApprovalStatus="APPROVED")
    outcome = convert(tmp_path / "study")
    assert outcome.counts == [[5 * BOX]]
    assert "the same in 2 files" in outcome.notes[0]


def test_lesions_of_one_name_in_two_files_are_no_versions(tmp_path, slices):
    write_regions(tmp_path / "study" / "a.dcm", {"GTVp": boxes(slices)}, slices)
    write_regions(tmp_path / "study" / "b.dcm", {"GTVp": boxes(slices, (2, 3), *NODE)}, slices)
    assert "no voxel in common" in convert(tmp_path / "study").problems[0]
    assert convert(tmp_path / "study", merge=True).counts == [[5 * BOX + 2 * 9]]


def test_a_label_that_others_hide_is_refused_and_a_part_of_it_told(tmp_path, slices):
    large = boxes(slices, SLICES, (2.5, 4.5), (10.5, 14.5))  # 8 x 10 pixels around the 6 x 8
    write_regions(tmp_path / "study" / "rt.dcm", {"GTVp": boxes(slices), "GTVn": large}, slices)
    assert "GTVp is completely covered" in convert(tmp_path / "study", BOTH).problems[0]
    outcome = convert(tmp_path / "study", ("GTVn", "GTVp"))
    assert outcome.counts == [[5 * (80 - 48), 5 * 48]]
    assert "240 voxels of GTVn lie under" in outcome.notes[0]


def test_a_name_may_hold_a_backslash_and_end_with_blanks(tmp_path, slices):
    write_regions(tmp_path / "study" / "rt.dcm", {"x": boxes(slices)}, slices, names=["GTV\\left "])
    assert convert(tmp_path / "study", {"left": "GTV\\left"}).counts == [[5 * BOX]]
    assert convert(tmp_path / "study", {"left": "GTV\\left "}).counts == [[5 * BOX]]


def test_the_wanted_regions_decide_among_the_series_of_a_file(tmp_path, slices):
    """Two series on one grid; both are listed, and each has regions of its own."""
    other = write_series(
        tmp_path / "study" / "b", VOXELS + 1000, patient="P1", StudyInstanceUID=slices[0].StudyInstanceUID
    )
    regions = {"BODY": boxes(slices), "GTVp": boxes(other)}
    write_regions(tmp_path / "study" / "rt.dcm", regions, slices)
    outcome = convert(tmp_path / "study")
    assert outcome.images[0][0, 0, 0] == int(VOXELS[0, 0, 0]) + 1000
    (problem,) = convert(tmp_path / "study", ("BODY", "GTVp"), overwrite=True).problems
    assert "name images of 2 series" in problem


def test_an_old_version_that_cannot_be_filled_is_no_hindrance(tmp_path, slices):
    draft = {"GTVp": boxes(slices, kind="OPEN_PLANAR")}
    write_regions(tmp_path / "study" / "a.dcm", draft, slices, StructureSetDate="20260102")
    write_regions(tmp_path / "study" / "b.dcm", {"GTVp": boxes(slices)}, slices, StructureSetDate="20260109")
    outcome = convert(tmp_path / "study")
    assert (outcome.counts, outcome.problems) == ([[5 * BOX]], [])
    assert "used that of 20260109" in outcome.notes[0]
