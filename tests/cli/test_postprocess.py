import json

import numpy as np
import pytest


@pytest.fixture
def folders(tmp_path, write_volume):
    for case in range(4):
        reference = np.zeros((4, 10, 10), dtype=np.uint8)
        reference[1:3, 1:5, 1:5] = 1
        prediction = reference.copy()
        prediction[3, 8, 8] = 1
        write_volume(tmp_path / "labels" / f"case_{case}.nii.gz", reference)
        write_volume(tmp_path / "predictions" / f"case_{case}.nii.gz", prediction)
    dataset = {"labels": {"background": 0, "GTVp": 1}}
    (tmp_path / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return tmp_path


def test_a_postprocessing_is_tuned_and_applied(cscn, folders):
    status, shown, _ = cscn(
        *("postprocess", "tune", folders / "predictions", folders / "labels", "-o", folders / "pp.json"),
        *("--dataset-json", folders / "dataset.json", "--json", folders / "tuned.json", "--workers", 1),
    )
    assert status == 0
    assert "keep the largest component" in shown
    tuned = json.loads((folders / "tuned.json").read_text(encoding="utf-8"))
    assert tuned["labels"][0]["held_out_gain"] == pytest.approx(1 - 64 / 65)
    status, shown, _ = cscn(
        *("postprocess", "apply", folders / "predictions", folders / "pp.json", "-o", folders / "out"),
        *("--json", folders / "changed.json"),
    )
    assert status == 0
    assert "4 of 4 cases changed" in shown
    changed = json.loads((folders / "changed.json").read_text(encoding="utf-8"))
    assert changed["case_0"]["GTVp"]["added_ml"] == 0


def test_the_predictions_are_never_overwritten(refused, folders):
    (folders / "pp.json").write_text('{"postprocessing_fns": [], "postprocessing_kwargs": []}', encoding="utf-8")
    shown = refused("postprocess", "apply", folders / "predictions", folders / "pp.json", "-o", folders / "predictions")
    assert "--out" in shown
