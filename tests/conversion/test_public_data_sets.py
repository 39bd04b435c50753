"""Small mocks of each data set's layout, quirks included."""

import csv
import json

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from dicom_files import oblique, write_series
from nnunet_cscn.cli.main import app
from nnunet_cscn.conversion.npc277 import SEQUENCES
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.series import image_series

SHAPE = (3, 8, 10)
IMAGE = np.random.default_rng(0).integers(-100, 900, SHAPE).astype(np.int16)
MASK = np.zeros(SHAPE, np.uint8)
MASK[1, 2:5, 3:7] = 1
NODE = np.zeros(SHAPE, np.uint8)
NODE[2, 6:8, 1:3] = 1
BOTH = MASK + 2 * NODE


@pytest.fixture
def convert(tmp_path):
    def run(name, *options, status=0):
        where = [str(tmp_path / "source"), "--out", str(tmp_path / "raw")]
        result = CliRunner().invoke(app, ["convert", name, *where, *options])
        text = result.output + str(result.exception or "")
        assert (result.exit_code == 0) is (status == 0), text
        assert "Traceback" not in text
        return text

    return run


def read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def dataset(folder):
    return json.loads((folder / "dataset.json").read_text())


@pytest.fixture
def hnts(tmp_path, write_volume):
    """Two patients, nested twice, ids with a gap; patient 21's mask in the middle of radiotherapy is empty."""
    root = tmp_path / "source" / "HNTSMRG24_train"
    for patient in ("2", "21"):
        before, middle = root / patient / "preRT", root / patient / "midRT"
        write_volume(before / f"{patient}_preRT_T2.nii.gz", IMAGE)
        write_volume(before / f"{patient}_preRT_mask.nii.gz", BOTH)
        write_volume(middle / f"{patient}_midRT_T2.nii.gz", IMAGE + 1)
        write_volume(middle / f"{patient}_midRT_mask.nii.gz", BOTH * (patient != "21"))
        write_volume(middle / f"{patient}_preRT_T2_registered.nii.gz", IMAGE + 2)
        write_volume(middle / f"{patient}_preRT_mask_registered.nii.gz", BOTH)
    return root


def test_hnts_mrg_before_radiotherapy(convert, hnts, tmp_path):
    assert "2 of 2 cases converted" in convert("hnts-mrg")
    folder = tmp_path / "raw" / "Dataset924_HNTSMRGpre"
    assert dataset(folder)["channel_names"] == {"0": "T2"}  # never CT: nnU-Net would normalise as CT
    assert dataset(folder)["labels"] == {"background": 0, "GTVp": 1, "GTVn": 2}
    assert (read(folder / "imagesTr" / "HNTSMRG_002_pre_0000.nii.gz") == IMAGE).all()
    assert (read(folder / "labelsTr" / "HNTSMRG_021_pre.nii.gz") == BOTH).all()
    assert (folder / "conversion_pictures" / "HNTSMRG_002_pre.png").is_file()


def test_hnts_mrg_with_priors_keeps_the_masks_that_are_empty_on_purpose(convert, hnts, tmp_path):
    convert("hnts-mrg", "--task", "mid-priors")
    folder = tmp_path / "raw" / "Dataset926_HNTSMRGmidPriors"
    channels = [read(folder / "imagesTr" / f"HNTSMRG_021_mid_{channel:04d}.nii.gz") for channel in range(3)]
    for seen, wanted in zip(channels, (IMAGE + 1, IMAGE + 2, BOTH), strict=True):
        assert (seen == wanted).all()
    assert not read(folder / "labelsTr" / "HNTSMRG_021_mid.nii.gz").any()
    rows = {row["case"]: row for row in csv.DictReader((folder / "conversion_report.csv").open())}
    assert rows["HNTSMRG_021_mid"]["notes"] == "nothing is marked"
    assert rows["HNTSMRG_002_mid"]["status"] == "converted"


def test_a_case_without_its_mask_is_listed_and_the_other_goes_on(convert, hnts, tmp_path):
    (hnts / "2" / "preRT" / "2_preRT_mask.nii.gz").unlink()
    shown = convert("hnts-mrg", status=2)
    assert "1 of 2 cases converted" in shown
    assert "HNTSMRG_002_pre: 2_preRT_mask.nii.gz: file not found" in shown


