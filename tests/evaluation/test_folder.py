import json
import math
import subprocess
import sys

import numpy as np
import pytest

import brute_force
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.folder import FolderScores, score_folders
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.metrics.scores import LabelScores

LABELS = EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1, "GTVn": 2})


@pytest.fixture
def folders(tmp_path, write_volume):
    """Three cases: a (label 1, shifted by one slice), b (label 2 only in the prediction) and c (empty)."""
    reference = np.zeros((6, 7, 8), dtype=np.uint8)
    reference[1:4, 2:5, 2:6] = 1
    spurious = np.where(np.arange(8) == 7, 2, reference).astype(np.uint8)
    pairs = {"a": (np.roll(reference, 1, axis=0), reference), "b": (spurious, reference), "c": (reference * 0,) * 2}
    for name, (prediction, truth) in pairs.items():
        write_volume(tmp_path / "p" / f"{name}.nii.gz", prediction)
        write_volume(tmp_path / "r" / f"{name}.nii.gz", truth)
    return tmp_path / "p", tmp_path / "r"


def test_every_case_has_every_label(folders):
    scores = score_folders(*folders)
    assert list(scores.cases) == ["a", "b", "c"]
    assert scores.labels == ("1", "2")
    assert all(list(by_label) == ["1", "2"] for by_label in scores.cases.values())
    assert math.isnan(scores.cases["a"]["2"].counts.dsc)


def test_scores_are_measured_with_the_files_spacing_in_the_arrays_order(folders):
    """The moved block of 3 slices keeps 2 of them: DSC 2 / 3. The file's spacing is (0.5, 0.6, 3.0) in (x, y, z)."""
    score = score_folders(*folders).cases["a"]["1"]
    assert score.counts.dsc == pytest.approx(2 / 3, abs=1e-15)
    reference = np.zeros((6, 7, 8), dtype=bool)
    reference[1:4, 2:5, 2:6] = True
    expected = brute_force.assd_and_hd95_mm(np.roll(reference, 1, axis=0), reference, (3.0, 0.6, 0.5))
    assert (score.assd_mm, score.hd95_mm) == pytest.approx(expected, abs=1e-6)


def test_labels_without_names_are_sorted_by_number(tmp_path, write_volume):
    write_volume(tmp_path / "a.nii", np.array([[[10, 9]]], dtype=np.uint8))
    write_volume(tmp_path / "b.nii", np.array([[[1, 2]]], dtype=np.uint8))
    assert score_folders(tmp_path, tmp_path).labels == ("1", "2", "9", "10")


def test_the_number_of_cases_at_once_changes_nothing(folders):
    one, three = (score_folders(*folders, labels=LABELS, workers=n) for n in (1, 3))
    assert one.to_json() == three.to_json()
    assert list(three.cases) == ["a", "b", "c"]


def test_the_json_layout(folders):
    content = json.loads(json.dumps(score_folders(*folders, labels=LABELS).to_json(), allow_nan=False))
    distance = "distance_where_one_mask_is_empty"
    assert list(content) == ["cases", "aggregate", "skipped", "notes", distance, "definitions"]
    case = content["cases"]["b"]["GTVn"]
    assert {key: case[key] for key in ("dsc", "precision", "recall", "f1", "assd_mm", "hd95_mm")} == {
        "dsc": 0.0,
        "precision": 0.0,
        "recall": None,
        "f1": 0.0,
        "assd_mm": "inf",
        "hd95_mm": "inf",
    }
    assert list(case) == list(content["definitions"])
    empty = content["cases"]["c"]["GTVp"]
    n_zero = {"volume_ml", "reference_volume_ml", "volume_difference_ml", "n_components", "n_reference_components"}
    assert {key for key, value in empty.items() if value is not None} == n_zero
    together = content["aggregate"]["GTVn"]
    first = {
        "dsc_mean": 0.0,
        "f1_of_means": 0.0,
        "dsc_agg": 0.0,
        "assd_mm_mean": None,
        "n": 3,
        "n_empty_reference": 1,
        "n_empty_prediction": 0,
        "n_both_empty": 2,
        "n_infinite_distance": 1,
    }
    assert dict(list(together.items())[: len(first)]) == first
    assert together["volume_ml_mean"] == pytest.approx(6 * 7 * 0.9 / 1000 / 3)


def test_distances_of_one_sided_empties_may_be_the_diagonal(folders):
    """A grid of (8, 7, 6) voxels of (0.5, 0.6, 3.0) mm."""
    scores = score_folders(*folders, labels=LABELS, empty_distance="diagonal")
    diagonal = math.sqrt(4.0**2 + 4.2**2 + 18**2)
    assert scores.cases["b"]["GTVn"].hd95_mm == pytest.approx(diagonal)
    assert scores.aggregate["GTVn"].assd_mm_mean == pytest.approx(diagonal)
    assert scores.aggregate["GTVn"].n_empty_reference == 1
    assert scores.to_json()["distance_where_one_mask_is_empty"] == "diagonal"


