import dataclasses

import numpy as np
import pytest
from PIL import Image

from nnunet_cscn.errors import UserError
from nnunet_cscn.paper.case_figures import write_slices_figure, write_surfaces_figure
from nnunet_cscn.paper.curve_figures import smoothed, write_curve_figures
from nnunet_cscn.paper.runs import paper_runs
from nnunet_cscn.paper.scores import score_runs
from nnunet_cscn.paper.shown_cases import read_shown_case, typical_cases

from .conftest import CONFIGURATION, NAME, truth

METHODS = ["CSCN", "BUNet", "V-Net"]


@pytest.fixture
def runs(prepared, finish):
    """CSCN and BUNet on all splits, without results of V-Net."""
    made = paper_runs(NAME, CONFIGURATION, METHODS)
    for run in made:
        if run.method != "V-Net":
            finish(run, too_far=2 if run.method == "BUNet" else int(run.fold % 3))
    return made


def names(files):
    return [file.name for file in files]


def has_colours(file):
    return np.asarray(Image.open(file).convert("RGB")).std(axis=2).max() > 10


def test_curves_of_all_methods_are_drawn(runs, tmp_path):
    files = write_curve_figures(runs, tmp_path)
    stems = ["figure_4_accuracy", "figure_5_loss", "figure_6_learning_rate"]
    assert names(files) == [f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")]
    text = (tmp_path / "figure_4_accuracy.svg").read_text()
    assert "<svg" in text
    assert all(has_colours(file) for file in files if file.suffix == ".png")


def test_without_curves_there_is_nothing_to_draw(prepared, tmp_path):
    with pytest.raises(UserError, match="epoch"):
        write_curve_figures(paper_runs(NAME, CONFIGURATION, METHODS), tmp_path)


def test_smoothing_is_a_moving_mean():
    values = np.arange(10.0) ** 2
    found = smoothed(values, 3)
    assert found[0] == 0
    assert found[1] == 0.5
    np.testing.assert_allclose(found[2:], [values[i - 2 : i + 1].mean() for i in range(2, 10)])


def test_what_is_no_number_is_left_out_of_the_mean():
    np.testing.assert_array_equal(smoothed(np.array([1.0, np.nan, 3.0, 5.0]), 2), [1, 1, 3, 4])
    np.testing.assert_array_equal(smoothed(np.array([np.nan, 2.0]), 1), [np.nan, 2])


def test_a_case_is_shown_with_all_that_found_it(runs):
    case = read_shown_case(runs, "case_4", "GTVp")
    assert list(case.found) == ["CSCN", "BUNet"]
    assert case.truth.sum() == truth("case_4").sum()
    assert case.image.voxels.shape == case.truth.shape == case.found["CSCN"].shape


def test_a_case_that_nobody_predicted_is_refused(runs):
    with pytest.raises(UserError, match=r"case_99_0000\.nii\.gz"):
        read_shown_case(runs, "case_99", "GTVp")
    with pytest.raises(UserError, match=r"^cases: .*case_4"):
        read_shown_case([run for run in runs if run.method == "V-Net"], "case_4", "GTVp")


def test_typical_cases_lie_at_the_quartiles(runs):
    cscn = next(scored for scored in score_runs(runs) if scored.method == "CSCN")
    dsc = sorted(scores["GTVp"].counts.dsc for scores in cscn.cases.values())
    chosen = [cscn.cases[case]["GTVp"].counts.dsc for case in typical_cases(cscn, "GTVp", 3)]
    assert chosen == [dsc[2], dsc[4], dsc[7]]  # of ranks 0 to 9: 2.25, 4.5 and 6.75, rounded


def test_slices_and_surfaces_are_drawn_also_where_a_method_has_no_result(runs, tmp_path):
    cases = [read_shown_case(runs, case, "GTVp") for case in ("case_0", "case_4")]
    files = [*write_slices_figure(cases, METHODS, tmp_path), *write_surfaces_figure(cases[0], METHODS, tmp_path)]
    assert names(files) == [
        *("figure_7_slices.png", "figure_7_slices.svg"),
        *("figure_8_surfaces.png", "figure_8_surfaces.svg"),
    ]
    assert all(has_colours(file) for file in files if file.suffix == ".png")
    assert not list(tmp_path.glob(".*"))  # no half-written file is left


def test_an_empty_case_has_no_surfaces(runs, tmp_path):
    case = read_shown_case(runs, "case_0", "GTVp")
    empty = dataclasses.replace(case, truth=np.zeros_like(case.truth), found={"CSCN": np.zeros_like(case.truth)})
    with pytest.raises(UserError, match=r"^cases: case_0.*label"):
        write_surfaces_figure(empty, METHODS, tmp_path)
    write_slices_figure([empty], METHODS, tmp_path)


def test_an_empty_prediction_is_told_from_a_missing_one(runs, tmp_path):
    case = read_shown_case(runs, "case_0", "GTVp")
    empty = dataclasses.replace(case, found={"CSCN": np.zeros_like(case.truth)})
    write_surfaces_figure(empty, METHODS, tmp_path)
    drawn = (tmp_path / "figure_8_surfaces.svg").read_text()
    assert drawn.count("<!-- nothing found -->") == 3
    assert drawn.count("<!-- no result -->") == 6