def test_other_grids_are_resampled_only_when_asked(convert, hnts, tmp_path, write_volume):
    write_volume(hnts / "2" / "preRT" / "2_preRT_mask.nii.gz", np.repeat(BOTH, 2, axis=2), spacing_mm=(0.25, 0.6, 3.0))
    assert "add resample=True" in convert("hnts-mrg", status=2)
    convert("hnts-mrg", "--resample")
    folder = tmp_path / "raw" / "Dataset924_HNTSMRGpre"
    rows = {row["case"]: row for row in csv.DictReader((folder / "conversion_report.csv").open())}
    assert rows["HNTSMRG_002_pre"]["notes"] == "the mask was resampled (0.014 ml before, 0.014 ml after)"
    assert abs(int((read(folder / "labelsTr" / "HNTSMRG_002_pre.nii.gz") > 0).sum()) - int((BOTH > 0).sum())) <= 4


def test_segrap_with_masks_of_255_and_duplicates(convert, tmp_path, write_volume):
    for number in range(2):
        folder = tmp_path / "source" / "SegRap" / f"segrap_{number:04d}"
        write_volume(folder / "image.nii.gz", IMAGE)
        write_volume(folder / "image_contrast.nii.gz", IMAGE + 5)
        write_volume(folder / "GTVp.nii.gz", MASK * (255 if number else 1))
        write_volume(folder / "GTVnd.nii.gz", NODE)
        write_volume(folder / "Brain (1).nii.gz", NODE)
    convert("segrap")
    folder = tmp_path / "raw" / "Dataset923_SegRap"
    assert dataset(folder)["channel_names"] == {"0": "CT", "1": "CT"}
    for number in range(2):
        assert (read(folder / "labelsTr" / f"segrap_{number:04d}.nii.gz") == BOTH).all()
        assert (read(folder / "imagesTr" / f"segrap_{number:04d}_0001.nii.gz") == IMAGE + 5).all()


@pytest.mark.parametrize("labels", ["Task002/segrap_0000.nii.gz", "task002/segrap_0000/labels.nii.gz"])
def test_segrap_with_label_maps_in_a_folder_of_their_own(convert, tmp_path, write_volume, labels):
    folder = tmp_path / "source" / "SegRap2023_Training_Set_120cases" / "segrap_0000"
    write_volume(folder / "image.nii.gz", IMAGE)
    write_volume(folder / "image_contrast.nii.gz", IMAGE + 5)
    write_volume(folder / "Brain.nii.gz", NODE)
    write_volume(tmp_path / "source" / "SegRap2023_Training_Set_120cases_OneHot_Labels" / labels, BOTH)
    write_volume(tmp_path / "source" / "OneHot_Labels" / "Task001" / "segrap_0000.nii.gz", 5 * MASK)
    convert("segrap")
    assert (read(tmp_path / "raw" / "Dataset923_SegRap" / "labelsTr" / "segrap_0000.nii.gz") == BOTH).all()


def test_segrap_with_masks_in_a_folder_of_their_own(convert, tmp_path, write_volume):
    folder, targets = tmp_path / "source" / "SegRap" / "segrap_0000", tmp_path / "source" / "Task002" / "segrap_0000"
    write_volume(folder / "image.nii.gz", IMAGE)
    write_volume(folder / "image_contrast.nii.gz", IMAGE + 5)
    write_volume(targets / "GTVp.nii.gz", MASK)
    write_volume(targets / "GTVnd.nii.gz", NODE)
    convert("segrap")
    assert (read(tmp_path / "raw" / "Dataset923_SegRap" / "labelsTr" / "segrap_0000.nii.gz") == BOTH).all()
    (targets / "GTVnd.nii.gz").rename(targets / "nodes.nii.gz")
    text = " ".join(convert("segrap", status=2).split())
    assert "expected one label map or GTVp.nii.gz and GTVnd.nii.gz, found GTVp.nii.gz, nodes.nii.gz" in text


@pytest.mark.parametrize("year", [2022, 2025])
def test_hecktor_of_both_years_has_pet_on_the_grid_of_ct(convert, tmp_path, write_volume, year):
    source = tmp_path / "source"
    images = source / "imagesTr" if year == 2022 else source / "Task 1" / "CHUM-001"
    labels = source / "labelsTr" if year == 2022 else images
    write_volume(images / "CHUM-001__CT.nii.gz", IMAGE)
    write_volume(images / "CHUM-001__PT.nii.gz", np.full((3, 4, 5), 7.0, np.float32), spacing_mm=(1.0, 1.2, 3.0))
    write_volume(labels / "CHUM-001.nii.gz", BOTH)
    write_volume(source / "imagesTs" / "MDA-001__CT.nii.gz", IMAGE)  # without contours
    assert "1 of 1 case converted" in convert("hecktor")
    folder = tmp_path / "raw" / "Dataset922_HECKTOR"
    assert dataset(folder)["channel_names"] == {"0": "CT", "1": "PET"}
    pet = read(folder / "imagesTr" / "CHUM-001_0001.nii.gz")
    assert pet.shape == SHAPE
    assert np.median(pet) == 7.0
    assert (read(folder / "labelsTr" / "CHUM-001.nii.gz") == BOTH).all()
    (row,) = csv.DictReader((folder / "conversion_report.csv").open())
    assert row["notes"] == "PET was resampled"


