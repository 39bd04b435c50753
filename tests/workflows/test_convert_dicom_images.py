"""Series that rounding, copies, phases, colour maps or other ids kept from being one image."""

import copy
import zipfile

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dicom_files import oblique, write_series
from drawn_studies import SHAPE, SLICES, VOXELS, Contour, boxes, convert, corners, phantom, write_regions
from nnunet_cscn.errors import ArgumentError, UserError

BOX = 48
CT = "1.2.840.10008.5.1.4.1.1.2"


def rewrite(folder, slices, name="{:03d}.dcm"):
    """Write changed slices in place of what is in a folder."""
    for file in folder.iterdir():
        file.unlink()
    for number, content in enumerate(slices):
        content.save_as(folder / name.format(number), enforce_file_format=True)


def first_value(outcome, case=0):
    return int(outcome.images[case][0, 0, 0])


def test_slices_that_were_stored_again_are_used_once(tmp_path):
    folder = tmp_path / "study"
    slices = phantom(folder / "mr")
    for number, each in enumerate(slices):
        again = copy.deepcopy(each)
        again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        again.InstanceNumber = 100 + number
        again.save_as(folder / f"again{number}", enforce_file_format=True)
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices)
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert "10 images hold the same pixels" in outcome.notes[0]


def test_a_series_that_was_stored_again_under_new_uids_is_one(tmp_path):
    folder = tmp_path / "study"
    shared = {"StudyInstanceUID": generate_uid(), "frame_of_reference": generate_uid()}
    slices = phantom(folder / "a", **shared)
    phantom(folder / "b", **shared)
    write_regions(folder / "rt.dcm", {"GTVp": [Contour(each.points) for each in boxes(slices)]})
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert "2 series with the same pixels" in outcome.notes[0]
    phantom(folder / "b", VOXELS + 1, **shared)
    assert "fit 2 series" in convert(folder).problems[0]


@pytest.mark.parametrize("keyword", ["AcquisitionTime", "ContentTime", "InstanceNumber"])
def test_phases_are_told_apart_by_time_or_order(tmp_path, keyword):
    """Three phases of one series; the contours name images of the second one."""
    folder, shared = tmp_path / "study", {"uid": generate_uid(), "StudyInstanceUID": generate_uid()}
    phases = []
    for phase in range(3):
        numbers = [3 * index + phase + 1 for index in range(SHAPE[0])]
        values = numbers if keyword == "InstanceNumber" else [f"12{number:04d}.5" for number in numbers]
        phases.append(phantom(folder / str(phase), VOXELS + 1000 * phase, **shared, **{keyword: values}))
    write_regions(folder / "rt.dcm", {"GTVp": boxes(phases[1])}, phases[1])
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert first_value(outcome) == int(VOXELS[0, 0, 0]) + 1000
    assert "phase 2 of 3" in outcome.notes[0]


def test_a_phase_is_chosen_by_a_pattern_where_the_contours_name_none(tmp_path):
    folder, shared = tmp_path / "study", {"uid": generate_uid(), "StudyInstanceUID": generate_uid()}
    shared["frame_of_reference"] = generate_uid()
    phases = [
        phantom(folder / str(phase), VOXELS + 1000 * phase, **shared, AcquisitionTime=[f"12000{phase}"] * SHAPE[0])
        for phase in range(3)
    ]
    write_regions(folder / "rt.dcm", {"GTVp": [Contour(each.points) for each in boxes(phases[0])]})
    (problem,) = convert(folder).problems
    assert "fit 3 series" in problem
    assert "series=PATTERN" in problem
    outcome = convert(folder, series="PHASE 2")
    assert outcome.counts == [[5 * BOX]]
    assert first_value(outcome) == int(VOXELS[0, 0, 0]) + 1000
    (problem,) = convert(folder, series="t2").problems
    assert "series=t2" in problem
    with pytest.raises(ArgumentError, match=r"^series: .*regular expression"):
        convert(folder, series="(")


