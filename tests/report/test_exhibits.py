import numpy as np
import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.evaluation.overlap import OverlapCounts
from nnunet_cscn.evaluation.scores import LabelScores
from nnunet_cscn.report.exhibits import choose_cases, exhibits, image_files


def scores_of(**dsc_percent):
    """One label; each case has the DSC given in percent, None for two empty masks."""
    return FolderScores(
        {
            case: {
                "GTVp": LabelScores()
                if percent is None
                else LabelScores(OverlapCounts(percent, 100 - percent, 100 - percent))
            }
            for case, percent in dsc_percent.items()
        }
    )


def roles(choices):
    return [(choice.case, choice.role) for choice in choices]


def test_the_worst_the_middle_and_the_best_are_chosen_in_this_order():
    scores = scores_of(a=90, b=10, c=50, d=70, e=30, both=None)
    assert roles(choose_cases(scores, 1)) == [("b", "worst"), ("c", "median"), ("a", "best")]
    assert [choice.dsc for choice in choose_cases(scores, 1)] == [0.1, 0.5, 0.9]


def test_no_case_is_shown_twice_where_there_are_few():
    assert roles(choose_cases(scores_of(a=90, b=10), 2)) == [("b", "worst"), ("a", "worst")]
    assert roles(choose_cases(scores_of(a=90, b=10, c=50), 1, wanted=["c"])) == [
        ("b", "worst"),
        ("c", "median"),
        ("a", "best"),
    ]


def test_cases_can_be_asked_for():
    scores = scores_of(a=90, b=10, c=50, d=60, e=55)
    assert roles(choose_cases(scores, 0, wanted=["d"])) == [("d", "asked for")]
    with pytest.raises(UserError, match="--case x: there is no such case; there are a, b"):
        choose_cases(scores, 1, wanted=["x"])


def test_images_are_found_under_nnunets_names(predicted):
    cases = list(predicted.scores.files.values())
    found = image_files(predicted.images, cases, channel=0)
    assert found["near"] == predicted.images / "near_0000.nii.gz"
    (predicted.images / "near_0000.nii.gz").rename(predicted.images / "near.nii.gz")
    assert image_files(predicted.images, cases, channel=0)["near"] == predicted.images / "near.nii.gz"


def test_missing_images_and_other_grids_are_told_all_at_once(predicted, write_volume):
    write_volume(predicted.images / "far_0001.nii.gz", np.zeros((2, 3, 4), np.float32))
    cases = [predicted.scores.files[name] for name in ("far", "near")]
    with pytest.raises(UserError) as refusal:
        image_files(predicted.images, cases, channel=1)
    assert "far: far_0001.nii.gz: shape (4, 3, 2), the reference has" in str(refusal.value)
    assert "near: without an image near_0001.nii.gz" in str(refusal.value)
    with pytest.raises(UserError, match="no such folder"):
        image_files(predicted.images / "absent", cases, channel=0)


def test_every_kind_of_case_is_drawn(predicted):
    choices = choose_cases(predicted.scores, 5)
    images = image_files(predicted.images, list(predicted.scores.files.values()), channel=0)
    seen = []
    drawn = exhibits(choices, predicted.scores, images, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(choices)) for n in range(1, len(choices) + 1)]
    by_case = {(e.choice.case, e.choice.label): e for e in drawn}
    assert {case for case, _ in by_case} == {"exact", "near", "far", "missed", "invented"}
    for (case, _), exhibit in by_case.items():
        assert [view.name for view in exhibit.views] == ["axial", "coronal", "sagittal"]
        start = exhibit.views[0].slices[exhibit.views[0].start]
        assert bool(start.reference) is (case != "invented")
        assert bool(start.prediction) is (case != "missed")
        assert start.picture.startswith("data:image/jpeg")
        assert ('"name":"prediction"' in exhibit.surface) is (case != "missed")
