import shutil
import subprocess
from datetime import datetime

import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_enhanced import frames_of, write_enhanced
from dicom_files import oblique
from nnunet_cscn.dicom.headers import read_headers
from nnunet_cscn.dicom.map_writer import write_map
from nnunet_cscn.dicom.matching import series_of
from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.dicom.rasterise import rasterise
from nnunet_cscn.dicom.segmentation_writer import write_segmentation
from nnunet_cscn.dicom.segments import read_segments
from nnunet_cscn.dicom.series import image_series
from nnunet_cscn.dicom.structure_writer import write_structures
from nnunet_cscn.dicom.structures import read_structures

VOXELS = np.arange(4 * 9 * 8, dtype=np.int16).reshape(4, 9, 8)
NOW = datetime(2026, 1, 2, 12)
DCIODVFY = shutil.which("dciodvfy")  # Debian's package dicom3tools


@pytest.fixture
def mask():
    box = np.zeros(VOXELS.shape, bool)
    box[1:3, 2:5, 2:6] = True
    return box


def two_echoes(folder):
    """One oblique file: frames 1, 3, 5, 7 of the first echo, the others of the second one."""
    echoes = [
        frames_of(VOXELS, orientation=oblique(), MREchoSequence={"EffectiveEchoTime": echo}) for echo in (20.0, 80.0)
    ]
    frames = [frame for pair in zip(*echoes, strict=True) for frame in pair]
    content = write_enhanced(folder / "a.dcm", frames, orientation=oblique(), pixel_spacing_mm=(0.5, 2.0))
    series, _ = image_series(read_headers(folder))
    return content, series


def test_contours_refer_to_the_frames_they_were_drawn_on(tmp_path, mask):
    image, series = two_echoes(tmp_path / "in")
    write_structures(tmp_path / "rt.dcm", {"GTVp": mask}, series[1], label="x", now=NOW)
    content = pydicom.dcmread(tmp_path / "rt.dcm")
    items = [contour.ContourImageSequence[0] for contour in content.ROIContourSequence[0].ContourSequence]
    assert [item.ReferencedFrameNumber for item in items] == [4, 6]
    assert {item.ReferencedSOPInstanceUID for item in items} == {image.SOPInstanceUID}
    assert {item.ReferencedSOPClassUID for item in items} == {image.SOPClassUID}
    frame = content.ReferencedFrameOfReferenceSequence[0]
    (listed,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].ContourImageSequence
    assert list(listed.ReferencedFrameNumber) == [2, 4, 6, 8]
    drawn = read_structures(tmp_path / "rt.dcm")
    match = series_of(drawn, series)
    assert (match.series.echo_time_ms, match.found_by) == (80.0, "named images")
    assert (rasterise(drawn.contours["GTVp"], match.series.stack) == mask).all()


def test_segments_refer_to_the_frames_they_were_drawn_on(tmp_path, mask):
    image, series = two_echoes(tmp_path / "in")
    write_segmentation(tmp_path / "seg.dcm", {"GTVp": mask}, series[1])
    content = pydicom.dcmread(tmp_path / "seg.dcm")
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0] for group in content.PerFrameFunctionalGroupsSequence
    ]
    assert {int(source.ReferencedFrameNumber) for source in sources} == {4, 6}
    assert {source.ReferencedSOPInstanceUID for source in sources} == {image.SOPInstanceUID}
    assert {source.ReferencedSOPClassUID for source in sources} == {image.SOPClassUID}
    assert all("PurposeOfReferenceCodeSequence" in source for source in sources)
    (listed,) = content.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert (listed.ReferencedSOPInstanceUID, listed.ReferencedSOPClassUID) == (image.SOPInstanceUID, image.SOPClassUID)
    assert content.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID
    by_frame = hd.seg.segread(tmp_path / "seg.dcm").get_pixels_by_source_frame(
        image.SOPInstanceUID, list(series[1].frames), assert_missing_frames_are_empty=True
    )
    assert (by_frame[..., 0] == mask).all()


