import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from dicom_enhanced import ENHANCED_CT, Frame, frames_of, write_enhanced
from dicom_files import AXIAL, CORONAL, SAGITTAL, oblique, write_series
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.errors import UserError

VOXELS = np.arange(4 * 5 * 7, dtype=np.int16).reshape(4, 5, 7)


def found_in(folder):
    series, problems = image_series(read_headers(folder))
    return series, list(problems.values())


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, oblique()])
def test_frames_become_the_volume_of_the_same_slices_in_files_of_their_own(tmp_path, orientation):
    frames = frames_of(VOXELS, orientation=orientation)
    write_enhanced(tmp_path / "enhanced" / "a.dcm", [frames[index] for index in (2, 0, 3, 1)], orientation=orientation)
    write_series(tmp_path / "slices", VOXELS, orientation=orientation)
    (enhanced,), problems = found_in(tmp_path / "enhanced")
    (plain,), _ = found_in(tmp_path / "slices")
    assert problems == []
    assert enhanced.frames == (2, 4, 1, 3)
    assert np.allclose(enhanced.stack.grid().affine(), plain.stack.grid().affine(), atol=1e-6)
    assert (read_pixels(enhanced) == VOXELS).all()
    assert read_pixels(enhanced).dtype == np.int16


def test_each_frame_has_a_rescaling_of_its_own(tmp_path):
    scaled = [
        Frame(np.full((4, 4), 10, np.uint16), (0, 0, 3 * index), {"PixelValueTransformationSequence": values})
        for index, values in enumerate(
            [
                {"RescaleSlope": 2, "RescaleIntercept": 1},
                {"RescaleSlope": 0.5, "RescaleIntercept": 0},
                {"RescaleSlope": 1, "RescaleIntercept": -1024},
            ]
        )
    ]
    write_enhanced(tmp_path / "a.dcm", scaled)
    (series,), _ = found_in(tmp_path)
    assert read_pixels(series)[:, 0, 0].tolist() == [21, 5, -1014]


def test_a_real_world_value_map_does_not_replace_the_rescaling(tmp_path):
    frames = frames_of(VOXELS, PixelValueTransformationSequence={"RescaleSlope": 2, "RescaleIntercept": 0})
    content = write_enhanced(tmp_path / "a.dcm", frames)
    mapping = Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 100.0, 0.0
    mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = 0, 1000
    for group in content.PerFrameFunctionalGroupsSequence:
        group.RealWorldValueMappingSequence = [mapping]
    content.save_as(tmp_path / "a.dcm")
    (series,), _ = found_in(tmp_path)
    assert (read_pixels(series) == 2 * VOXELS).all()


@pytest.mark.parametrize(
    ("sequence", "keyword", "values", "phrases"),
    [
        ("FrameContentSequence", "StackID", ["1", "2"], ["stack 1", "stack 2"]),
        ("FrameContentSequence", "TemporalPositionIndex", [1, 2], ["phase 1", "phase 2"]),
        ("MREchoSequence", "EffectiveEchoTime", [20.0, 80.5], ["echo time 20 ms", "echo time 80.5 ms"]),
        ("MRDiffusionSequence", "DiffusionBValue", [0.0, 800.0], ["b value 0 s/mm2", "b value 800 s/mm2"]),
        ("MRImageFrameTypeSequence", "ComplexImageComponent", ["MAGNITUDE", "PHASE"], ["MAGNITUDE", "PHASE"]),
    ],
)
def test_what_separates_volumes_of_one_file_is_described(tmp_path, sequence, keyword, values, phrases):
    """The frames of both volumes alternate, so that their order does not help."""
    volumes = [frames_of(VOXELS + 1000 * number, **{sequence: {keyword: value}}) for number, value in enumerate(values)]
    write_enhanced(tmp_path / "a.dcm", [frame for pair in zip(*volumes, strict=True) for frame in pair])
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [each.part for each in series] == phrases
    assert [int(read_pixels(each)[0, 0, 0]) for each in series] == [0, 1000]
    assert [each.frames for each in series] == [(1, 3, 5, 7), (2, 4, 6, 8)]


