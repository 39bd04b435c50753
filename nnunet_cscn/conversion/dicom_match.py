"""Find the image that the regions of one file were drawn on, among the series of its patient or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnunet_cscn.conversion.dicom_regions import Handling
from nnunet_cscn.conversion.dicom_studies import Study
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.matching import Match, series_of
from nnunet_cscn.dicom.roi_names import choose_roi
from nnunet_cscn.dicom.segments import read_segments
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.series_wording import series_in_words
from nnunet_cscn.dicom.structures import read_structures
from nnunet_cscn.errors import UserError


@dataclass(frozen=True)
class StudyMatch:
    """A file with regions, and the series on which they were drawn.

    Attributes:
        study: The file.
        drawn_on: The series that the regions were drawn on.
        target: The series whose voxels they get; mostly the same.
        found_by: How the series was found.
        notes: Notes for the report.
        patient: Key of the patient of the image, if it differs from that of the file; else empty.
    """

    study: Study
    drawn_on: ImageSeries
    target: ImageSeries
    found_by: str
    notes: tuple[str, ...] = ()
    patient: str = ""


def read_drawing(study: Study) -> Drawing:
    """Read the file of a study.

    Raises:
        UserError: When it cannot be read.
    """
    file = study.identity.file
    return read_segments(file) if study.is_segmentation else read_structures(file)


def match_study(study: Study, wanted: Sequence[str], handling: Handling) -> StudyMatch:
    """Read the regions of a file, and find the series that they were drawn on.

    Args:
        study: The file and the series of its patient.
        wanted: The regions of interest that count, as names or patterns.
        handling: Options for regions that do not lie on the voxels.

    Raises:
        UserError: When the file cannot be read, or no single series fits.
    """
    return _Finder(study, read_drawing(study), wanted, handling).found()


@dataclass(frozen=True)
class _Finder:
    """Looks for the image of one file."""

    study: Study
    drawing: Drawing
    wanted: Sequence[str]
    handling: Handling

    def found(self) -> StudyMatch:
        """The image: of the wanted modality, of another one, or of another patient id."""
        try:
            match = self._among(self.study.series, self.study.unusable)
            return StudyMatch(self.study, match.series, match.series, match.found_by, match.notes)
        except UserError as fault:
            for attempt in (self._of_other_modality, self._of_other_patient):
                if other := attempt():
                    return other
            raise UserError("; ".join((str(fault), *self._advice(str(fault))))) from None

    def _among(
        self, series: Sequence[ImageSeries], unusable: Mapping[str, str] | None = None, *, must_fit: bool | None = None
    ) -> Match:
        if must_fit is None:
            must_fit = not (self.study.is_segmentation and self.handling.resample)
        return series_of(
            self.drawing,
            series,
            regions=self._regions(),
            unusable=unusable,
            must_fit=must_fit,
            cut=self.handling.allow_loss,
        )

    def _regions(self) -> list[str] | None:
        """The wanted regions in which something can be filled; None for all, where there is none."""
        names = [name for wanted in self.wanted for name in choose_roi(wanted, self.drawing.names)]
        return [name for name in dict.fromkeys(names) if self.drawing.points(name)] or None

    def _of_other_modality(self) -> StudyMatch | None:
        """Onto the one series of the wanted modality that shares the frame of reference with the image."""
        if not self.study.other_modalities:
            return None
        try:
            match = self._among(self.study.other_modalities)
        except UserError:
            return None
        frame = match.series.frame_of_reference
        sharing = [series for series in self.study.series if frame and series.frame_of_reference == frame]
        sharing = [series for series in sharing if not series.is_localiser and not series.stack.gaps()]
        drawn_on = f"the regions were drawn on the {match.series.modality or 'other'} series"
        if not sharing:
            raise UserError(
                f"{drawn_on}; no series of the wanted modality has the same frame of reference, so they cannot be "
                "brought onto one: register the images first"
            )
        if not self.handling.resample:
            raise UserError(f"{drawn_on}: add resample=True to bring them onto the series of the wanted modality")
        if len(sharing) > 1:
            raise UserError(
                f"{drawn_on}; {len(sharing)} series share its frame of reference "
                f"({'; '.join(map(series_in_words, sharing))}): keep only the one that is wanted"
            )
        return StudyMatch(self.study, match.series, sharing[0], match.found_by, match.notes)

    def _of_other_patient(self) -> StudyMatch | None:
        """An image of another PatientID that the file names by a UID."""
        references = self.drawing.references
        uids = references.instances | references.listed | references.series | references.frames_of_reference
        candidates = self.study.elsewhere.series_of_uids(uids) if self.study.elsewhere else []
        if not candidates:
            return None
        try:
            match = self._among([series for series, _ in candidates])
        except UserError:
            return None
        (patient,) = (key for series, key in candidates if series is match.series)
        note = "the PatientID of the contours is not that of the images; they were matched by UID"
        return StudyMatch(self.study, match.series, match.series, match.found_by, (*match.notes, note), patient)

    def _advice(self, fault: str) -> list[str]:
        """What else helps: resampling where that would find an image, and ids that differ where images are lacking."""
        advice = []
        if self.study.is_segmentation and not self.handling.resample:
            try:
                self._among(self.study.series, must_fit=False)
                advice.append("the SEG has a different grid: add resample=True to resample it")
            except UserError:
                pass
        n_elsewhere = self.study.elsewhere.n_without_contours if self.study.elsewhere else 0
        if not self.study.series and not self.study.other_modalities and n_elsewhere:
            advice.append(
                f"no images have the PatientID of the contours, but {n_elsewhere} series of other PatientIDs have no "
                "contours: if they belong together, give them the same PatientID"
            )
        return advice + [reason for reason in dict.fromkeys(self.study.unusable.values()) if reason not in fault]
