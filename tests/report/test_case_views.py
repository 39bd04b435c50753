import base64
import json

import numpy as np
import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.folder import FolderScores, score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import LabelScores
from nnunet_cscn.report.case_views import case_views, choose_cases, image_files


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
    assert roles(choose_cases(scores_of(a=90, b=10), 2)) == [("b", "worst"), ("a", "best")]
    assert roles(choose_cases(scores_of(a=90, b=10, c=50), 2)) == [("b", "worst"), ("c", "median"), ("a", "best")]
    assert roles(choose_cases(scores_of(a=90), 2)) == [("a", "only case")]
    assert choose_cases(scores_of(), 2) == []


def test_around_the_median_stand_the_cases_in_the_middle():
    scores = scores_of(a=10, b=20, c=30, d=40, e=50, f=60, g=70)
    assert [case for case, role in roles(choose_cases(scores, 2)) if role == "median"] == ["c", "d"]
    assert [case for case, role in roles(choose_cases(scores, 1)) if role == "median"] == ["d"]


def test_cases_can_be_asked_for():
    scores = scores_of(a=90, b=10, c=50, d=60, e=55, both=None)
    assert roles(choose_cases(scores, 0, extra_cases=["d", "both"])) == [("d", "asked for"), ("both", "asked for")]
    assert roles(choose_cases(scores, 1, extra_cases=["b"]))[0] == ("b", "worst")
    with pytest.raises(UserError, match=r"^cases: .*x.*available: a, b"):
        choose_cases(scores, 1, extra_cases=["x"])


def test_images_are_found_under_nnunets_names(predicted):
    cases = list(predicted.scores.files.values())
    found = image_files(predicted.images, cases, channel=0)
    assert found["near"] == predicted.images / "near_0000.nii.gz"
    (predicted.images / "near_0000.nii.gz").rename(predicted.images / "near.nii.gz")
    assert image_files(predicted.images, cases, channel=0)["near"] == predicted.images / "near.nii.gz"
    with pytest.raises(UserError, match="near_0001"):
        image_files(predicted.images, [predicted.scores.files["near"]], channel=1)


def test_missing_images_and_other_grids_are_told_all_at_once(predicted, write_volume):
    write_volume(predicted.images / "far_0001.nii.gz", np.zeros((2, 3, 4), np.float32))
    cases = [predicted.scores.files[name] for name in ("far", "near")]
    with pytest.raises(UserError) as refusal:
        image_files(predicted.images, cases, channel=1)
    assert "far: far_0001.nii.gz: shape (4, 3, 2), the reference has" in str(refusal.value)
    assert "near: without an image near_0001.nii.gz" in str(refusal.value)
    with pytest.raises(UserError, match="images: folder not found:"):
        image_files(predicted.images / "absent", cases, channel=0)


def test_every_kind_of_case_is_drawn(predicted):
    choices = choose_cases(predicted.scores, 5)
    images = image_files(predicted.images, list(predicted.scores.files.values()), channel=0)
    seen = []
    drawn = case_views(choices, predicted.scores, images, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(choices)) for n in range(1, len(choices) + 1)]
    by_case = {(e.choice.case, e.choice.label): e for e in drawn}
    assert {case for case, _ in by_case} == {"exact", "near", "far", "missed", "invented"}
    for (case, _), case_view in by_case.items():
        assert [view.name for view in case_view.views] == ["axial", "coronal", "sagittal"]
        start = case_view.views[0].slices[case_view.views[0].start]
        assert bool(start.reference) is (case != "invented")
        assert bool(start.prediction) is (case != "missed")
        assert start.picture.startswith("data:image/jpeg")
        assert ('"name":"prediction"' in case_view.surface) is (case != "missed")


def test_ignored_voxels_are_not_drawn(predicted, write_volume):
    shape = (8, 30, 24)
    prediction, reference = (np.zeros(shape, np.uint8) for _ in range(2))
    prediction[3:5, 10:20, 5:15] = 1
    reference[:, :, :12] = 9
    reference[3:5, 10:20, 12:15] = 1
    for role, volume in (("p", prediction), ("r", reference)):
        write_volume(predicted.folder / role / "case.nii.gz", volume)
    labels = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "ignore": 9})
    scores = score_folders(predicted.folder / "p", predicted.folder / "r", labels=labels)
    assert scores.cases["case"]["GTVp"].counts.dsc == 1.0
    (case_view,) = case_views(choose_cases(scores, 1), scores, {})
    for view in case_view.views:
        assert all(each.prediction == each.reference for each in view.slices)
    distances = surface_colours(case_view)
    assert np.abs(distances).max() == 0


def test_a_perfect_prediction_of_a_large_tumour_has_no_distance_anywhere(predicted, write_volume):
    z, y, x = np.indices((30, 120, 120))
    large = ((z - 15) / 12) ** 2 + ((y - 60) / 50) ** 2 + ((x - 60) / 50) ** 2 <= 1
    for role in ("p", "r"):
        write_volume(predicted.folder / role / "case.nii.gz", large.astype(np.uint8), spacing_mm=(1.0, 1.0, 5.0))
    scores = score_folders(predicted.folder / "p", predicted.folder / "r")
    (case_view,) = case_views(choose_cases(scores, 1), scores, {})
    assert np.abs(surface_colours(case_view)).max() == 0


def surface_colours(case_view):
    """The distances that colour the predicted surface."""
    trace = next(t for t in json.loads(case_view.surface)["data"] if t.get("name") == "prediction")
    stored = trace["intensity"]
    if isinstance(stored, list):  # plotly 5
        return np.array(stored)
    return np.frombuffer(base64.b64decode(stored["bdata"]), stored["dtype"])
