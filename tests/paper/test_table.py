import csv
import math

import pytest

from nnunet_cscn.metrics.overlap import OverlapCounts
from nnunet_cscn.metrics.scores import LabelScores
from nnunet_cscn.paper.methods import TRAINERS
from nnunet_cscn.paper.runs import paper_runs
from nnunet_cscn.paper.scores import ScoredMethod, patients_of_dataset, score_runs
from nnunet_cscn.paper.table import table_rows
from nnunet_cscn.paper.table_files import cell_texts, headings, latex, markdown, write_csv

from .conftest import CONFIGURATION, NAME


def scores(true_positive, false_positive, false_negative, assd_mm=1.0):
    counts = OverlapCounts(true_positive=true_positive, false_positive=false_positive, false_negative=false_negative)
    return {"GTVp": LabelScores(counts, assd_mm=assd_mm)}


def method(name, *cases, n_cases=None, notes=()):
    named = {f"case_{i}": case for i, case in enumerate(cases)}
    return ScoredMethod(name, named, len(cases) if n_cases is None else n_cases, tuple(notes))


def rows_of(*methods, patients=None, **arguments):
    return {row.method: row for row in table_rows(methods, "GTVp", patients or {}, **arguments)}


def test_figures_are_aggregated_as_in_the_paper():
    # DSC 0.8 and 0.4; precision 2/3 and 1, recall 1 and 1/4: F1 of means = 2 x 5/6 x 5/8 / (5/6 + 5/8) = 5/7
    row = rows_of(method("CSCN", scores(10, 5, 0, 1.0), scores(10, 0, 30, 3.0)))["CSCN"]
    assert row.cells["dsc"].estimate.value == pytest.approx(0.6)
    assert row.cells["assd_mm"].estimate.value == pytest.approx(2.0)
    assert row.cells["f1"].estimate.value == pytest.approx(5 / 7)
    assert (row.cells["dsc"].n, row.notes) == (2, ())
    assert (row.cells["dsc"].estimate.low, row.cells["dsc"].estimate.high) == (pytest.approx(0.4), pytest.approx(0.8))


def test_every_figure_is_tested_against_the_papers_method():
    good, poor = scores(10, 0, 0, 0.5), scores(10, 10, 10, 2.0)
    rows = rows_of(method("CSCN", *[good] * 8), method("CNN", *[poor] * 8), method("V-Net", *[good] * 8))
    for key in ("dsc", "assd_mm", "f1"):
        assert math.isnan(rows["CSCN"].cells[key].p)
        assert rows["CNN"].cells[key].p == pytest.approx(2 * 2 / 2**8)  # 2 of 256 swaps; two methods
        assert rows["V-Net"].cells[key].p == 1.0


def test_cases_of_one_patient_are_one():
    good, poor = scores(10, 0, 0), scores(10, 10, 10)
    patients = {f"case_{i}": f"patient_{i // 4}" for i in range(8)}
    rows = rows_of(method("CSCN", *[good] * 8), method("CNN", *[poor] * 8), patients=patients)
    assert rows["CNN"].cells["dsc"].p == pytest.approx(2 / 2**2)


def test_an_empty_prediction_counts_as_nothing_found_and_is_told():
    row = rows_of(method("CSCN", scores(10, 0, 0, 0.5), scores(0, 0, 10, math.inf)))["CSCN"]
    assert row.cells["dsc"].estimate.value == pytest.approx(0.5)
    assert row.cells["f1"].estimate.value == pytest.approx(0.5)
    assert (row.cells["assd_mm"].estimate.value, row.cells["assd_mm"].n) == (0.5, 1)
    assert row.notes == ("1 with one empty mask, which count as 0 in DSC and F1 and are left out of ASSD",)


def test_a_method_without_a_run_has_a_row_that_says_so():
    rows = rows_of(
        method("CSCN", scores(10, 0, 0)),
        ScoredMethod("V-Net", {}, 1, ("fold 0 has failed: no memory",)),
    )
    assert math.isnan(rows["V-Net"].cells["dsc"].estimate.value)
    assert math.isnan(rows["V-Net"].cells["dsc"].p)
    assert rows["V-Net"].notes == ("0 of 1 case", "fold 0 has failed: no memory")
    assert cell_texts(rows["V-Net"], published=False) == ["V-Net", "-", "-", "-", "-", "-", "-"]


