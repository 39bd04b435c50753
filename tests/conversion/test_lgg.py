import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app
from nnunet_cscn.conversion.lgg import find_cases
from nnunet_cscn.errors import UserError

SCRIPT = Path(__file__).resolve().parents[2] / "dataset_conversion" / "Dataset905_LGG.py"


@pytest.fixture
def kaggle(tmp_path, write_slices):
    """Six patients of two institutions and two slices; in the last one nothing is marked and FLAIR stands in twice."""
    for number in range(1, 7):
        channels = (30, 30, 30) if number == 6 else (10, 20, 20 if number == 5 else 40)
        image = np.broadcast_to(np.array(channels, np.uint8), (4, 4, 3))
        mask = np.full((4, 4), 0 if number == 6 else 255, np.uint8)
        name = f"TCGA_{'CS' if number < 4 else 'HT'}_000{number}_19990101"
        write_slices(tmp_path / "download" / "kaggle_3m" / name, {1: (image, mask), 2: (image, mask)})
    return tmp_path / "download"


@pytest.fixture
def paired(tmp_path, write_volume):
    """Six cases of three channels; the last one has no label, and its post-contrast is FLAIR."""
    source = tmp_path / "paired"
    for number in range(1, 7):
        for channel, value in enumerate((1, 2, 2 if number == 6 else 3)):
            file = source / "images" / f"LGG_00{number}_{channel:04d}.nii.gz"
            write_volume(file, np.full((2, 3, 4), value, np.uint8))
        write_volume(source / "labels" / f"LGG_00{number}.nii.gz", np.full((2, 3, 4), number < 6, np.uint8))
    return source


