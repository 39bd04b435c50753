import numpy as np
import pytest

from nnunet_cscn.conversion.region_versions import choose_version
from nnunet_cscn.dicom.drawing import Version
from nnunet_cscn.errors import UserError

MASKS = [np.array([1, 1, 0, 0], bool), np.array([1, 1, 1, 0], bool), np.array([0, 0, 0, 1], bool)]


def choose(*versions, masks=MASKS, **options):
    return choose_version("GTVp", [Version(*each) for each in versions], lambda number: masks[number], **options)


def test_a_single_file_needs_no_choice_and_no_mask():
    choice = choose_version("GTVp", [Version("", "", "")], lambda number: pytest.fail("not needed"))
    assert (choice.numbers, choice.note) == ((0,), "")


def test_times_of_one_day_tell_which_is_newer():
    assert choose(("20260102", "080000.5", ""), ("20260102", "093000", "")).numbers == (1,)


def test_a_date_with_dots_is_a_date():
    assert choose(("2026.01.09", "", ""), ("20260102", "", "")).numbers == (0,)


def test_a_file_without_a_date_is_older_than_one_with_a_date():
    assert choose(("", "235959", ""), ("19990101", "", "")).numbers == (1,)


def test_an_approved_one_without_rivals_wins_over_newer_ones():
    choice = choose(("20260101", "", "APPROVED"), ("20260102", "", "UNAPPROVED"))
    assert choice.numbers == (0,)
    assert "20260101 APPROVED" in choice.note
    assert "20260102 UNAPPROVED" in choice.note


def test_parts_without_a_common_voxel_are_joined_on_request_alone():
    versions = ("20260101", "", ""), ("20260102", "", "")
    with pytest.raises(UserError, match="no voxel in common"):
        choose(*versions, masks=[MASKS[0], MASKS[2]])
    assert choose(*versions, masks=[MASKS[0], MASKS[2]], merge=True).numbers == (0, 1)