def test_only_cases_of_both_are_compared():
    good, poor = scores(10, 0, 0), scores(10, 10, 10)
    rows = rows_of(method("CSCN", *[good] * 3, n_cases=8), method("CNN", *[poor] * 8))
    assert rows["CNN"].cells["dsc"].p == pytest.approx(2 / 2**3)


def test_observers_have_a_row_of_their_own():
    observers = {"other": scores(10, 10, 0)["GTVp"]}
    row = rows_of(method("CSCN", scores(10, 0, 0)), observers=observers)["two observers"]
    assert row.cells["dsc"].estimate.value == pytest.approx(2 / 3)
    assert row.cells["dsc"].published == 0.642
    assert math.isnan(row.cells["dsc"].p)


def test_files_hold_the_same_figures(tmp_path):
    rows = list(rows_of(method("CSCN", scores(10, 5, 0, 1.0)), method("CNN", scores(10, 10, 10, 2.0))).values())
    write_csv(tmp_path / "table.csv", {"GTVp": rows})
    with (tmp_path / "table.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["method"], float(first["dsc"]), first["dsc_p_holm"]) == ("CSCN", pytest.approx(0.8), "")
    assert (float(second["assd_mm"]), float(second["dsc_p_holm"])) == (2.0, 1.0)
    assert float(second["dsc_published"]) == 0.707
    text = markdown("GTVp", rows, published=True)
    assert "| CSCN | 0.800 (0.800 to 0.800) | - | 0.741 |" in text
    assert text.splitlines()[2].count("|") == text.splitlines()[3].count("|") == len(headings(published=True)) + 1


def test_latex_escapes_its_signs_and_keeps_its_columns():
    rows = list(
        rows_of(method("CSCN", scores(10, 5, 0), notes=["fold 1 has failed: a_b & 5 % {x} \\ # <3>|"])).values()
    )
    text = latex("GTV_p", rows, published=False)
    assert r"GTV\_p" in text
    assert r"a\_b \& 5 \% \{x\} \textbackslash{} \# \textless{}3\textgreater{}\textbar{}" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    assert body.count(" & ") == 6
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_runs_are_scored_and_what_is_missing_is_said(prepared, finish):
    runs = paper_runs(NAME, CONFIGURATION, ["CSCN", "V-Net"])
    for run in runs:
        if run.method == "CSCN":
            finish(run, too_far=0)
    finish(runs[1])
    runs[3].record_failure("RuntimeError: no memory")
    told = []
    cscn, vnet = score_runs(runs, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)
    assert (len(cscn.cases), cscn.notes) == (10, ())
    assert sorted(vnet.cases) == ["case_0", "case_1"]
    assert vnet.notes == ("fold 1 has failed: RuntimeError: no memory", "not done: fold 2, 3, 4")
    patients = patients_of_dataset(NAME)
    assert len(set(patients.values())) == 5
    rows = {row.method: row for row in table_rows([cscn, vnet], "GTVp", patients)}
    assert rows["V-Net"].notes[0] == "2 of 10 cases"
    # 4 x 8 rows of 4 columns are right; 4 rows of 4 x 4 too many in case_0 (32 more are true): hand count for case_0
    expected = 2 * (4 * 8 * 4) / (2 * (4 * 8 * 4) + 4 * 1 * 4)
    assert vnet.cases["case_0"]["GTVp"].counts.dsc == pytest.approx(expected)


def test_all_methods_have_rows_in_order(prepared, finish):
    runs = paper_runs(NAME, CONFIGURATION, list(TRAINERS))
    finish(runs[0])
    assert [scored.method for scored in score_runs(runs)] == list(TRAINERS)


def test_a_label_that_is_nowhere_is_said():
    nowhere = {"GTVp": LabelScores()}
    row = rows_of(method("CSCN", nowhere, scores(10, 0, 0)))["CSCN"]
    assert row.cells["dsc"].n == 1
    assert row.notes == ("1 without the label in truth and prediction, which are left out",)


def test_markdown_notes_are_no_markup():
    rows = list(rows_of(method("CSCN", scores(10, 5, 0), notes=["fold 1 has failed: <b> *x* `y` a_b"])).values())
    assert r"\<b\> \*x\* \`y\` a\_b" in markdown("GTVp", rows, published=False)
