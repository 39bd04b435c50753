import json
import subprocess
import sys

import numpy as np
import pytest

from nnunet_cscn.cli import cut_tables, notes
from nnunet_cscn.metrics import catalogue

DATASET = {"labels": {"background": 0, "GTVp": 1, "GTVn": 2}, "file_ending": ".nii.gz"}


@pytest.fixture
def folders(tmp_path, write_volume):
    """Two cases: `good` with an exact prediction, `missed` with an empty one. The folder also has nnU-Net's other
    files."""
    reference = np.zeros((4, 6, 8), dtype=np.uint8)
    reference[1:3, 1:4, 2:6] = 1
    for name, prediction in (("good", reference), ("missed", reference * 0)):
        write_volume(tmp_path / "p" / f"{name}.nii.gz", prediction)
        write_volume(tmp_path / "r" / f"{name}.nii.gz", reference)
        (tmp_path / "p" / f"{name}.npz").write_bytes(b"softmax")
        (tmp_path / "p" / f"{name}.pkl").write_bytes(b"properties")
    for name in ("dataset.json", "plans.json", "predict_from_raw_data_args.json"):
        (tmp_path / "p" / name).write_text("{}")
    (tmp_path / "dataset.json").write_text(json.dumps(DATASET))
    return tmp_path / "p", tmp_path / "r"


def test_scores_are_printed_and_written(cscn, folders, tmp_path):
    target = tmp_path / "new" / "scores.json"
    status, out, _ = cscn("evaluate", *folders, "--json", target, "--dataset-json", tmp_path / "dataset.json")
    assert status == 0
    content = json.loads(target.read_text())
    good = content["cases"]["good"]["GTVp"]
    assert [good[key] for key in ("dsc", "precision", "recall", "f1", "assd_mm", "hd95_mm")] == [1, 1, 1, 1, 0, 0]
    assert content["cases"]["missed"]["GTVp"]["assd_mm"] == "inf"
    assert content["aggregate"]["GTVp"]["dsc_mean"] == 0.5
    assert content["aggregate"]["GTVp"]["n_infinite_distance"] == 1
    assert content["aggregate"]["GTVn"]["n_both_empty"] == 2
    assert "good" in out
    assert "inf" in out


@pytest.mark.parametrize("target", ["--json=/dev/stdout", "--json /proc/self/fd/1", "--json LINK"])
def test_on_standard_output_the_file_stands_alone_and_the_tables_go_to_standard_error(folders, tmp_path, target):
    (tmp_path / "link").symlink_to("/dev/stdout")
    options = target.replace("LINK", str(tmp_path / "link")).split()
    command = [sys.executable, "-m", "nnunet_cscn.cli.main", "evaluate", *map(str, folders), *options]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert json.loads(ended.stdout)["cases"]["good"]["1"]["dsc"] == 1
    assert "All cases" in ended.stderr


def test_long_tables_are_cut_and_say_where_the_rest_is(cscn, folders, monkeypatch):
    monkeypatch.setattr(cut_tables, "MOST_ROWS", 1)
    _, out, _ = cscn("evaluate", *folders)
    cases, metrics = out.split("Metrics")
    assert "│ good " in cases
    assert "│ missed " not in cases
    assert "1 more row: --csv FILE writes all." in cases
    assert "For a single case, F1 is the same number as DSC." in " ".join(cases.split())
    n_metrics = len(catalogue.metrics())
    assert f"{n_metrics - 1} more rows: --json FILE writes all." in " ".join(metrics.split())


def test_of_many_notes_and_left_out_cases_the_first_are_shown(capsys):
    notes.show_notes((f"note on case_{number:02d}" for number in range(25)), cut_tables.WRITES_ALL)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "note: note on case_00"
    assert shown[9:] == ["note: note on case_09", "and 15 more notes: --json FILE writes all"]
    cut_tables.show_lines(["one", "two"], "see the report")
    assert capsys.readouterr().out == "one\ntwo\n"


def test_the_table_says_how_many_distances_are_infinite(cscn, folders):
    _, out, _ = cscn("evaluate", *folders)
    (last_row,) = [line for line in out.split("All cases")[1].splitlines() if line.startswith("│ 1 ")]
    cells = [cell.strip() for cell in last_row.strip("│").split("│")]
    assert cells == ["1", "2", "0.500", "0.500", "0.667", "0.00", "1", "0", "1", "0"]


