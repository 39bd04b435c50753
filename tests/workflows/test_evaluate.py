import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.evaluation.tables import write_csv
from nnunet_cscn.metrics.catalogue import metrics
from nnunet_cscn.workflows.evaluate import evaluate_folders, evaluate_masks

SPACING_MM = (3.0, 1.0, 1.0)


def cube(start):
    """A cube with edges of 4 voxels that starts at the given slice."""
    mask = np.zeros((8, 6, 6), dtype=bool)
    mask[start : start + 4, 1:5, 1:5] = True
    return mask


# A cube compared with itself, shifted by one slice: 48 of 64 voxels overlap. The surface has 56 voxels: the 16 of the
# outer slice are 3 mm away, the 4 inside the opposite slice are 1 mm away from the ring around them, the others are on
# it. The contour of one slice of the reference, 12 pixels of 1 mm, is missing.
BY_HAND = {
    "dsc": 0.75,
    "precision": 0.75,
    "recall": 0.75,
    "f1": 0.75,
    "assd_mm": (16 * 3 + 4 * 1) / 56,
    "hd95_mm": 3.0,
    "iou": 48 / 80,
    "hd_mm": 3.0,
    "nsd_1mm": 40 / 56,
    "nsd_2mm": 40 / 56,
    "nsd_3mm": 1.0,
    "volume_ml": 0.192,
    "reference_volume_ml": 0.192,
    "volume_difference_ml": 0.0,
    "apl_mm": 12.0,
    "n_components": 1,
    "n_reference_components": 1,
    "lesion_f1": 1.0,
}


@pytest.fixture
def folders(tmp_path, write_volume):
    """Case `moved`: the cube is shifted by one slice. Case `missed`: label 2 is not predicted."""
    for name, prediction, reference in (("moved", cube(2), cube(1)), ("missed", cube(1) & False, 2 * cube(1))):
        for role, volume in (("p", prediction), ("r", reference)):
            write_volume(tmp_path / role / f"{name}.nii.gz", volume.astype(np.uint8), spacing_mm=SPACING_MM[::-1])
    return tmp_path / "p", tmp_path / "r"


def test_masks_have_the_values_of_the_hand_calculation_under_the_catalogues_keys():
    found = evaluate_masks(cube(2), cube(1), SPACING_MM).to_dict()
    assert list(found) == [metric.key for metric in metrics()]
    assert found == pytest.approx(BY_HAND, abs=1e-12)


def test_label_maps_are_scored_label_by_label():
    prediction, reference = 3 * cube(2).astype(np.uint8), 3 * cube(1).astype(np.int16)
    prediction[0, 0, 0] = 7
    found = evaluate_masks(prediction, reference, SPACING_MM).to_dict()
    assert found["3"] == pytest.approx(BY_HAND, abs=1e-12)
    assert (found["7"]["dsc"], found["7"]["hd_mm"], found["7"]["volume_ml"]) == (0.0, math.inf, 0.003)
    assert math.isnan(found["7"]["recall"])
    assert list(found) == ["3", "7"]


def test_numbers_0_and_1_are_a_label_map_with_one_label():
    assert list(evaluate_masks(cube(2).astype(float), cube(1).astype(float), SPACING_MM).labels) == ["1"]
    assert evaluate_masks(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), SPACING_MM).to_dict() == {}


def test_two_empty_masks_have_volumes_and_counts_only():
    found = evaluate_masks(cube(1) & False, cube(1) & False, SPACING_MM, tolerances_mm=(0.5,)).to_dict()
    assert {key for key, value in found.items() if not math.isnan(value)} == {
        *("volume_ml", "reference_volume_ml", "volume_difference_ml", "n_components", "n_reference_components")
    }
    assert "nsd_0.5mm" in found


