from dataclasses import replace
from pathlib import Path

import pytest

from nnunet_cscn.dicom.channels import ChannelPatterns, check_modality, find_channels
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.stack import Stack
from nnunet_cscn.errors import ArgumentError, UserError

STACK = Stack((3, 8, 10), (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (0.0, 3.0, 6.0))


def series(*descriptions, part="", kind=("ORIGINAL",), modality="MR"):
    uid = "1.2." + ".".join(str(sum(text.encode())) for text in (*descriptions, part))
    return ImageSeries(
        uid=uid, study="1.2", patient="x", modality=modality, frame_of_reference="1.1", kind=kind, echo_time_ms=None,
        stack=STACK, files=(Path("a"),) * 3, instances=("1", "2", "3"), part=part, descriptions=descriptions,
    )  # fmt: skip


T1, T1CE, T2 = series("t1_tse_tra"), series("T1_tse_tra_CE"), series("axial", "T2_haste")


def test_a_pattern_fits_description_protocol_and_sequence_in_any_case():
    found = find_channels(ChannelPatterns({"T2": "t2", "T1C": "t1.*ce", "T1": "t1(?!.*ce)"}), [T1, T1CE, T2])
    assert found.series == {"T2": T2, "T1C": T1CE, "T1": T1}
    assert found.notes == ()


def test_the_only_series_of_one_channel_is_no_candidate_for_another():
    """The first pattern fits both T1 series, because its lookahead excludes nothing."""
    found = find_channels(ChannelPatterns({"T1": "t1.*(?!ce)", "T1C": "t1.*ce"}), [T1CE, T1])
    assert found.series == {"T1": T1, "T1C": T1CE}


def test_one_series_for_two_channels_is_refused_also_if_one_is_optional():
    wanted = ChannelPatterns({"T1": "t1.*(?!ce)", "T1C": "t1.*ce"}, optional=("T1C",))
    with pytest.raises(UserError, match=r"the same series matches the channels T1 .* and T1C"):
        find_channels(wanted, [T1CE])


def test_a_channel_whose_series_all_belong_to_others_is_refused():
    with pytest.raises(UserError, match="every series that matches channel any"):
        find_channels(ChannelPatterns({"T1": "t1(?!.*ce)", "any": "t1", "T1C": "ce"}), [T1, T1CE])


def test_several_series_are_listed_with_what_separates_them():
    echoes = [series("T2 dixon", part=f"echo time {echo} ms") for echo in (20, 80)]
    with pytest.raises(UserError, match="2 series match channel T2") as refused:
        find_channels(ChannelPatterns({"T2": "t2"}), echoes)
    lines = str(refused.value).splitlines()
    assert [line.strip() for line in lines[1:]] == [
        "'T2 dixon': MR, axial, 3 slices of 8 x 10, 3 x 1 x 1 mm, echo time 20 ms",
        "'T2 dixon': MR, axial, 3 slices of 8 x 10, 3 x 1 x 1 mm, echo time 80 ms",
    ]
    assert find_channels(ChannelPatterns({"T2": "t2.*echo time 80"}), echoes).series == {"T2": echoes[1]}


def test_of_several_series_the_contoured_one_is_taken_and_that_is_noted():
    again = replace(T1, uid="1.2.99")
    found = find_channels(ChannelPatterns({"T1": "t1", "T2": "t2"}), [T1, again, T2], contoured=again)
    assert found.series == {"T1": again, "T2": T2}
    assert found.notes == ("2 series match channel T1: the contoured one was used",)


def test_a_missing_channel_is_refused_with_the_series_there_are_unless_it_is_optional():
    with pytest.raises(UserError, match=r"no series matches channel FLAIR \(flair\)") as refused:
        find_channels(ChannelPatterns({"T1": "t1", "FLAIR": "flair"}), [T1])
    assert 'add optional_channels=["FLAIR"]' in str(refused.value)
    assert "'t1_tse_tra': MR" in str(refused.value)
    found = find_channels(ChannelPatterns({"T1": "t1", "FLAIR": "flair"}, optional=("FLAIR",)), [T1])
    assert found.series == {"T1": T1, "FLAIR": None}
    assert found.notes == ("channel FLAIR is missing and was filled with zeros",)


def test_localisers_are_never_channels():
    scout = series("t1 scout", kind=("ORIGINAL", "LOCALIZER"))
    assert find_channels(ChannelPatterns({"T1": "t1"}), [scout, T1]).series == {"T1": T1}


def test_the_name_of_a_channel_may_state_its_modality():
    with pytest.raises(UserError, match=r"channel CT needs modality CT, but the series has MR"):
        find_channels(ChannelPatterns({"CT": "t1"}), [T1])
    check_modality("PET", series("x", modality="PT"))


def test_patterns_survive_json():
    wanted = ChannelPatterns({"T1": "t1(?!.*ce)", "T2": "t2"}, ("T2",), "T1")
    assert ChannelPatterns.from_json(wanted.to_json()) == wanted
    assert ChannelPatterns.from_json(None) is None
    assert ChannelPatterns.from_json({"T1": "t1"}) is None


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"patterns": {"T1": "t1("}}, "channels"),
        ({"patterns": {"T1": ""}}, "channels"),
        ({"patterns": {"T1": "t1"}, "optional": ("T2",)}, "optional_channels"),
        ({"patterns": {"T1": "t1"}, "reference": "T2"}, "reference"),
        ({"patterns": {"T1": "t1"}, "optional": ("T1",), "reference": "T1"}, "reference"),
    ],
)
def test_a_wrong_option_is_named(options, argument):
    with pytest.raises(ArgumentError) as refused:
        ChannelPatterns(**options)
    assert refused.value.argument == argument