def test_segments_are_matched_to_the_echo_whose_frames_they_name(tmp_path, mask):
    for number in (0, 1):
        _, series = two_echoes(tmp_path / str(number))
        write_segmentation(tmp_path / "seg.dcm", {"GTVp": mask}, series[number])
        segments = read_segments(tmp_path / "seg.dcm")
        assert series_of(segments, series, regions=["GTVp"]).series.part == series[number].part
        stored, grid = segments.mask("GTVp")
        assert stored.sum() == mask.sum()
        assert np.allclose(sorted(grid.spacing_mm), (0.5, 2.0, 3.0))


def test_a_volume_of_several_files_is_referred_to_file_by_file(tmp_path, mask):
    frames, common = frames_of(VOXELS), {"SeriesInstanceUID": "1.2.9", "FrameOfReferenceUID": "1.2.8"}
    files = [
        write_enhanced(tmp_path / "in" / f"{number}.dcm", part, StudyInstanceUID="1.2.7", **common)
        for number, part in enumerate((frames[:2], frames[2:]))
    ]
    (series,), _ = image_series(read_headers(tmp_path / "in"))
    write_segmentation(tmp_path / "seg.dcm", {"GTVp": mask}, series)
    write_structures(tmp_path / "rt.dcm", {"GTVp": mask}, series, label="x", now=NOW)
    content = pydicom.dcmread(tmp_path / "seg.dcm")
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0] for group in content.PerFrameFunctionalGroupsSequence
    ]
    expected = [(files[0].SOPInstanceUID, 2), (files[1].SOPInstanceUID, 1)]
    assert {(item.ReferencedSOPInstanceUID, int(item.ReferencedFrameNumber)) for item in sources} == set(expected)
    listed = content.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert [item.ReferencedSOPInstanceUID for item in listed] == [file.SOPInstanceUID for file in files]
    contours = pydicom.dcmread(tmp_path / "rt.dcm").ROIContourSequence[0].ContourSequence
    items = [contour.ContourImageSequence[0] for contour in contours]
    assert [(item.ReferencedSOPInstanceUID, item.ReferencedFrameNumber) for item in items] == expected


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed: Debian's package dicom3tools has it")
def test_dciodvfy_finds_no_error_in_what_refers_to_frames(tmp_path, mask):
    _, series = two_echoes(tmp_path / "in")
    write_structures(tmp_path / "rt.dcm", {"GTVp": mask}, series[1], label="x", now=NOW)
    write_segmentation(tmp_path / "seg.dcm", {"GTVp": mask}, series[1])
    values = np.linspace(0, 1, mask.size, dtype=np.float32).reshape(mask.shape)
    with quiet():
        write_map(tmp_path / "map.dcm", values, series[1], name="uncertainty", explanation="disagreement")
    for name in ("rt.dcm", "seg.dcm", "map.dcm"):
        assert DCIODVFY is not None
        shown = subprocess.run([DCIODVFY, tmp_path / name], check=False, capture_output=True)
        lines = (shown.stdout + shown.stderr).decode("utf-8", errors="replace").splitlines()
        assert lines
        assert [line for line in lines if line.startswith("Error")] == []


def test_a_map_refers_to_the_frames_it_lies_on(tmp_path, mask):
    image, series = two_echoes(tmp_path / "in")
    values = np.linspace(0, 1, mask.size, dtype=np.float32).reshape(mask.shape)
    with quiet():
        write_map(tmp_path / "map.dcm", values, series[1], name="uncertainty", explanation="disagreement")
    content = hd.imread(tmp_path / "map.dcm")
    for frame, group in zip(content.get_frames(), content.PerFrameFunctionalGroupsSequence, strict=True):
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID
        index = series[1].frames.index(int(source.ReferencedFrameNumber))
        assert np.allclose(frame, values[index])