def test_a_colour_map_never_passes_for_the_image(tmp_path):
    folder = tmp_path / "study"
    shared = {"StudyInstanceUID": generate_uid(), "frame_of_reference": generate_uid()}
    slices = phantom(folder / "mr", **shared)
    colour = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
    phantom(folder / "map", VOXELS, **shared, **colour)
    drawn = [Contour(each.points, generate_uid()) for each in boxes(slices)]
    content = write_regions(folder / "rt.dcm", {"GTVp": drawn}, slices)
    content.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence = []
    content.save_as(folder / "rt.dcm")
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert first_value(outcome) == int(VOXELS[0, 0, 0])


def test_slices_with_a_series_uid_each_are_put_together(tmp_path):
    folder = tmp_path / "study"
    slices = phantom(folder / "mr")
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices)
    for each in slices:
        each.SeriesInstanceUID = generate_uid()
    rewrite(folder / "mr", slices)
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert "each of the 10 slices has a series of its own" in outcome.notes[0]


@pytest.mark.parametrize(("step", "decimals"), [(0.625, 2), (0.625, 1), (0.25, 1), (2.3333, 1), (3.0, 1)])
def test_positions_may_be_rounded(tmp_path, step, decimals):
    """Over 39 steps a rounded spacing is off by less than 0.05 mm / 39 * 2."""
    folder = tmp_path / "study"
    voxels = np.tile(VOXELS, (4, 1, 1))
    slices = phantom(folder / "mr", voxels, slice_spacing_mm=step)
    for index, each in enumerate(slices):
        each.ImagePositionPatient = ["-20.0", "10.0", f"{35 + step * index + 1e-9:.{decimals}f}"]
    rewrite(folder / "mr", slices)
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices)
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert outcome.images[0].GetSpacing()[2] == pytest.approx(step, abs=0.003)
    assert outcome.images[0].GetOrigin()[2] == pytest.approx(35, abs=0.1)


@pytest.mark.parametrize("n_slices", [60, 130])
def test_directions_may_be_rounded_to_three_decimals(tmp_path, n_slices):
    """The positions are exact: where slices stand beside each other by more than 0.1 mm, they give the directions."""
    folder = tmp_path / "study"
    slices = phantom(folder / "mr", np.zeros((n_slices, 20, 24), np.int16), orientation=oblique())
    last = n_slices - 1
    true = {index: np.array([float(value) for value in slices[index].ImagePositionPatient]) for index in (0, last)}
    drawn = boxes(slices)
    for each in slices:
        each.ImageOrientationPatient = [f"{cosine:.3f}" for cosine in oblique()]
    rewrite(folder / "mr", slices)
    write_regions(folder / "rt.dcm", {"GTVp": drawn}, slices)
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    for index, place in true.items():
        assert np.linalg.norm(outcome.images[0].TransformIndexToPhysicalPoint((0, 0, index)) - place) < 0.1
    far = corners(slices, last, (23, 19), (23, 19))[0]
    assert np.linalg.norm(outcome.images[0].TransformIndexToPhysicalPoint((23, 19, last)) - far) < 0.15


def test_slices_that_are_truly_uneven_are_refused_with_the_deviation(tmp_path):
    folder = tmp_path / "study"
    slices = phantom(folder / "mr")
    slices[5].ImagePositionPatient[2] = float(slices[5].ImagePositionPatient[2]) + 0.9
    rewrite(folder / "mr", slices)
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices, (2, 3))}, slices)
    (problem,) = convert(folder).problems
    assert "uneven slices" in problem
    assert "0.8" in problem  # of the 0.9 mm a least-squares line takes a little
    assert "missing" not in problem


def test_images_of_another_patient_id_are_matched_by_uid(tmp_path):
    folder = tmp_path / "study"
    slices = phantom(folder / "mr", patient="Image")
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices, patient="Contours")
    outcome = convert(folder)
    assert outcome.counts == [[5 * BOX]]
    assert "PatientID of the contours is not that of the images" in outcome.notes[0]