@pytest.mark.parametrize(
    ("prediction", "reference", "options", "sentence"),
    [
        (cube(1)[0], cube(1), {}, r"^prediction: .*shape \(6, 6\)"),
        (cube(1), cube(1)[:0], {}, "^reference: expected"),
        (cube(1)[:4], cube(1), {}, r"^prediction: .*\(4, 6, 6\)"),
        (cube(1), cube(1).astype(int), {}, "^prediction: expected"),
        (cube(1).astype(str), cube(1), {}, "^prediction: expected"),
        (cube(1), cube(1), {"spacing_mm": (1.0, 1.0)}, "^spacing_mm: expected"),
        (cube(1), cube(1), {"tolerances_mm": (-1.0,)}, "^tolerances_mm: expected"),
    ],
)
def test_wrong_arrays_are_refused_by_the_arguments_name(prediction, reference, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        evaluate_masks(prediction, reference, **{"spacing_mm": SPACING_MM, **options})


def test_an_image_is_no_label_map():
    with pytest.raises(UserError, match=r"^prediction: .*integer.* 0\.25"):
        evaluate_masks(np.full((2, 2, 2), 0.25), np.ones((2, 2, 2)), SPACING_MM)


def test_a_folder_is_scored_from_paths_as_texts(folders):
    scores = evaluate_folders(*map(str, folders))
    assert {m.key: m.value(scores.cases["moved"]["1"]) for m in scores.metrics} == pytest.approx(BY_HAND, abs=1e-6)


def test_labels_are_named_by_a_mapping_or_a_dataset_json(folders, tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "any": [1, 2], "GTVn": 2}}))
    by_mapping = evaluate_folders(*folders, labels={"any": (1, 2), "GTVn": 2})
    assert by_mapping.labels == ("any", "GTVn")
    assert by_mapping.aggregate["any"].dsc_mean == pytest.approx(0.375)
    assert evaluate_folders(*folders, dataset_json=str(tmp_path / "dataset.json")).to_json() == by_mapping.to_json()


def test_the_table_has_the_rows_and_columns_of_the_csv(folders, tmp_path):
    scores = evaluate_folders(*folders)
    table = scores.to_dataframe()
    write_csv(tmp_path / "scores.csv", scores)
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert list(table.columns) == header
    assert table[["case", "label"]].to_numpy().tolist() == [row[:2] for row in rows]
    for row, written in zip(table.iloc[:, 2:].to_numpy().tolist(), rows, strict=True):
        assert row == pytest.approx([float(cell or "nan") for cell in written[2:]], nan_ok=True)
    missed = table[(table["case"] == "missed") & (table["label"] == "2")].iloc[0]
    assert (missed["dsc"], missed["hd95_mm"]) == (0.0, math.inf)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": {"a": 1}, "dataset_json": "d.json"}, "^labels: .*both"),
        ({"labels": {"a": "x"}}, "labels: .*for 'a'; got"),
        ({"tolerances_mm": (-1.0,)}, "^tolerances_mm: expected"),
        ({"empty_distance": "zero"}, "^empty_distance: .*zero"),
        ({"workers": 0}, "^workers: .*0"),
    ],
)
def test_wrong_values_are_refused_by_the_arguments_name(folders, options, sentence):
    with pytest.raises(UserError, match=sentence):
        evaluate_folders(*folders, **options)


def test_bad_cases_are_left_out_when_asked_and_progress_is_told(folders):
    (folders[0] / "missed.nii.gz").write_bytes(b"torn")
    seen = []
    scores = evaluate_folders(
        *folders, skip_bad=True, workers=1, on_progress=lambda done, total: seen.append((done, total))
    )
    assert (list(scores.cases), list(scores.skipped)) == (["moved"], ["missed"])
    assert seen == [(1, 1)]


@pytest.mark.parametrize("name", ["compare", "evaluate", "observers", "report"])
def test_importing_a_workflow_of_the_evaluation_imports_neither_torch_nor_nnunet(name):
    code = (
        f"import sys, nnunet_cscn.workflows.{name}\n"
        "print(sorted({'torch', 'nnunetv2', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
