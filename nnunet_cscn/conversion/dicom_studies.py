"""Find structure sets and segmentations in a folder of DICOM files, with the series of each patient."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pydicom

from nnunet_cscn.conversion.case_names import Identity
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.conversion.patient_series import OtherPatients, WantedSeries, series_of_patient
from nnunet_cscn.dicom.headers import Header, archives_below, read_headers
from nnunet_cscn.dicom.segments import SEG
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.dicom.structures import RTSTRUCT
from nnunet_cscn.errors import UserError

_CLASSES: dict[Contours, tuple[str, ...]] = {"rtstruct": (RTSTRUCT,), "seg": SEG}


@dataclass(frozen=True)
class Study:
    """One structure set or segmentation, and the series of its patient.

    Attributes:
        identity: The patient and the file, used only for a mapping that the user asks for.
        is_segmentation: Whether it is a SEG instead of an RTSTRUCT.
        series: All series of the patient that can be used.
        unusable: Why other series cannot be used, by SeriesInstanceUID and by the SOPInstanceUIDs of their images.
        other_modalities: Series of the patient that are of another modality than the wanted one.
        elsewhere: The series of all other patients.
        spare: Segmentations beside a structure set, used only for labels that no structure set has.
    """

    identity: Identity
    is_segmentation: bool
    series: tuple[ImageSeries, ...]
    unusable: Mapping[str, str] = field(default_factory=dict)
    other_modalities: tuple[ImageSeries, ...] = ()
    elsewhere: OtherPatients | None = None
    spare: tuple[Study, ...] = ()


@dataclass(frozen=True)
class Studies:
    """The contents of a folder with DICOM files.

    Attributes:
        found: One for each structure set or segmentation.
        n_damaged: Number of DICOM files that cannot be read.
        n_archives: Number of archives (.zip and others), whose content is not read.
    """

    found: tuple[Study, ...]
    n_damaged: int
    n_archives: int = 0


def find_studies(
    source: Path,
    *,
    contours: Contours | None = None,
    wanted: WantedSeries | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Studies:
    """Find every structure set or segmentation below a folder, and the series of its patient.

    They come in the order of patients, studies and files, so that the same source gives the same cases.

    Args:
        source: A folder. Files and subfolders may be in any order.
        contours: Use only RTSTRUCT or only SEG files. None for RTSTRUCT, and SEG in studies without RTSTRUCT.
        wanted: Use only these series; None for all.
        on_progress: Called with the number of files that were looked at, and of all.

    Raises:
        UserError: When the folder does not exist, or contains no structure set or segmentation.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    damaged = list[Path]()
    headers = read_headers(source, on_progress=on_progress, on_damaged=damaged.append)
    by_patient = _by_patient(headers)
    drawn = [(key, header) for key in sorted(by_patient) for header in _drawn(by_patient[key], contours)]
    archives = archives_below(source)
    if not drawn:
        kind = {"rtstruct": "RTSTRUCT", "seg": "SEG", None: "RTSTRUCT or SEG"}[contours]
        packed = f"; archives such as .zip are not read ({len(archives)} found): unpack them first" if archives else ""
        raise UserError(f"{source}: found no {kind} file among {len(headers)} DICOM files{packed}")
    wanted = wanted or WantedSeries()
    series = {key: series_of_patient(by_patient[key], wanted) for key in {key for key, _ in drawn}}
    elsewhere = OtherPatients(by_patient, frozenset(series), wanted)

    def study(who: Identity, key: str, header: Header) -> Study:
        mine, is_segmentation = series[key], header.text("SOPClassUID") in SEG
        return Study(who, is_segmentation, mine.usable, mine.unusable, mine.other_modalities, elsewhere.but(key))

    found = []
    for who, (key, header) in zip(_identities(drawn), drawn, strict=True):
        beside = [] if contours else _segmentations_beside(header, by_patient[key])
        spare = tuple(study(Identity(key, "", each.instance, each.file), key, each) for each in beside)
        found.append(replace(study(who, key, header), spare=spare))
    return Studies(tuple(found), len(damaged), len(archives))


def _by_patient(headers: Sequence[Header]) -> Mapping[str, list[Header]]:
    """Group files by patient: by PatientID, or by study if it is blank.

    A file without a PatientID belongs to the patient of its study, if the study has only one.
    """
    ids = defaultdict[str, set[str]](set)
    for header in headers:
        ids[header.text("StudyInstanceUID")] |= {header.text("PatientID")} - {""}
    by_patient = defaultdict[str, list[Header]](list)
    for header in headers:
        study, patient = header.text("StudyInstanceUID"), header.text("PatientID")
        if not patient and study and len(ids[study]) == 1:
            (patient,) = ids[study]
        by_patient[patient or study].append(header)
    return by_patient


def _drawn(members: Sequence[Header], contours: Contours | None) -> list[Header]:
    """Return the wanted structure sets and segmentations of one patient, without copies."""
    by_kind = {
        kind: _different([header for header in members if header.text("SOPClassUID") in classes])
        for kind, classes in _CLASSES.items()
    }
    chosen = [header for kind in _CLASSES if contours in (None, kind) for header in by_kind[kind]]
    if contours is None:  # a SEG beside an RTSTRUCT mostly contains the same regions
        contoured = {header.text("StudyInstanceUID") for header in by_kind["rtstruct"]}
        chosen = [
            header
            for header in chosen
            if header.text("SOPClassUID") == RTSTRUCT or header.text("StudyInstanceUID") not in contoured
        ]
    return sorted(chosen, key=lambda header: (header.text("StudyInstanceUID"), str(header.file)))


def _segmentations_beside(header: Header, members: Sequence[Header]) -> list[Header]:
    """Return the segmentations in the study of a structure set."""
    if header.text("SOPClassUID") != RTSTRUCT:
        return []
    study = header.text("StudyInstanceUID")
    return [each for each in members if each.text("SOPClassUID") in SEG and each.text("StudyInstanceUID") == study]


def _identities(drawn: Sequence[tuple[str, Header]]) -> list[Identity]:
    """Return the patient and UID of each file. Files that share a UID by mistake are numbered."""
    seen = defaultdict[str, int](int)
    identities = []
    for key, header in drawn:
        seen[header.instance] += 1
        number = seen[header.instance]
        instance = header.instance if number == 1 else f"{header.instance}#{number}"
        identities.append(Identity(key, header.text("PatientID"), instance, header.file))
    return identities


def _different(headers: Sequence[Header]) -> list[Header]:
    """Leave out copies: files with the same UID and equal elements, in any encoding."""
    kept: list[Header] = []
    for header in headers:
        alike = (other for other in kept if other.instance == header.instance)
        if not any(_is_copy(header.file, other.file) for other in alike):
            kept.append(header)
    return kept


def _is_copy(file: Path, other: Path) -> bool:
    if filecmp.cmp(file, other, shallow=False):
        return True
    try:
        first, second = (pydicom.dcmread(each, force=True) for each in (file, other))
        return {each.tag: each.value for each in first} == {each.tag: each.value for each in second}
    except Exception:  # one of them is damaged; reading it reports that later
        return False