def test_contours_without_their_images_say_that_ids_differ(tmp_path):
    folder = tmp_path / "study"
    slices = phantom(folder / "mr", patient="Image")
    write_regions(folder / "rt.dcm", {"GTVp": [Contour(each.points) for each in boxes(slices)]}, patient="Contours")
    (problem,) = convert(folder).problems
    assert "give them the same PatientID" in problem
    assert "Contours" not in problem


@pytest.mark.parametrize(
    ("elements", "lowest", "is_warned"),
    [({}, 24, True), ({"RescaleIntercept": "0"}, 24, False), ({}, -1000, False)],
)
def test_a_ct_without_hounsfield_units_is_warned_of(tmp_path, elements, lowest, is_warned):
    folder = tmp_path / "study"
    slices = phantom(folder / "ct", VOXELS - VOXELS.min() + lowest, Modality="CT", SOPClassUID=CT, **elements)
    write_regions(folder / "rt.dcm", {"GTVp": boxes(slices)}, slices)
    outcome = convert(folder)
    assert ("RescaleIntercept" in outcome.notes[0]) == is_warned


def ball(slices, radius_mm, centre):
    """Contours of a ball around a (column, row, height in mm) on the slices of a series."""
    drawn = []
    for each in slices:
        height = float(each.ImagePositionPatient[2])
        square = radius_mm**2 - (height - centre[2]) ** 2
        if square > 0:
            angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            x, y = centre[0] + np.sqrt(square) * np.cos(angles), centre[1] + np.sqrt(square) * np.sin(angles)
            points = np.stack([x, y, np.full(90, height)], axis=1)
            drawn.append(Contour(points, each.SOPInstanceUID))
    return drawn


def test_contours_of_the_planning_ct_go_onto_the_mr(tmp_path):
    """A ball of 12 mm holds 4/3 pi 12^3 = 7238 mm3."""
    folder = tmp_path / "study"
    shared = {"StudyInstanceUID": generate_uid(), "frame_of_reference": generate_uid(), "patient": "P1"}
    ct = write_series(
        folder / "ct",
        np.zeros((13, 40, 40), np.int16),
        Modality="CT",
        SOPClassUID=CT,
        origin_mm=(-20, -20, 0),
        pixel_spacing_mm=(1.0, 1.0),
        **shared,
    )
    write_series(
        folder / "mr",
        np.ones((30, 44, 44), np.int16),
        origin_mm=(-19.6, -20.2, 2.7),
        pixel_spacing_mm=(0.9, 0.9),
        slice_spacing_mm=1.1,
        **shared,
    )
    write_regions(folder / "rt.dcm", {"GTVp": ball(ct, 12.0, (-1, 0, 18))}, ct)
    assert "add resample=True" in convert(folder, modality="MR").problems[0]
    outcome = convert(folder, modality="MR", resample=True)
    assert outcome.labels[0].shape == (30, 44, 44)
    assert outcome.counts[0][0] * 0.9 * 0.9 * 1.1 == pytest.approx(7238, rel=0.03)
    assert "was drawn on the CT series and resampled" in outcome.notes[0]


def test_an_archive_is_to_be_unpacked(tmp_path):
    phantom(tmp_path / "mr")
    (tmp_path / "study").mkdir()
    with zipfile.ZipFile(tmp_path / "study" / "study.zip", "w") as archive:
        for file in (tmp_path / "mr").iterdir():
            archive.write(file, file.name)
    with pytest.raises(UserError, match="unpack them"):
        convert(tmp_path / "study")


def test_numbers_of_slices_are_those_of_the_label_map(tmp_path):
    slices = phantom(tmp_path / "study" / "mr")
    write_regions(tmp_path / "study" / "rt.dcm", {"GTVp": boxes(slices, (2, 6))}, slices)
    outcome = convert(tmp_path / "study")
    empty = [index for index in SLICES if not outcome.labels[0][index].any()]
    assert f"slices {', '.join(map(str, empty))}" in outcome.notes[0]
