import pytest

from nnunet_cscn.dicom.roi_names import choose_roi
from nnunet_cscn.errors import UserError

NAMES = ["BODY", "GTV_Mass", "GTV_Edema", "gtv_p", "Parotid_L"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("GTV_Mass", ["GTV_Mass"]),
        ("body", ["BODY"]),
        ("GTVp", ["gtv_p"]),
        ("GTV.*", ["GTV_Mass", "GTV_Edema", "gtv_p"]),
        ("GTV", ["GTV_Mass"]),  # a synonym
        ("Mandible", []),
    ],
)
def test_names_synonyms_and_patterns(wanted, found):
    assert choose_roi(wanted, NAMES) == found


def test_the_very_name_comes_before_everything_else():
    assert choose_roi("GTVp", ["gtvp", "GTVp", "GTV primary"]) == ["GTVp"]


def test_blanks_around_a_name_do_not_count():
    assert choose_roi("body ", NAMES) == ["BODY"]


def test_numbered_regions_of_one_name_all_have_that_name():
    names = ["Lesion [1]", "Lesion [2]", "Lesions"]
    assert choose_roi("lesion", names) == ["Lesion [1]", "Lesion [2]"]
    assert choose_roi("Lesion [2]", names) == ["Lesion [2]"]


def test_a_broken_pattern_is_told():
    with pytest.raises(UserError, match="regular expression"):
        choose_roi("GTV(", NAMES)
