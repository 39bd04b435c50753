import json

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from nnunet_cscn.cli.main import app


def _read(file):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def _convert(name, source, out):
    shown = CliRunner().invoke(app, ["convert", name, str(source), "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    return next(out.iterdir())


@pytest.mark.data
def test_all_41_real_sarcoma_cases_are_converted_unchanged(shared_data, tmp_path):
    source = shared_data / "sts_mr"
    folder = _convert("sts", source, tmp_path)
    for image in sorted((source / "images").iterdir()):
        name = image.name.removesuffix(".nii.gz")
        assert np.array_equal(_read(folder / "imagesTr" / f"{name}_0000.nii.gz"), _read(image))
        assert np.array_equal(_read(folder / "labelsTr" / image.name), _read(source / "labels" / image.name))
        assert (folder / "conversion_pictures" / f"{name}.png").is_file()
    folds = json.loads((folder / "splits_final.json").read_text())
    assert folds[0]["val"][:3] == ["STS_001", "STS_007", "STS_013"]
    assert [len(fold["val"]) for fold in folds] == [9, 8, 8, 8, 8]


@pytest.mark.data
@pytest.mark.slow
def test_all_200_real_hippocampi_have_8_bit_labels_afterwards(shared_data, tmp_path):
    folder = _convert("hippocampus", shared_data / "hippocampus", tmp_path)
    targets = sorted((folder / "labelsTr").iterdir())
    assert len(targets) == 200
    for target in targets:
        labels = SimpleITK.ReadImage(str(target))
        assert labels.GetPixelID() == SimpleITK.sitkUInt8
        assert np.array_equal(
            SimpleITK.GetArrayFromImage(labels), _read(shared_data / "hippocampus" / "labels" / target.name)
        )