def test_labels_are_numbers_without_a_dataset_json(cscn, folders, tmp_path):
    assert cscn("evaluate", *folders, "--json", tmp_path / "scores.json")[0] == 0
    assert list(json.loads((tmp_path / "scores.json").read_text())["aggregate"]) == ["1"]


def test_progress_goes_to_standard_error_and_results_to_standard_output(cscn, folders):
    _, out, err = cscn("evaluate", *folders, "--workers", 1)
    assert "evaluating" not in out
    assert "2/2" in err
    assert "DSC" not in err


def test_the_old_name_of_the_option_for_workers_still_works_but_is_not_shown(cscn, folders):
    assert cscn("evaluate", *folders, "--num-processes", 1)[0] == 0
    assert cscn("evaluate", *folders, "--num-processes", 0)[0] == 2
    shown = cscn("evaluate", "--help")[1]
    assert "--workers" in shown
    assert "--num-processes" not in shown


def test_names_with_brackets_are_printed_as_they_are(cscn, tmp_path, write_volume):
    write_volume(tmp_path / "case[red].nii.gz", np.ones((2, 3, 4), dtype=np.uint8))
    assert "case[red]" in cscn("evaluate", tmp_path, tmp_path)[1]


def refused(cscn, *arguments):
    status, out, err = cscn("evaluate", *arguments)
    assert status == 2
    assert "Traceback" not in out + err
    assert "DSC" not in out
    return err


def test_a_missing_folder_is_refused(cscn, folders, tmp_path):
    assert "folder not found" in refused(cscn, folders[0], tmp_path / "absent")


def test_a_folder_without_files_is_refused(cscn, folders, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no NIfTI files" in refused(cscn, tmp_path / "empty", folders[1])


def test_cases_missing_on_either_side_are_listed(cscn, folders):
    (folders[0] / "missed.nii.gz").unlink()
    (folders[0] / "extra.nii.gz").touch()
    err = refused(cscn, *folders)
    assert "without a prediction" in err
    assert "missed" in err
    assert "extra" in err


def test_other_grids_are_listed_with_the_reason(cscn, folders, write_volume):
    write_volume(folders[0] / "good.nii.gz", np.zeros((4, 6, 9), dtype=np.uint8))
    write_volume(folders[0] / "missed.nii.gz", np.zeros((4, 6, 8), dtype=np.uint8), spacing_mm=(0.5, 0.6, 2.0))
    err = refused(cscn, *folders)
    assert "good: the prediction has shape (9, 6, 4), the reference has (8, 6, 4)" in err
    assert "missed: the prediction has spacing (0.5, 0.6, 2) mm" in err


@pytest.mark.parametrize(("keep", "reason"), [(0, "cannot be read"), (30, "cannot be read"), (-8, "truncated")])
def test_a_torn_file_is_refused(cscn, folders, keep, reason):
    path = folders[1] / "good.nii.gz"
    path.write_bytes(path.read_bytes()[:keep])
    err = refused(cscn, *folders)
    assert "good: reference" in err
    assert reason in err


def test_a_file_of_four_dimensions_is_refused(cscn, folders):
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.zeros((2, 4, 6, 8), dtype=np.uint8), isVector=False)
    SimpleITK.WriteImage(image, str(folders[0] / "good.nii.gz"))
    assert "good: prediction: expected 3 dimensions, the file has 4" in refused(cscn, *folders)


def test_labels_that_are_no_whole_numbers_are_refused(cscn, folders, write_volume):
    write_volume(folders[0] / "good.nii.gz", np.full((4, 6, 8), 0.25, dtype=np.float32))
    assert "good: prediction: expected integer labels, got 0.25" in refused(cscn, *folders)


def test_labels_outside_the_dataset_json_are_refused(cscn, folders, tmp_path, write_volume):
    write_volume(folders[1] / "good.nii.gz", np.full((4, 6, 8), 9, dtype=np.uint8))
    err = refused(cscn, *folders, "--dataset-json", tmp_path / "dataset.json")
    assert "good: reference: the file contains 9, which is not a label of the dataset.json" in err