def test_tolerances_name_the_metrics(folders):
    scores = score_folders(*folders, tolerances_mm=(0.5, 10))
    case = scores.to_json()["cases"]["a"]["1"]
    assert [key for key in case if key.startswith("nsd")] == ["nsd_0.5mm", "nsd_10mm"]
    assert case["nsd_10mm"] == 1


def test_bad_cases_are_left_out_and_told_when_asked(folders, write_volume):
    predictions, references = folders
    path = predictions / "a.nii.gz"
    path.write_bytes(path.read_bytes()[:-10])
    write_volume(predictions / "c.nii.gz", np.zeros((6, 7, 9), dtype=np.uint8))
    write_volume(references / "d.nii.gz", np.zeros((6, 7, 8), dtype=np.uint8))
    scores = score_folders(predictions, references, skip_bad=True)
    assert list(scores.cases) == ["b"]
    assert list(scores.skipped) == ["a", "c", "d"]
    assert "truncated" in scores.skipped["a"]
    assert "shape" in scores.skipped["c"]
    assert "without a prediction" in scores.skipped["d"]


def test_no_case_left_is_refused(folders):
    for path in folders[0].iterdir():
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"3 case\(s\) cannot be evaluated"):
        score_folders(*folders, skip_bad=True)


@pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
def test_tolerances_are_numbers_from_0_on(folders, tolerance):
    with pytest.raises(ValueError, match="tolerances_mm"):
        score_folders(*folders, tolerances_mm=(1.0, tolerance))


def test_progress_is_told_after_each_case(folders):
    calls = []
    score_folders(*folders, workers=2, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_all_torn_and_wrong_files_are_listed_at_once(folders):
    predictions, _ = folders
    for name in ("a", "c"):
        path = predictions / f"{name}.nii.gz"
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError) as refusal:
        score_folders(*folders, labels=EvaluatedLabels.from_dataset({"background": 0, "GTVp": 1}))
    lines = [line.strip() for line in str(refusal.value).splitlines()[1:]]
    assert [line.split(":")[0] for line in lines] == ["a", "b", "c"]
    assert "truncated" in lines[0]
    assert "the file contains 2, which is not a label" in lines[1]


def test_grids_are_checked_before_any_metric(folders, write_volume):
    calls = []
    write_volume(folders[0] / "c.nii.gz", np.zeros((6, 7, 9), dtype=np.uint8))
    with pytest.raises(UserError, match="c: the prediction has shape"):
        score_folders(*folders, on_progress=lambda done, total: calls.append(done))
    assert calls == []


@pytest.mark.parametrize("workers", [0, -1])
def test_less_than_one_case_at_once_is_refused(folders, workers):
    with pytest.raises(ValueError, match=r"^workers: "):
        score_folders(*folders, workers=workers)


def test_no_case_means_no_label():
    content = FolderScores({}).to_json()
    assert (content["cases"], content["aggregate"]) == ({}, {})


def test_the_aggregate_is_over_all_cases():
    assert FolderScores({"a": {"x": LabelScores()}, "b": {"x": LabelScores()}}).aggregate["x"].n == 2


@pytest.mark.data
def test_real_contours_against_themselves_moved_by_one_slice(tmp_path, shared_data, write_volume):
    import SimpleITK

    names = ("STS_002", "STS_008")
    for name in names:
        image = SimpleITK.ReadImage(str(shared_data / "sts_mr" / "labels" / f"{name}.nii.gz"))
        truth = SimpleITK.GetArrayFromImage(image)
        write_volume(tmp_path / "r" / f"{name}.nii.gz", truth, spacing_mm=image.GetSpacing())
        write_volume(tmp_path / "p" / f"{name}.nii.gz", np.roll(truth, 1, axis=0), spacing_mm=image.GetSpacing())
    scores = score_folders(tmp_path / "p", tmp_path / "r")
    for name in names:
        score = scores.cases[name]["1"]
        assert score.counts.precision == score.counts.recall  # nothing was moved out of the volume
        assert 0 < score.assd_mm < 3.28
        assert score.hd95_mm == pytest.approx(3.27, abs=0.01)


def test_importing_the_evaluation_imports_neither_torch_nor_nnunet():
    code = "import sys, nnunet_cscn.evaluation.folder; print(sorted({'torch', 'nnunetv2'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_the_representation_names_cases_and_labels():
    scores = {"GTVp": LabelScores(), "GTVn": LabelScores()}
    assert repr(FolderScores({"a": scores, "b": scores})) == "FolderScores(2 cases, labels: GTVp, GTVn)"
    assert repr(FolderScores({"a": scores}, skipped={"b": "damaged"})) == (
        "FolderScores(1 case, 1 skipped, labels: GTVp, GTVn)"
    )
    assert repr(FolderScores({})) == "FolderScores(0 cases, labels: none)"
