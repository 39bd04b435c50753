"""The series of one patient, and of all other patients, to find images by UID."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nnunet_cscn.dicom.channels import fits_pattern
from nnunet_cscn.dicom.headers import Header
from nnunet_cscn.dicom.series import ImageSeries, image_series

_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True)
class WantedSeries:
    """Which series are used.

    Attributes:
        modality: Their modality; None for all.
        pattern: A regular expression for their description, as in ``fits_pattern``; None for all.
    """

    modality: str | None = None
    pattern: str | None = None

    def has_modality(self, series: ImageSeries) -> bool:
        """Tell whether a series has the wanted modality, or states none."""
        return self.modality is None or series.modality.upper() in ("", self.modality.upper())

    def fits(self, series: ImageSeries) -> bool:
        """Tell whether the description of a series fits the pattern."""
        return self.pattern is None or fits_pattern(self.pattern, series)


@dataclass(frozen=True)
class PatientSeries:
    """The series of one patient.

    Attributes:
        usable: Those of the wanted modality and description that can be used.
        other_modalities: Those that could be used but for their modality.
        unusable: Reasons for all others, by the UIDs of series and images.
    """

    usable: tuple[ImageSeries, ...]
    other_modalities: tuple[ImageSeries, ...]
    unusable: Mapping[str, str]


def series_of_patient(members: Sequence[Header], wanted: WantedSeries) -> PatientSeries:
    """Sort the series of a patient by whether they can be used.

    Args:
        members: The headers of the patient's files.
        wanted: The wanted series.
    """
    found, problems = image_series(members)
    others = [each for each in found if not wanted.has_modality(each)]
    unfit = [each for each in found if wanted.has_modality(each) and not wanted.fits(each)]
    usable = [each for each in found if wanted.has_modality(each) and wanted.fits(each)]
    reasons = {each.uid: f"its modality is {each.modality}" for each in others}
    reasons |= {each.uid: f"its description does not match series={wanted.pattern}" for each in unfit}
    reasons |= problems
    for each in usable:  # a part of it can be used
        reasons.pop(each.uid, None)
    instances = {
        header.instance: reasons[header.text("SeriesInstanceUID")]
        for header in members
        if header.text("SeriesInstanceUID") in reasons
    }
    return PatientSeries(tuple(usable), tuple(others), {**instances, **reasons})


@dataclass(frozen=True)
class OtherPatients:
    """All other patients. Their series are read only if an image is missing.

    Attributes:
        by_patient: Headers of files by what those of one patient share.
        with_contours: Patients that have files with contours.
        wanted: The wanted series.
        but_patient: The patient that is left out.
    """

    by_patient: Mapping[str, Sequence[Header]]
    with_contours: frozenset[str]
    wanted: WantedSeries
    but_patient: str = ""
    _known: dict[str, tuple[ImageSeries, ...]] = field(default_factory=dict)
    _patients_of: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def but(self, patient: str) -> OtherPatients:
        """Return the same without another patient; what is known of the series is shared."""
        return replace(self, but_patient=patient)

    def series_of_uids(self, uids: frozenset[str]) -> list[tuple[ImageSeries, str]]:
        """Return series, each with its patient, that have one of some UIDs: of images, series, frames of reference."""
        with self._lock:
            if not self._patients_of:  # made once, when the first image is missing
                for patient, members in self.by_patient.items():
                    for uid in {header.text(keyword) for header in members for keyword in _UIDS}:
                        self._patients_of.setdefault(uid, []).append(patient)
        patients = dict.fromkeys(patient for uid in sorted(uids) for patient in self._patients_of.get(uid, ()))
        patients.pop(self.but_patient, None)
        return [(series, patient) for patient in patients for series in self._series(patient)]

    @property
    def n_without_contours(self) -> int:
        """Number of series of patients without any contours."""
        patients = [patient for patient in self.by_patient if patient not in self.with_contours]
        return sum(len({header.text("SeriesInstanceUID") for header in self.by_patient[each]}) for each in patients)

    def _series(self, patient: str) -> tuple[ImageSeries, ...]:
        with self._lock:
            if patient not in self._known:
                self._known[patient] = series_of_patient(self.by_patient[patient], self.wanted).usable
            return self._known[patient]
