import pytest

from nnunet_cscn.dicom.roi_names import choose_roi, single_roi
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


def test_ambiguity_and_absence_list_the_names():
    with pytest.raises(UserError, match=r"3 ROIs match GTV\.\*; available ROIs: 'BODY', 'GTV_Mass'.*add merge=True"):
        single_roi("GTV.*", NAMES)
    with pytest.raises(UserError, match="no ROI matches Mandible; available ROIs: 'BODY'"):
        single_roi("Mandible", NAMES)
    with pytest.raises(UserError, match="available ROIs: none"):
        single_roi("GTV", [])


def test_a_broken_pattern_is_told():
    with pytest.raises(UserError, match="regular expression"):
        choose_roi("GTV(", NAMES)
