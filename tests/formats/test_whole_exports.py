"""Predictions on a full disk: the file is named, and nothing torn is left."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch

from nnunet_cscn.formats import whole_exports
from nnunet_cscn.formats.whole_exports import export_whole, is_readable
from nnunet_cscn.nnunet.inference import predict_from_raw_data


class Plans:
    class image_reader_writer_class:  # noqa: N801
        def read_seg(self, file):
            return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file)), {}


@pytest.fixture
def exported(monkeypatch):
    """Stand in for nnU-Net's export: writes a mask, as much of it as fits, and what belongs to the probabilities."""

    def use(fits, ending=".nii.gz"):
        def export(logits, properties, configuration, plans, description, start, save_probabilities):
            mask = np.random.default_rng(0).integers(0, 2, (32, 32, 32), np.uint8)
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(mask), f"{start}{ending}")
            if fits is not None:
                os.truncate(f"{start}{ending}", fits)
            for other in (".npz", ".pkl") if save_probabilities else ():
                Path(f"{start}{other}").write_bytes(b"x")

        monkeypatch.setattr(whole_exports, "export_prediction_from_logits", export)

    return use


def run(target, *, save_probabilities=False, ending=".nii.gz"):
    export_whole(torch.zeros(2), {}, None, Plans(), {"file_ending": ending}, str(target), save_probabilities)


def test_all_files_of_a_case_come_into_place(tmp_path, exported):
    exported(None)
    run(tmp_path / "a.b", save_probabilities=True)  # names of cases may have dots
    assert {file.name for file in tmp_path.iterdir()} == {"a.b.nii.gz", "a.b.npz", "a.b.pkl"}
    assert is_readable(tmp_path / "a.b.nii.gz", None)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("fits", [0, 200])
def test_a_torn_mask_is_named_and_leaves_nothing(tmp_path, exported, ending, fits):
    exported(fits, ending)
    with pytest.raises(OSError, match="could not be written whole") as refused:
        run(tmp_path / "a", save_probabilities=True, ending=ending)
    assert refused.value.filename == str(tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_that_is_told_is_told_with_the_file(tmp_path, monkeypatch):
    def export(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_exports, "export_prediction_from_logits", export)
    with pytest.raises(OSError, match="No space left") as refused:
        run(tmp_path / "a")
    assert refused.value.filename == str(tmp_path / "a.nii.gz")


def test_nnunets_function_is_back_afterwards():
    module = predict_from_raw_data
    before = module.export_prediction_from_logits
    with whole_exports.whole_exports(module):
        assert module.export_prediction_from_logits is export_whole
    assert module.export_prediction_from_logits is before
