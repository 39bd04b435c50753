import json
import zipfile

import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.evaluate import evaluate_probabilities

LABELS = {"GTVp": 1, "GTVn": 2}


@pytest.fixture
def folders(tmp_path, write_volume):
    """Six cases; both labels are seen with a probability of 0.35 at first, the tumour alone in the last three."""
    for case in range(6):
        reference = np.zeros((4, 8, 8), dtype=np.uint8)
        reference[1:3, 2:4, 2:6] = 1
        reference[1:3, 5:7, 2:6] = 2
        write_volume(tmp_path / "labels" / f"case_{case}.nii.gz", reference)
        for label, value in LABELS.items():
            inside = 0.35 if case < 3 else 0.9
            probabilities = np.where(reference == value, inside, 0.1).astype(np.float32)
            write_volume(tmp_path / "maps" / label / f"case_{case}.nii.gz", probabilities)
    return tmp_path


def test_the_best_threshold_is_found_for_each_group(folders):
    rows = ["case,group", *(f"case_{case},{'weak' if case < 3 else 'strong'}" for case in range(6))]
    (folders / "groups.csv").write_text("\n".join(rows), encoding="utf-8")
    found = evaluate_probabilities(
        folders / "maps", folders / "labels", labels=LABELS, groups=folders / "groups.csv", workers=1
    )
    strong, weak = found["GTVp"].thresholds
    assert (strong.group, strong.threshold, strong.found.gain) == ("strong", 0.5, 0)
    assert (weak.group, weak.threshold) == ("weak", 0.15)
    assert (weak.found.before, weak.found.after, weak.found.gain) == (0, 1, 1)
    assert (weak.found.low, weak.found.high) == (1, 1)


def test_calibration_is_that_of_the_voxels_around_the_tumour(folders):
    """By hand: all 256 voxels lie within 10 mm, 16 of them in the label; 0.1, 0.35 and 0.9 are levels 26, 89, 229."""
    found = evaluate_probabilities(folders / "maps", folders / "labels", labels=LABELS, workers=1)["GTVp"]
    assert (found.n, found.n_empty) == (6, 0)
    outside = 240 / 256 * (26 / 255) ** 2
    weak = outside + 16 / 256 * (1 - 89 / 255) ** 2
    strong = outside + 16 / 256 * (1 - 229 / 255) ** 2
    assert found.brier_score == pytest.approx((weak + strong) / 2)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["n"] == 6


def test_ignored_voxels_take_no_part(folders, write_volume):
    labels = {**LABELS, "ignore": 3}
    for case in range(6):
        file = folders / "maps" / "GTVp" / f"case_{case}.nii.gz"
        probabilities = np.full((4, 8, 8), 0.1, dtype=np.float32)
        probabilities[:, 0] = 1.0  # a false alarm
        write_volume(file, probabilities)
        reference = np.zeros((4, 8, 8), dtype=np.uint8)
        reference[:, 0] = 3
        write_volume(folders / "labels" / f"case_{case}.nii.gz", reference)
    found = evaluate_probabilities(folders / "maps", folders / "labels", labels=labels, workers=1)["GTVp"]
    assert found.brier_score == pytest.approx((26 / 255) ** 2)


def test_maps_without_dataset_json_are_named_by_their_values(folders):
    with pytest.raises(ArgumentError, match="dataset_json: the maps are of GTVn, GTVp"):
        evaluate_probabilities(folders / "maps", folders / "labels", workers=1)
    for label, value in LABELS.items():
        (folders / "maps" / label).rename(folders / "maps" / str(value))
    assert list(evaluate_probabilities(folders / "maps", folders / "labels", workers=1)) == ["1", "2"]


def write_arrays(folder, write_volume, *, flipped=False):
    for case in range(6):
        segmentation = np.zeros((4, 8, 8), dtype=np.uint8)
        segmentation[1:3, 2:4, 2:6] = 1
        write_volume(folder / f"case_{case}.nii.gz", segmentation)
        probabilities = np.stack([segmentation == value for value in range(3)]) * 0.7 + 0.1
        array = probabilities[..., ::-1, :] if flipped else probabilities
        np.savez_compressed(folder / f"case_{case}.npz", probabilities=array.astype(np.float32))


def test_nnunets_arrays_are_read(folders, write_volume):
    write_arrays(folders / "npz", write_volume)
    found = evaluate_probabilities(folders / "npz", folders / "labels", labels=LABELS, workers=1)
    assert found["GTVp"].thresholds[0].found.before == 1
    assert found["GTVn"].thresholds[0].found.before == 0


@pytest.mark.parametrize("damage", ["nan", "above 1", "integers", "text", "torn"])
def test_damaged_arrays_are_refused(folders, write_volume, damage):
    write_arrays(folders / "npz", write_volume)
    file = folders / "npz" / "case_0.npz"
    array = np.load(file)["probabilities"]
    if damage == "torn":
        content = bytearray(file.read_bytes())
        content[60:80] = bytes(20)
        file.write_bytes(content)
    elif damage == "integers":
        np.savez(file, probabilities=(array > 0.5).astype(np.int16))
    elif damage == "text":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("probabilities.npy", b"nothing")
    else:
        array[1, 0, 0, 0] = np.nan if damage == "nan" else 1.5
        np.savez(file, probabilities=array)
    with pytest.raises(UserError, match=r"case_0\.npz.*probabilities"):
        evaluate_probabilities(folders / "npz", folders / "labels", labels=LABELS, workers=1)


def test_arrays_in_another_orientation_are_refused(folders, write_volume):
    write_arrays(folders / "npz", write_volume, flipped=True)
    with pytest.raises(UserError, match=r"case_0\.npz does not fit case_0\.nii\.gz"):
        evaluate_probabilities(folders / "npz", folders / "labels", labels=LABELS, workers=1)


def test_a_map_on_another_grid_is_refused(folders, write_volume):
    write_volume(
        folders / "maps" / "GTVn" / "case_2.nii.gz", np.zeros((4, 8, 8), np.float32), spacing_mm=(0.5, 0.6, 2.0)
    )
    with pytest.raises(UserError, match=r"case_2: map of GTVn: .*spacing"):
        evaluate_probabilities(folders / "maps", folders / "labels", labels=LABELS, workers=1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [("case,stage\ncase_0,T1\n", "columns case and group"), ("case,group\ncase_0,T1\n", "no group for 5 cases")],
)
def test_groups_that_do_not_fit_are_refused(folders, rows, reason):
    (folders / "groups.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(ArgumentError, match=reason):
        evaluate_probabilities(
            folders / "maps", folders / "labels", labels=LABELS, groups=folders / "groups.csv", workers=1
        )


def test_a_folder_without_probabilities_is_refused(folders):
    with pytest.raises(ArgumentError, match="contains no probabilities"):
        evaluate_probabilities(folders / "labels", folders / "labels", labels=LABELS, workers=1)