def _convert(source, out):
    shown = CliRunner().invoke(app, ["convert", "lgg", str(source), "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    return out / "Dataset905_LGG"


def _rows(folder):
    with (folder / "conversion_report.csv").open() as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def _read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def test_the_download_becomes_a_data_set_with_five_fixed_folds(kaggle, tmp_path):
    folder = _convert(kaggle, tmp_path / "raw")
    content = json.loads((folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "pre-contrast", "1": "FLAIR", "2": "post-contrast"}
    assert content["labels"] == {"background": 0, "tumour": 1}
    assert content["licence"] == "CC BY-NC-SA 4.0"
    assert "10.1016/j.compbiomed.2019.05.002" in content["reference"]
    folds = json.loads((folder / "splits_final.json").read_text())
    assert [fold["val"] for fold in folds[:2]] == [
        ["TCGA_CS_0001_19990101", "TCGA_HT_0006_19990101"],
        ["TCGA_CS_0002_19990101"],
    ]
    image = SimpleITK.ReadImage(str(folder / "imagesTr" / "TCGA_CS_0001_19990101_0001.nii.gz"))
    assert image.GetSpacing() == (2.0, 2.0, 70.0)
    assert image.GetOrigin() == (0.5, 0.5, 0.0)
    assert (SimpleITK.GetArrayFromImage(image) == np.full((2, 2, 2), 20)).all()
    assert (folder / "conversion_pictures" / "TCGA_HT_0006_19990101.png").is_file()


def test_the_report_of_the_download_tells_institution_missing_sequence_and_empty_masks(kaggle, tmp_path):
    rows = _rows(_convert(kaggle, tmp_path / "raw"))
    told = {case: (row["institution"], row["missing_sequence"], row["notes"]) for case, row in rows.items()}
    assert told["TCGA_CS_0001_19990101"] == ("CS", "", "")
    assert told["TCGA_HT_0005_19990101"] == ("HT", "post-contrast", "")
    assert told["TCGA_HT_0006_19990101"] == ("HT", "pre-contrast, post-contrast", "nothing is marked")


def test_paired_folders_are_taken_as_they_are(paired, tmp_path):
    folder = _convert(paired, tmp_path / "raw")
    assert [_read(folder / "imagesTr" / f"LGG_001_{n:04d}.nii.gz").max() for n in range(3)] == [1, 2, 3]
    rows = _rows(folder)
    assert (rows["LGG_006"]["institution"], rows["LGG_006"]["missing_sequence"]) == ("", "post-contrast")
    assert rows["LGG_006"]["notes"] == "nothing is marked"
    assert rows["LGG_006"]["spacing_mm"] == "0.5x0.6x3"


def test_the_institution_of_paired_folders_stands_in_their_table(paired, tmp_path):
    (paired / "cases.csv").write_text("case,institution,slices,missing_sequence\nLGG_001,CS,2,pre,post\nLGG_009,HT\n")
    rows = _rows(_convert(paired, tmp_path / "raw"))
    assert [rows[f"LGG_00{number}"]["institution"] for number in (1, 2)] == ["CS", ""]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00,;\n\n1", b"other,columns\n1,2\n"])
def test_another_table_is_no_obstacle(paired, content):
    (paired / "cases.csv").write_bytes(content)
    assert find_cases(paired)[0].load().details["institution"] == ""


def test_a_bad_case_is_listed_and_the_others_are_there(paired, tmp_path):
    (paired / "images" / "LGG_002_0001.nii.gz").unlink()
    shown = CliRunner().invoke(app, ["convert", "lgg", str(paired), "--out", str(tmp_path / "raw")])
    assert shown.exit_code != 0
    assert "LGG_002: lacks LGG_002_0001.nii.gz (FLAIR)" in str(shown.exception)
    assert _rows(tmp_path / "raw" / "Dataset905_LGG")["LGG_003"]["status"] == "converted"


def test_an_absent_folder_and_half_of_a_pair_are_refused(tmp_path):
    with pytest.raises(UserError, match="folder not found"):
        find_cases(tmp_path / "absent")
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="expected a folder with labels or labelsTr in it, found images"):
        find_cases(tmp_path)


def test_the_help_says_that_spacing_is_nominal():
    shown = CliRunner().invoke(app, ["convert", "lgg", "--help"])
    assert "nominal spacing" in " ".join(shown.output.split())


def test_the_script_does_what_the_command_does(kaggle, tmp_path):
    command = [sys.executable, str(SCRIPT), str(kaggle), "--out", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "out" / "Dataset905_LGG" / "dataset.json").is_file()


@pytest.mark.data
def test_real_cases_arrive_unchanged_with_what_their_table_tells(shared_data, tmp_path):
    source, cases = shared_data / "lgg_mr", ("LGG_000", "LGG_030", "LGG_060", "LGG_075", "LGG_105")
    for part, endings in (("images", ("_0000", "_0001", "_0002")), ("labels", ("",))):
        (tmp_path / "source" / part).mkdir(parents=True)
        for name in (f"{case}{ending}.nii.gz" for case in cases for ending in endings):
            (tmp_path / "source" / part / name).symlink_to(source / part / name)
    (tmp_path / "source" / "cases.csv").symlink_to(source / "cases.csv")
    folder = _convert(tmp_path / "source", tmp_path / "raw")
    for case in cases:
        for number in range(3):
            name = f"{case}_{number:04d}.nii.gz"
            assert np.array_equal(_read(folder / "imagesTr" / name), _read(source / "images" / name))
        assert np.array_equal(
            _read(folder / "labelsTr" / f"{case}.nii.gz"), _read(source / "labels" / f"{case}.nii.gz")
        )
    told = {case: (row["institution"], row["missing_sequence"]) for case, row in _rows(folder).items()}
    assert told["LGG_000"] == ("CS", "")
    assert told["LGG_030"] == ("DU", "post-contrast")
    assert told["LGG_075"] == ("FG", "pre-contrast, post-contrast")


@pytest.mark.data
@pytest.mark.parametrize("case", ["LGG_000", "LGG_001", "LGG_075", "LGG_107"])
def test_the_download_gets_the_grid_of_the_real_cases(shared_data, case):
    from nnunet_cscn.conversion.lgg_slices import nominal_grid
    from nnunet_cscn.nifti.grids import grid_differences, read_grid

    there = read_grid(shared_data / "lgg_mr" / "images" / f"{case}_0001.nii.gz")
    assert grid_differences(nominal_grid(*there.shape), there, "the real case", tolerance=1e-5) == []
    assert there.shape[2] * there.spacing_mm[2] == pytest.approx(140, abs=0.005 * there.shape[2])
