"""DICOM segmentations (SEG): their segments, each a set of planes with the pixels that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from nnunet_cscn.dicom.drawing import References, Version, numbered
from nnunet_cscn.dicom.polygons import Patch
from nnunet_cscn.dicom.segment_frames import Frame, SegmentFrames, read_frames
from nnunet_cscn.dicom.stack import Floats
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid

SEG = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # binary or fractional, and label map
_LABELMAP = "LABELMAP"
_OFF_STEP = 0.05  # how far planes may lie off even steps, as a share of a step


@dataclass(frozen=True)
class Plane:
    """The pixels of a segment in one frame.

    Attributes:
        frame: Where the frame lies.
        patch: The pixels that belong to the segment, cut to the smallest window.
    """

    frame: Frame
    patch: Patch

    def points(self, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> Floats:
        """Return the patient's coordinates of pixels, shape (N, 3)."""
        row_step, column_step = self.frame.pixel_spacing_mm
        along = np.outer(columns * column_step, self.frame.along)
        down = np.outer(rows * row_step, self.frame.down)
        points: Floats = np.asarray(self.frame.position_mm) + along + down
        return points


@dataclass(frozen=True)
class Segments:
    """The contents of a SEG file.

    Attributes:
        references: What it says it was drawn on.
        numbers: Number of each segment by its name. Segments of the same name are numbered: ``Lesion [1]``.
        version: How it stands among other versions of the same segments.
        frames: Its frames.
    """

    references: References
    numbers: Mapping[str, int]
    version: Version
    frames: SegmentFrames
    _planes: dict[str, tuple[Plane, ...]] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> Sequence[str]:
        """Names of the segments, each once."""
        return list(self.numbers)

    def planes(self, name: str) -> tuple[Plane, ...]:
        """Return the frames in which a segment has pixels.

        Raises:
            UserError: When a frame cannot be decoded.
        """
        if name not in self._planes:
            found = []
            for frame in self.frames.of_segment(self.numbers[name]):
                pixels = self.frames.pixels(frame, self.numbers[name])
                if pixels.any():
                    found.append(Plane(frame, _patch(pixels)))
            self._planes[name] = tuple(found)
        return self._planes[name]

    def points(self, name: str) -> Sequence[Floats]:
        """Return the corners of the box around a segment on each of its planes, shape (4, 3), in mm."""
        boxes = []
        for plane in self.planes(name):
            rows, columns = plane.patch.pixels.shape
            across = np.array([0, columns - 1, 0, columns - 1]) + plane.patch.column
            down = np.array([0, 0, rows - 1, rows - 1]) + plane.patch.row
            boxes.append(plane.points(across, down))
        return boxes

    def is_blank(self, name: str) -> bool:
        """Tell whether a segment has no pixel."""
        return not self.planes(name)

    def references_of(self, names: Sequence[str]) -> References:
        """Return what some segments were drawn on: the images that their frames name, or those of the whole file."""
        own = frozenset[str]()
        for name in names:
            own = own.union(*(frame.sources for frame in self.frames.of_segment(self.numbers[name])))
        whole = self.references
        return References(whole.study, whole.series, own or whole.instances, whole.listed, whole.frames_of_reference)

    def mask(self, name: str) -> tuple[NDArray[np.bool_], Grid]:
        """Return a segment, shape (slices, rows, columns), and its grid, which may have fewer slices than the images.

        Raises:
            UserError: When it has no pixel, or its planes make no volume of even steps.
        """
        planes = self.planes(name)
        if not planes:
            raise UserError(f"{name}: the ROI has no contours")
        frames = self.frames.of_segment(self.numbers[name])
        first = planes[0].frame
        if any(not frame.is_parallel(first) for frame in frames):
            raise UserError(f"{name}: the frames do not form a regular volume: they are not parallel")
        normal = np.cross(first.along, first.down)
        heights = np.array([normal @ plane.frame.position_mm for plane in planes])
        step = self._step_mm(heights, np.array([normal @ frame.position_mm for frame in frames]), name)
        numbers = np.round((heights - heights.min()) / step).astype(np.intp)
        if np.abs((heights - heights.min()) / step - numbers).max() > _OFF_STEP:
            raise UserError(f"{name}: the frames do not form a regular volume: their distances are uneven")
        mask = np.zeros((int(numbers.max()) + 1, *self.frames.shape), bool)
        for number, plane in zip(numbers, planes, strict=True):
            plane.patch.window(mask[number])[:] |= plane.patch.pixels
        lowest = planes[int(heights.argmin())].frame
        axes = np.stack([first.along, first.down, normal], axis=1)
        row_step, column_step = first.pixel_spacing_mm
        grid = Grid(
            shape=(mask.shape[2], mask.shape[1], mask.shape[0]),
            spacing_mm=(column_step, row_step, step),
            origin_mm=tuple(float(place) for place in lowest.position_mm),
            direction=tuple(float(cosine) for cosine in axes.ravel()),
        )
        return mask, grid

    @property
    def slice_spacing_mm(self) -> float:
        """Return the step between planes: the smallest one, or the stated one if that is smaller; 0 if unknown."""
        if (stated := self.frames.slice_spacing_mm) and len(self.frames.frames) > 1:
            first = self.frames.frames[0]
            normal = np.cross(first.along, first.down)
            heights = np.unique([round(float(normal @ frame.position_mm), 3) for frame in self.frames.frames])
            return min(stated, float(np.diff(heights).min(initial=stated)))
        return stated

    def _step_mm(self, heights: Floats, all_heights: Floats, name: str) -> float:
        """Return the step from plane to plane: the stated one if it fits, else the smallest one."""
        stated = self.frames.slice_spacing_mm
        relative = (heights - heights.min()) / stated if stated else heights
        if stated and np.abs(relative - np.round(relative)).max() <= _OFF_STEP:
            return stated
        steps = np.diff(np.unique(np.round(all_heights, 3)))
        if steps.size:
            return float(steps.min())
        if not self.frames.slice_thickness_mm:
            raise UserError(f"{name}: the segment has a single frame, whose thickness is not stated")
        return self.frames.slice_thickness_mm