@pytest.mark.parametrize("content", ["{", "{}", '{"labels": {"tumour": 1}}'])
def test_a_bad_dataset_json_is_refused(cscn, folders, tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    assert "dataset.json" in refused(cscn, *folders, "--dataset-json", tmp_path / "dataset.json")


def test_a_missing_dataset_json_is_refused(cscn, folders, tmp_path):
    assert "cannot be read" in refused(cscn, *folders, "--dataset-json", tmp_path / "absent.json")


def test_a_folder_as_json_target_is_refused(cscn, folders, tmp_path):
    assert "this is a folder" in refused(cscn, *folders, "--json", tmp_path)


def test_scores_are_printed_even_when_they_can_not_be_written(cscn, folders, tmp_path):
    (tmp_path / "file").write_text("")
    status, out, err = cscn("evaluate", *folders, "--json", tmp_path / "file" / "scores.json")
    assert status == 2
    assert "cannot be written" in err
    assert "0.500" in out


@pytest.mark.parametrize("arguments", [(), ("p",), ("p", "r", "--workers", "0"), ("p", "r", "--what")])
def test_wrong_arguments_are_refused(cscn, arguments):
    assert cscn("evaluate", *arguments)[0] == 2


def test_a_refused_run_leaves_the_old_json_alone(cscn, folders, tmp_path):
    target = tmp_path / "scores.json"
    target.write_text("old")
    (folders[0] / "good.nii.gz").unlink()
    refused(cscn, *folders, "--json", target)
    assert target.read_text() == "old"


def test_help_shows_an_example_and_imports_neither_torch_nor_nnunet():
    code = (
        "import sys; from nnunet_cscn.cli.main import app\n"
        "try: app(['evaluate', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'nnunetv2', 'SimpleITK'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Example: cscn evaluate" in done.stdout


def test_a_fault_of_ours_ends_with_status_one_and_its_traceback(tmp_path):
    code = (
        "import sys; from nnunet_cscn.evaluation import folder\n"
        "def broken(*a, **k): raise RuntimeError('bug')\n"
        "folder.score_folders = broken\n"
        "sys.argv = ['cscn', 'evaluate', '.', '.']\n"
        "from nnunet_cscn.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "RuntimeError: bug" in done.stderr


def test_probabilities_add_a_calibration(cscn, tmp_path, write_volume):
    reference = np.zeros((4, 8, 8), dtype=np.uint8)
    reference[1:3, 2:6, 2:6] = 1
    for case in ("a", "b"):
        for folder in ("predictions", "labels"):
            write_volume(tmp_path / folder / f"{case}.nii.gz", reference)
        write_volume(tmp_path / "maps" / "1" / f"{case}.nii.gz", (reference * 0.8).astype(np.float32))
    folders = (tmp_path / "predictions", tmp_path / "labels")
    status, shown, _ = cscn("evaluate", *folders, "--probabilities", tmp_path / "maps", "--json", tmp_path / "s.json")
    assert status == 0
    assert "Calibration" in shown
    assert "Best threshold" in shown
    content = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert content["calibration"]["1"]["brier_score"] == pytest.approx(32 / 256 * 0.2**2)
    status, _, shown = cscn("evaluate", *folders, "--groups", tmp_path / "groups.csv")
    assert status == 2
    assert "--probabilities" in shown


def test_notes_are_shown(cscn, tmp_path, write_volume):
    for role, value in (("p", 1), ("r", 255)):
        write_volume(tmp_path / role / "case.nii.gz", np.full((2, 3, 4), value, np.uint8))
    _, shown, _ = cscn("evaluate", tmp_path / "p", tmp_path / "r")
    assert "the folders have no label in common" in " ".join(shown.split())


def test_an_old_dataset_json_is_named_as_such(refused, tmp_path, write_volume):
    write_volume(tmp_path / "p" / "case.nii.gz", np.ones((2, 3, 4), np.uint8))
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "a"}}), encoding="utf-8")
    shown = refused("evaluate", tmp_path / "p", tmp_path / "p", "--dataset-json", tmp_path / "dataset.json")
    assert "old format of nnU-Net 1" in " ".join(shown.split())