def test_directions_of_diffusion_are_separated_where_one_b_value_has_several(tmp_path):
    """One volume without diffusion weighting and two directions at the same b value."""
    directions = [None, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    for number, direction in enumerate(directions):
        frames = frames_of(
            VOXELS + number, MRDiffusionSequence={"DiffusionBValue": 0.0 if direction is None else 800.0}
        )
        content = write_enhanced(tmp_path / f"{number}.dcm", frames, SeriesInstanceUID="1.2.9")
        for group in content.PerFrameFunctionalGroupsSequence if direction else ():
            item = Dataset()
            item.DiffusionGradientOrientation = direction
            group.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = [item]
        content.save_as(tmp_path / f"{number}.dcm")
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [int(read_pixels(each)[0, 0, 0]) for each in series] == [0, 1, 2]
    assert series[2].part == "b value 800 s/mm2, diffusion direction 0, 1, 0"


def test_phases_without_a_number_are_separated_by_their_times(tmp_path):
    """The second phase comes first in the file; each slice has a time of its own."""
    phases = [
        Frame(frame.pixels, frame.position_mm, {"FrameContentSequence": {"FrameAcquisitionDateTime": time}})
        for phase in (1, 0)
        for index, frame in enumerate(frames_of(VOXELS + 1000 * phase))
        for time in [f"202601021200{10 * phase + index:02d}.5"]
    ]
    write_enhanced(tmp_path / "a.dcm", phases)
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [int(read_pixels(each)[0, 0, 0]) for each in series] == [0, 1000]
    assert [each.frames for each in series] == [(5, 6, 7, 8), (1, 2, 3, 4)]


def test_an_image_that_is_stored_again_under_a_new_uid_is_used_once(tmp_path):
    for number in (0, 1):
        uids = {"SeriesInstanceUID": "1.2.9", "FrameOfReferenceUID": "1.2.8", "StudyInstanceUID": "1.2.7"}
        write_enhanced(tmp_path / f"{number}.dcm", frames_of(VOXELS), **uids)
    (series,), problems = found_in(tmp_path)
    assert (series.stack.shape, problems) == (VOXELS.shape, [])
    assert len(set(series.files)) == 1
    assert any("same pixels" in note for note in series.notes)


def test_parametric_maps_are_no_images(tmp_path):
    write_enhanced(tmp_path / "a.dcm", frames_of(VOXELS), sop_class="1.2.840.10008.5.1.4.1.1.30")
    assert found_in(tmp_path) == ([], [])


def test_stacks_side_by_side_are_separate_although_no_position_is_repeated(tmp_path):
    left, right = (
        frames_of(VOXELS, origin_mm=(place, 0, 0), FrameContentSequence={"StackID": stack})
        for stack, place in (("L", 40.0), ("R", -40.0))
    )
    write_enhanced(tmp_path / "a.dcm", [*left, *right])
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [each.part for each in series] == ["stack L", "stack R"]


def test_stacks_in_three_planes_are_three_volumes(tmp_path):
    """Each frame has an orientation of its own, as in a localiser of several stacks."""
    frames = [
        Frame(pixels, position, {"PlaneOrientationSequence": {"ImageOrientationPatient": list(orientation)}})
        for orientation in (AXIAL, CORONAL)
        for pixels, position in ((each.pixels, each.position_mm) for each in frames_of(VOXELS, orientation=orientation))
    ]
    write_enhanced(tmp_path / "a.dcm", frames)
    series, problems = found_in(tmp_path)
    assert problems == []
    assert [each.stack.plane for each in series] == ["axial", "coronal"]


def test_an_image_that_is_split_over_two_files_is_one_volume(tmp_path):
    frames = frames_of(VOXELS)
    for number, part in enumerate((frames[:2], frames[2:])):
        write_enhanced(tmp_path / f"{number}.dcm", part, SeriesInstanceUID="1.2.9", FrameOfReferenceUID="1.2.8")
    (series,), problems = found_in(tmp_path)
    assert problems == []
    assert series.frames == (1, 2, 1, 2)
    assert (read_pixels(series) == VOXELS).all()


def test_a_copy_of_an_enhanced_file_is_passed_over(tmp_path):
    content = write_enhanced(tmp_path / "a.dcm", frames_of(VOXELS))
    content.save_as(tmp_path / "b.dcm")
    (series,), problems = found_in(tmp_path)
    assert (series.stack.shape, problems) == (VOXELS.shape, [])
    assert series.notes == ("4 copies of slices were passed over",)


def test_enhanced_ct_has_hounsfield_units(tmp_path):
    rescaling = {"PixelValueTransformationSequence": {"RescaleSlope": 1, "RescaleIntercept": -1024}}
    write_enhanced(tmp_path / "a.dcm", frames_of(VOXELS), sop_class=ENHANCED_CT, shared=rescaling)
    (series,), problems = found_in(tmp_path)
    assert (series.modality, problems) == ("CT", [])
    assert (read_pixels(series) == VOXELS - 1024).all()


def test_legacy_converted_images_are_read_and_keep_the_names_of_their_slices(tmp_path):
    """Two echoes, converted by highdicom."""
    needed = {
        "StudyTime": "120000", "StudyID": "1", "AccessionNumber": "", "ReferringPhysicianName": "", "SeriesNumber": 3,
        "PatientBirthDate": "", "PatientSex": "O", "Manufacturer": "x", "SliceThickness": 3.0,
        "ScanningSequence": "SE", "SequenceVariant": "NONE", "ScanOptions": "", "MRAcquisitionType": "2D",
        "EchoTrainLength": 1, "RepetitionTime": 500, "StudyInstanceUID": "1.2.5",
    }  # fmt: skip
    slices = [
        slice_
        for echo in (20.0, 80.0)
        for slice_ in write_series(
            tmp_path / str(echo), VOXELS + int(echo), uid="1.2.9", frame_of_reference="1.2.8", EchoTime=echo,
            InstanceNumber=list(range(1, 5)), **needed,
        )
    ]  # fmt: skip
    converted = hd.legacy.LegacyConvertedEnhancedMRImage(slices, "1.2.10", 4, "1.2.11", 1)
    (tmp_path / "converted").mkdir()
    converted.save_as(tmp_path / "converted" / "a.dcm")
    series, problems = found_in(tmp_path / "converted")
    assert problems == []
    assert sorted(int(read_pixels(each)[0, 0, 0]) for each in series) == [20, 80]
    assert [each.part for each in series] == ["echo time 20 ms", "echo time 80 ms"]
    assert {slices[0].SOPInstanceUID, slices[3].SOPInstanceUID} <= series[0].aliases
    assert not series[0].aliases & {slices[4].SOPInstanceUID}


def test_frames_without_a_description_are_refused_with_a_remedy(tmp_path):
    write_series(tmp_path, VOXELS[:1], NumberOfFrames=3)
    series, problems = found_in(tmp_path)
    assert series == []
    assert "export the series as one file per slice" in problems[0]


def test_pixel_data_that_are_cut_off_are_named(tmp_path):
    content = write_enhanced(tmp_path / "a.dcm", frames_of(VOXELS))
    content.PixelData = content.PixelData[:-70]
    content.save_as(tmp_path / "a.dcm")
    (series,), _ = found_in(tmp_path)
    with pytest.raises(UserError, match="truncated"):
        read_pixels(series)


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_compressed_frames_are_decoded_and_rescaled(tmp_path, compressor):
    """ITK compresses a plain multi-frame image, whose pixel data then take the place of an enhanced one's."""
    voxels = np.random.default_rng(0).integers(0, 2000, (3, 32, 48)).astype(np.uint16)
    rescaling = {"PixelValueTransformationSequence": {"RescaleSlope": 3, "RescaleIntercept": -5}}
    content = write_enhanced(tmp_path / "in" / "a.dcm", frames_of(voxels), shared=rescaling)
    writer = SimpleITK.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.SetFileName(str(tmp_path / "packed.dcm"))
    writer.Execute(SimpleITK.GetImageFromArray(voxels))
    packed = pydicom.dcmread(tmp_path / "packed.dcm")
    assert packed.file_meta.TransferSyntaxUID.is_encapsulated
    content.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
    content["PixelData"] = packed["PixelData"]
    content.save_as(tmp_path / "in" / "a.dcm")
    (series,), problems = found_in(tmp_path / "in")
    assert problems == []
    assert (read_pixels(series) == 3 * voxels.astype(int) - 5).all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("source", "reference", "phase"),
    [
        ("Philips", "Philips_WIP_B0_NS_801_e1.nii", None),
        ("Philips", "Philips_WIP_B0_NS_801_e2_fieldmaphz.nii", None),
        *(("Siemens", "Siemens_REST1_w_SMS_PF7-8_6.nii", phase) for phase in range(4)),
    ],
)
def test_real_enhanced_images_lie_where_another_converter_puts_them(shared_data, source, reference, phase):
    """The other converter's voxels are compared at their places, as it may store axes the other way round.

    Its scaling of the first Philips volume is the private one, in proportion to DICOM's.
    """
    folder = shared_data / "enhanced_mr"
    series, problems = found_in(folder / "In" / source)
    assert problems == []
    number = phase if phase is not None else int("_e2_" in reference)
    chosen, image = series[number], SimpleITK.ReadImage(str(folder / "Ref" / reference))
    if phase is not None:
        image = image[:, :, :, phase]
    expected, found = SimpleITK.GetArrayFromImage(image).astype(float), read_pixels(chosen)
    grid, affine = chosen.stack.grid(), np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    assert sorted(image.GetSize()) == sorted(grid.shape)
    corners = np.array([(x, y, z, 1) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * [
        *np.subtract(grid.shape, 1),
        1,
    ]
    places = corners @ grid.affine().T
    there = np.linalg.solve(affine, places.T).T[:, :3]
    indices = np.rint(there).astype(int)
    assert np.abs((np.column_stack([indices, np.ones(8)]) @ affine.T - places)[:, :3]).max() < 1e-4
    flips = tuple(slice(None, None, -1 if indices[0, axis] else 1) for axis in (2, 1, 0))
    expected = expected[flips]
    if "_e1" in reference:
        expected *= found.max() / expected.max()
    assert np.abs(found - expected).max() < 1e-5 * np.ptp(expected)


@pytest.mark.parametrize("count", ["nan", "inf"])
def test_a_number_of_frames_that_is_no_number_is_not_used(tmp_path, count):
    content = write_enhanced(tmp_path / "a.dcm", frames_of(VOXELS))
    content["NumberOfFrames"]._value = count
    content.save_as(tmp_path / "a.dcm")
    series, problems = found_in(tmp_path)
    assert series == [] or problems == []