@pytest.fixture
def npc277(tmp_path):
    """Two patients with oblique series; masks with clean and unclean values, one of them in another order of axes."""
    root = tmp_path / "source" / "primary_data" / "data" / "MRI-Segments"
    for patient in ("001", "002"):
        for number, (folder, name) in enumerate(SEQUENCES.values()):
            write_series(root / patient / folder, IMAGE + number, orientation=oblique(), slice_spacing_mm=3.0 + number)
            (series,), _ = image_series(read_headers(root / patient / folder))
            mask = SimpleITK.GetImageFromArray(MASK.astype(np.float32) * (1 if patient == "001" else 0.93))
            grid = series.stack.grid()
            mask.SetSpacing(grid.spacing_mm)
            mask.SetOrigin(grid.origin_mm)
            mask.SetDirection(grid.direction)
            if patient == "002":
                mask = SimpleITK.PermuteAxes(SimpleITK.Flip(mask, (False, True, False)), (1, 0, 2))
            SimpleITK.WriteImage(mask, str(root / patient / name))
    (tmp_path / "source" / "__MACOSX" / "001").mkdir(parents=True)
    (tmp_path / "source" / "__MACOSX" / "001" / "ROI-CE-T1.nii").write_bytes(b"junk")
    return root


def test_npc277_masks_come_to_their_series_by_where_they_lie(convert, npc277, tmp_path):
    assert "2 of 2 cases converted" in convert("npc277")
    folder = tmp_path / "raw" / "Dataset277_NPC277"
    for case in ("NPC_001", "NPC_002"):
        assert (read(folder / "imagesTr" / f"{case}_0000.nii.gz") == IMAGE).all()
        assert (read(folder / "labelsTr" / f"{case}.nii.gz") == MASK).all()
    assert dataset(folder)["channel_names"] == {"0": "CE-T1"}


def test_npc277_sequences_are_channels_on_the_grid_of_the_first(convert, npc277, tmp_path):
    convert("npc277", "--mode", "multi")
    folder = tmp_path / "raw" / "Dataset280_NPC277multi"
    channels = [read(folder / "imagesTr" / f"NPC_001_{channel:04d}.nii.gz") for channel in range(3)]
    assert {channel.shape for channel in channels} == {SHAPE}
    inside = np.s_[0, 1:-1, 1:-1]  # the first slices lie at the same place; at the border rounding decides
    assert np.abs(channels[1][inside].astype(int) - (IMAGE[inside] + 1)).max() <= 1
    assert dataset(folder)["channel_names"] == {"0": "CE-T1", "1": "T1", "2": "T2"}


def test_npc277_scans_of_a_patient_stay_in_one_fold(convert, npc277, tmp_path):
    assert "6 of 6 cases converted" in convert("npc277", "--mode", "scans")
    folder = tmp_path / "raw" / "Dataset281_NPC277scans"
    for fold in json.loads((folder / "splits_final.json").read_text()):
        patients = [{case.split("_")[1] for case in fold[side]} for side in ("train", "val")]
        assert not patients[0] & patients[1]


def test_npc277_a_mask_of_another_shape_is_refused_or_resampled(convert, npc277, tmp_path, write_volume):
    image = SimpleITK.ReadImage(str(npc277 / "001" / "ROI-CE-T1.nii"))
    SimpleITK.WriteImage(image[:, :, 1:], str(npc277 / "001" / "ROI-CE-T1.nii"))
    shown = " ".join(convert("npc277", status=2).split())
    assert "NPC_001: the mask has a different grid" in shown
    assert "add resample=True" in shown
    convert("npc277", "--resample")
    assert (read(tmp_path / "raw" / "Dataset277_NPC277" / "labelsTr" / "NPC_001.nii.gz") == MASK).all()


@pytest.mark.parametrize("name", ["hnts-mrg", "segrap", "hecktor", "npc277"])
def test_another_folder_is_refused_with_what_is_expected(convert, tmp_path, name):
    assert "folder not found" in convert(name, status=2)
    (tmp_path / "source").mkdir()
    assert "found none" in convert(name, status=2)
