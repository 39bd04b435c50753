import csv
import json

import numpy as np
import pytest

from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.grids import Grid
from nnunet_cscn.workflows.convert_cases import convert_cases

GRID = Grid(
    shape=(4, 3, 2), spacing_mm=(1.0, 1.0, 2.0), origin_mm=(0.0, 0.0, 0.0), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)
)
TINY = DatasetDescription(950, "Tiny", "Made for tests", ("T1",), (("background", 0), ("tumour", 1)), "none", "none")


def case(name, patient, value=1):
    return SourceCase(name, patient, lambda: LoadedCase([np.full((2, 3, 4), value, np.int16)], LABELS, GRID))


def bad_case(name, fault):
    def load():
        raise fault

    return SourceCase(name, name, load)


LABELS = np.zeros((2, 3, 4), np.uint8)
LABELS[0, 0, :3] = 1
CASES = [case("a_1", "a"), case("a_2", "a"), case("b_1", "b")]


def test_a_data_set_is_complete_and_the_result_says_where(tmp_path):
    result = convert_cases(TINY, CASES, str(tmp_path))
    assert result.folder == tmp_path / "Dataset950_Tiny"
    assert (list(result.converted), result.problems, result.n_new, result.n_cases) == (["a_1", "a_2", "b_1"], {}, 3, 3)
    assert result.converted["a_1"].volumes_ml == {"tumour": pytest.approx(3 * 2.0 / 1000)}
    assert json.loads((result.folder / "dataset.json").read_text())["numTraining"] == 3
    assert json.loads((result.folder / "patients.json").read_text()) == {"a_1": "a", "a_2": "a", "b_1": "b"}
    folds = json.loads((result.folder / "splits_final.json").read_text())
    assert folds == [{"train": ["b_1"], "val": ["a_1", "a_2"]}, {"train": ["a_1", "a_2"], "val": ["b_1"]}]
    assert [row["case"] for row in csv.DictReader(result.report.open())] == ["a_1", "a_2", "b_1"]
    assert sorted(file.name for file in result.pictures.iterdir()) == ["a_1.png", "a_2.png", "b_1.png"]


def test_progress_is_told_step_by_step(tmp_path):
    told = []
    convert_cases(TINY, CASES, tmp_path, on_progress=lambda *counts: told.append(counts))
    assert told == [(step, done, 3) for step in ("converting", "drawing") for done in (1, 2, 3)]


def test_a_second_run_writes_and_draws_nothing(tmp_path):
    convert_cases(TINY, CASES, tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.suffix in (".gz", ".png")}
    assert len(before) == 9
    steps = []
    assert convert_cases(TINY, CASES, tmp_path, on_progress=lambda step, *_: steps.append(step)).n_new == 0
    assert set(steps) == {"converting"}
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_bad_cases_are_returned_with_their_reasons_and_an_odd_fault_is_not_quoted(tmp_path):
    cases = [*CASES, bad_case("c", UserError("has no image")), bad_case("d", KeyError("Doe^John"))]
    result = convert_cases(TINY, cases, tmp_path)
    assert list(result.converted) == ["a_1", "a_2", "b_1"]
    assert result.problems == {"c": "has no image", "d": "unexpected fault in its files (KeyError)"}


def test_without_any_good_case_there_is_no_report(tmp_path):
    result = convert_cases(TINY, [bad_case("c", UserError("has no image"))], tmp_path)
    assert (result.report, result.pictures) == (None, None)
    assert not list(tmp_path.iterdir())


def test_other_files_are_replaced_only_on_request(tmp_path):
    convert_cases(TINY, CASES, tmp_path)
    changed = [case("a_1", "a", value=2), *CASES[1:]]
    reason = "a_1_0000.nii.gz already exists and differs from the source: delete it or add overwrite=True"
    assert convert_cases(TINY, changed, tmp_path).problems == {"a_1": reason}
    assert convert_cases(TINY, changed, tmp_path, overwrite=True).n_new == 1


def test_a_channel_of_an_earlier_run_is_refused(tmp_path, write_volume):
    folder = convert_cases(TINY, CASES, tmp_path).folder
    write_volume(folder / "imagesTr" / "a_1_0001.nii.gz", LABELS)
    with pytest.raises(UserError, match=r"a_1_0001\.nii\.gz; 1 in all"):
        convert_cases(TINY, CASES, tmp_path)


def test_cases_of_the_same_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="same name: a_1"):
        convert_cases(TINY, [CASES[0], CASES[0]], tmp_path)


def test_a_number_that_another_data_set_has_is_refused(tmp_path):
    (tmp_path / "Dataset950_Other").mkdir()
    with pytest.raises(UserError, match="Dataset950_Other"):
        convert_cases(TINY, CASES, tmp_path)
    with pytest.raises(ArgumentError, match=r"^dataset_id: .*1000"):
        convert_cases(TINY, CASES, tmp_path, dataset_id=1000)


def test_other_folds_where_nnunet_reads_them_are_refused_before_anything_is_written(tmp_path, empty_nnunet_folders):
    splits = empty_nnunet_folders["nnUNet_preprocessed"] / "Dataset950_Tiny" / "splits_final.json"
    splits.parent.mkdir()
    splits.write_text("[]")
    with pytest.raises(UserError, match="different folds"):
        convert_cases(TINY, CASES)
    assert not list(empty_nnunet_folders["nnUNet_raw"].iterdir())