def read_segments(file: Path) -> Segments:
    """Read a SEG file; references to images may be missing, blank or outdated.

    Only what is needed to know where its pixels lie has to be there; elements that describe segments may be missing.

    Raises:
        UserError: When it cannot be read or is none. The text leaves out the file's name, which may be the patient's.
    """
    try:
        stored = pydicom.dcmread(file, force=True)
        if stored.get("SOPClassUID") not in SEG:
            raise UserError("the file is not a DICOM SEG")
        frames = read_frames(stored)
        return Segments(_references(stored), _numbers(stored), _version(stored), frames)
    except UserError:
        raise
    except Exception as fault:  # a damaged file can raise any error, and the message may contain patient data
        raise UserError(f"the segmentation cannot be read ({type(fault).__name__})") from None


def _numbers(content: pydicom.Dataset) -> dict[str, int]:
    """Return the number of each segment by its name. Background and padding of a label map are not segments."""
    is_labelmap = str(content.get("SegmentationType") or "").upper() == _LABELMAP
    ignored = {0, content.get("PixelPaddingValue")} if is_labelmap else set()
    labels = {}
    for item in content.get("SegmentSequence") or ():
        number = int(item.SegmentNumber)
        if number not in ignored:
            label = str(item.get("SegmentLabel") or item.get("SegmentDescription") or "").strip()
            labels[number] = label or f"segment {number}"
    return {name: number for number, name in numbered(labels).items()}


def _patch(pixels: NDArray[np.bool_]) -> Patch:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    window = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return Patch(int(rows[0]), int(columns[0]), window)


def _version(content: pydicom.Dataset) -> Version:
    for what in ("Content", "InstanceCreation", "Series"):
        if date := str(content.get(f"{what}Date") or "").strip():
            return Version(date, str(content.get(f"{what}Time") or "").strip(), "")
    return Version("", "", "")


def _references(content: pydicom.Dataset) -> References:
    series = content.get("ReferencedSeriesSequence") or ()
    images = [image for item in series for image in item.get("ReferencedInstanceSequence") or ()]
    return References(
        study=str(content.get("StudyInstanceUID") or ""),
        series=frozenset(str(item.get("SeriesInstanceUID") or "") for item in series) - {""},
        instances=frozenset(str(image.get("ReferencedSOPInstanceUID") or "") for image in images) - {""},
        listed=frozenset(),
        frames_of_reference=frozenset({str(content.get("FrameOfReferenceUID") or "")}) - {""},
    )
