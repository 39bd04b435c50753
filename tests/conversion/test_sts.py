import json

import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.conversion.hippocampus import HIPPOCAMPUS
from nnunet_cscn.conversion.paired_folders import convert
from nnunet_cscn.conversion.sts import STS


@pytest.mark.data
def test_all_41_real_sarcoma_cases_are_converted_unchanged(shared_data, tmp_path):
    done = convert(shared_data / "sts_mr", STS, raw_folder=tmp_path)
    assert len(done.written) == 41
    for name in ("STS_001", "STS_019", "STS_051"):
        source = shared_data / "sts_mr" / "images" / f"{name}.nii.gz"
        assert (done.folder / "imagesTr" / f"{name}_0000.nii.gz").read_bytes() == source.read_bytes()
    folds = json.loads((done.folder / "splits_final.json").read_text())
    assert folds[0]["val"][:3] == ["STS_001", "STS_007", "STS_013"]
    assert [len(fold["val"]) for fold in folds] == [9, 8, 8, 8, 8]


@pytest.mark.data
def test_all_200_real_hippocampi_have_8_bit_labels_afterwards(shared_data, tmp_path):
    done = convert(shared_data / "hippocampus", HIPPOCAMPUS, raw_folder=tmp_path)
    assert len(done.written) == 200
    for target in sorted((done.folder / "labelsTr").iterdir()):
        labels = SimpleITK.ReadImage(str(target))
        source = SimpleITK.ReadImage(str(shared_data / "hippocampus" / "labels" / target.name))
        assert labels.GetPixelID() == SimpleITK.sitkUInt8
        assert np.array_equal(SimpleITK.GetArrayFromImage(labels), SimpleITK.GetArrayFromImage(source))
