import numpy as np
import pytest
import SimpleITK

from nnunet_cscn.errors import UserError
from nnunet_cscn.phantom.grid import Grid
from nnunet_cscn.phantom.head_scene import cut_head
from nnunet_cscn.phantom.heads import HeadFile, find_label_maps, find_nasopharynx, read_labels
from nnunet_cscn.phantom.tissues import Tissue

BRAINSTEM, SOFT, CORTEX = 16, 507, 515


def block_head(*, cut_below: int = 0) -> np.ndarray:
    """A head made of blocks. From back to front: brainstem, bone, 8 mm of soft tissue, and air from y = 87.

    The airway ends at z = 60. Above it is a sinus directly in front of the bone.
    """
    labels = np.zeros((100, 140, 100), np.int16)
    labels[:90, 10:130, 10:90] = SOFT
    labels[30:80, 105:115, 45:55] = BRAINSTEM
    labels[20:80, 96:102, 30:70] = CORTEX
    labels[10:61, 70:88, 42:58] = 0
    labels[64:75, 70:96, 42:58] = 0
    labels[:cut_below] = 0
    return labels


def write(path, labels, spacing=(1.0, 1.0, 1.0)):
    image = SimpleITK.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(path))
    return path


def test_the_nasopharynx_lies_8_mm_below_the_roof_of_the_airway_and_not_in_the_sinus(tmp_path):
    head = find_nasopharynx(write(tmp_path / "head.nii.gz", block_head()))
    assert head == HeadFile(tmp_path / "head.nii.gz", (52, 87, 49))
    assert head.patient == "head"


def test_a_turned_head_is_read_the_same(tmp_path):
    image = SimpleITK.GetImageFromArray(block_head().astype(np.float32))
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(image, "RAS"), str(tmp_path / "head.nii.gz"))
    np.testing.assert_array_equal(read_labels(tmp_path / "head.nii.gz"), block_head())


@pytest.mark.parametrize("cut_below", [50, 62])
def test_a_head_that_ends_at_the_nasopharynx_is_not_used(tmp_path, cut_below):
    assert find_nasopharynx(write(tmp_path / "head.nii.gz", block_head(cut_below=cut_below))) is None


def test_what_is_no_label_map_is_refused(tmp_path):
    noise = np.random.default_rng(0).normal(100, 20, (10, 10, 10)).astype(np.float32)
    with pytest.raises(UserError, match="not a label map of a head"):
        read_labels(write(tmp_path / "mr.nii.gz", noise))
    with pytest.raises(UserError, match="not a label map of a head"):
        read_labels(write(tmp_path / "mask.nii.gz", np.ones((10, 10, 10), np.uint8)))
    with pytest.raises(UserError, match="1 mm"):
        read_labels(write(tmp_path / "coarse.nii.gz", block_head(), spacing=(2.0, 2.0, 2.0)))
    (tmp_path / "text.nii.gz").write_text("no image")
    with pytest.raises(UserError, match="cannot be read"):
        read_labels(tmp_path / "text.nii.gz")


def test_a_folder_without_label_maps_is_refused(tmp_path):
    with pytest.raises(UserError, match="no label maps"):
        find_label_maps(tmp_path)
    with pytest.raises(UserError, match="folder not found"):
        find_label_maps(tmp_path / "absent")


def test_a_scene_keeps_the_labels_tissues_and_knows_the_airway(tmp_path):
    head = find_nasopharynx(write(tmp_path / "head.nii.gz", block_head()))
    scene = cut_head(np.random.default_rng(0), head, Grid((20, 70, 70), (3.0, 1.0, 1.0)))
    tissues = scene.tissue_map()
    assert {Tissue.AIRWAY, Tissue.CORTEX, Tissue.MUSCLE, Tissue.FAT, Tissue.MUCOSA, Tissue.WHITE_MATTER} <= {
        Tissue(number) for number in np.unique(tissues)
    }
    assert tissues.shape == (20, 70, 70)


def test_the_field_of_view_ends_where_a_head_is_cut_off(tmp_path):
    head = find_nasopharynx(write(tmp_path / "head.nii.gz", block_head(cut_below=40)))
    for seed in range(5):
        scene = cut_head(np.random.default_rng(seed), head, Grid((20, 70, 70), (3.0, 1.0, 1.0)))
        assert np.mean(np.isin(scene.tissue_map()[0], (Tissue.MUSCLE, Tissue.FAT))) > 0.3
