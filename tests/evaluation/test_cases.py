import numpy as np
import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.cases import check_cases, raise_problems


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def write_all(folder, write_volume, *names):
    for name in names:
        write_volume(folder / name, np.zeros((2, 3, 4), dtype=np.uint8))
    return folder


def test_files_are_paired_by_name_and_sorted(tmp_path, write_volume):
    predictions = write_all(tmp_path / "predictions", write_volume, "b.nii.gz", "a.nii")
    references = write_all(tmp_path / "references", write_volume, "a.nii.gz", "b.nii.gz")
    checked = check_cases(predictions, references)
    first, second = checked.cases
    assert (first.name, first.prediction, first.reference) == ("a", predictions / "a.nii", references / "a.nii.gz")
    assert second.name == "b"
    assert checked.grids["a"].shape == (4, 3, 2)
    assert checked.problems == {}


def test_a_dot_in_a_name_belongs_to_it(tmp_path, write_volume):
    folder = write_all(tmp_path / "f", write_volume, "patient.1.nii.gz", "patient.2.nii")
    assert [case.name for case in check_cases(folder, folder).cases] == ["patient.1", "patient.2"]


def test_what_nnunet_puts_beside_its_predictions_is_passed_over(tmp_path, write_volume):
    names = ("dataset.json", "plans.json", "predict_from_raw_data_args.json", "a.npz", "a.pkl", "._a.nii.gz")
    predictions = touch(write_all(tmp_path / "p", write_volume, "a.nii.gz"), *names)
    (predictions / "folder.nii.gz").mkdir()
    references = write_all(tmp_path / "r", write_volume, "a.nii.gz")
    assert [case.name for case in check_cases(predictions, references).cases] == ["a"]


def test_cases_that_are_in_one_folder_only_are_all_named(tmp_path, write_volume):
    predictions = write_all(tmp_path / "p", write_volume, "a.nii.gz", "x.nii.gz", "y.nii.gz")
    references = write_all(tmp_path / "r", write_volume, "a.nii.gz", "b.nii.gz", "c.nii.gz")
    checked = check_cases(predictions, references)
    assert [case.name for case in checked.cases] == ["a"]
    assert {name for name, why in checked.problems.items() if "without a prediction" in why} == {"b", "c"}
    assert {name for name, why in checked.problems.items() if "without a reference" in why} == {"x", "y"}


def test_a_missing_folder_and_a_file_in_its_place_are_refused(tmp_path):
    folder = touch(tmp_path / "p", "a.nii.gz")
    for other in (tmp_path / "absent", folder / "a.nii.gz"):
        with pytest.raises(UserError, match="folder not found"):
            check_cases(folder, other)
        with pytest.raises(UserError, match="folder not found"):
            check_cases(other, folder)


def test_a_folder_without_nifti_files_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"NIfTI.*\*\.nii\.gz.*\*\.nii\)"):
        check_cases(touch(tmp_path / "p", "a.npz"), touch(tmp_path / "r", "a.nii.gz"))


def test_two_files_of_one_case_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"two files, a\.nii and a\.nii\.gz"):
        check_cases(touch(tmp_path / "p", "a.nii.gz", "a.nii"), touch(tmp_path / "r", "a.nii.gz"))


def test_all_cases_with_a_wrong_grid_or_file_are_listed_with_the_reason(tmp_path, write_volume):
    empty = np.zeros((2, 3, 4), dtype=np.uint8)
    for name in ("good", "moved", "shaped", "spaced", "torn"):
        write_volume(tmp_path / "r" / f"{name}.nii.gz", empty)
    write_volume(tmp_path / "p" / "good.nii.gz", empty)
    write_volume(tmp_path / "p" / "moved.nii.gz", empty, origin_mm=(10.0, -20.0, 33.0))
    write_volume(tmp_path / "p" / "shaped.nii.gz", np.zeros((2, 3, 5), dtype=np.uint8))
    write_volume(tmp_path / "p" / "spaced.nii.gz", empty, spacing_mm=(0.5, 0.6, 3.3))
    (tmp_path / "p" / "torn.nii.gz").write_bytes(b"")
    with pytest.raises(UserError) as refusal:
        raise_problems(check_cases(tmp_path / "p", tmp_path / "r").problems)
    first, *lines = str(refusal.value).splitlines()
    assert first.startswith("4 case(s) cannot be evaluated")
    assert [line.split(":")[0].strip() for line in lines] == ["moved", "shaped", "spaced", "torn"]
    assert "origin (10, -20, 33) mm, the reference has (10, -20, 30) mm" in lines[0]
    assert "shape (5, 3, 2), the reference has (4, 3, 2)" in lines[1]
    assert "spacing" in lines[2]
    assert "prediction: the file cannot be read" in lines[3]


def test_no_problem_is_no_error():
    raise_problems({})
