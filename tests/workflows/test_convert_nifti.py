import json

import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.nifti.voxels import read_voxels
from nnunet_cscn.workflows.convert_nifti import convert_nifti

IMAGE = np.random.default_rng(0).integers(0, 900, (3, 8, 10)).astype(np.int16)
LABELS = np.zeros(IMAGE.shape, np.uint8)
LABELS[1, 2:5, 3:7], LABELS[2, 6:8, 1:3] = 1, 2
T1 = {"T1": "scans/{patient}/{scan}.nii.gz"}


@pytest.fixture
def convert(tmp_path, write_volume):
    for scan in ("x", "y"):
        write_volume(tmp_path / "source" / "scans" / "a" / f"{scan}.nii.gz", IMAGE)
        write_volume(tmp_path / "source" / "seg" / f"a-{scan}.nii.gz", LABELS)
        write_volume(tmp_path / "source" / "node" / f"a-{scan}.nii.gz", (LABELS == 2).astype(np.uint8))
        write_volume(tmp_path / "source" / "both" / f"a-{scan}.nii.gz", (LABELS > 0).astype(np.uint8))

    def run(**options):
        return convert_nifti(tmp_path / "source", tmp_path / "raw", dataset_id=960, **options)

    return run


def test_label_maps_keep_their_values(convert):
    result = convert(images=T1, label_maps="seg/{patient}-{scan}.nii.gz", labels={"GTVp": 1, "GTVn": 2}, name="Mine")
    assert result.folder.name == "Dataset960_Mine"
    assert (list(result.converted), result.problems) == (["a_x", "a_y"], {})
    assert (read_voxels(result.folder / "labelsTr" / "a_x.nii.gz") == LABELS).all()
    content = json.loads((result.folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "T1"}
    assert content["labels"] == {"background": 0, "GTVp": 1, "GTVn": 2}


def test_masks_are_numbered_in_their_order_and_the_later_one_is_on_top(convert):
    masks = {"all": "both/{patient}-{scan}.nii.gz", "node": "node/{patient}-{scan}.nii.gz"}
    result = convert(images=T1, masks=masks)
    assert result.problems == {}
    assert (read_voxels(result.folder / "labelsTr" / "a_y.nii.gz") == LABELS).all()
    assert json.loads((result.folder / "dataset.json").read_text())["labels"] == {"background": 0, "all": 1, "node": 2}


MAPS = {"images": T1, "label_maps": "seg/{patient}-{scan}.nii.gz"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"images": T1}, "^masks: .*label maps"),
        (MAPS, "^masks: .*label maps"),
        ({**MAPS, "labels": {"a": 1}, "masks": {"a": "{patient}.nii"}}, "^masks: .*label maps"),
        ({**MAPS, "labels": {"a": 1, "b": 1}}, "labels: .*a different value for each"),
        ({**MAPS, "labels": {"a": 0}}, "labels: .*background"),
        ({**MAPS, "labels": {"a": 1}, "optional": ["a"]}, "optional: .*masks"),
        ({"images": T1, "masks": {"a": "{patient}/{scan}.nii"}, "optional": ["b"]}, "optional: b is not"),
        ({**MAPS, "labels": {"a": 1}, "nan": float("inf")}, "nan: .*finite"),
        ({**MAPS, "labels": {"background": 1}}, "labels: .*background"),
        ({**MAPS, "labels": {"a": 1}, "images": {}}, "^images: expected"),
        ({**MAPS, "labels": {"a": 1}, "name": "my data"}, "^name: .*my data"),
    ],
)
def test_a_wrong_argument_is_named(convert, options, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        convert(**options)


def test_a_pattern_that_no_file_fits_is_refused(convert):
    with pytest.raises(UserError, match=r"no file matches .*{case}\.mha"):
        convert(images={"T1": "{case}.mha"}, masks={"a": "{case}.nii.gz"})
