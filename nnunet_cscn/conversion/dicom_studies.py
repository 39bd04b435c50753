"""A tree of DICOM studies with structure sets or segmentations, as cases."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pydicom

from nnunet_cscn.conversion.case_names import Identity, Naming
from nnunet_cscn.conversion.dicom_contours import Contours
from nnunet_cscn.conversion.dicom_labels import Region, label_map
from nnunet_cscn.conversion.pipeline import LoadedCase, SourceCase
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.headers import Header, read_headers
from nnunet_cscn.dicom.matching import Match, series_of
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.roi_names import choose_roi
from nnunet_cscn.dicom.segments import SEG, read_segments
from nnunet_cscn.dicom.series import ImageSeries, image_series
from nnunet_cscn.dicom.structures import RTSTRUCT, read_structures
from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import OnProgress, each_case

_CLASSES: dict[Contours, tuple[str, ...]] = {"rtstruct": (RTSTRUCT,), "seg": SEG}


@dataclass(frozen=True)
class Request:
    """What is wanted of every study.

    Attributes:
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one, instead of a refusal.
        resample: Whether segments on another grid than the images' are resampled, instead of a refusal.
    """

    regions: Sequence[Region]
    merge: bool = False
    resample: bool = False


@dataclass(frozen=True)
class Study:
    """What there is of one structure set or segmentation.

    Attributes:
        case: The case's name.
        patient: The patient's name in the data set.
        identity: Who and what it is: only for a mapping that is asked for.
        is_segmentation: Whether it is a SEG instead of an RTSTRUCT.
        series: All series of the patient that can be used.
        unusable: Why others can't, by their SeriesInstanceUID and the SOPInstanceUIDs of their images.
    """

    case: str
    patient: str
    identity: Identity
    is_segmentation: bool
    series: tuple[ImageSeries, ...]
    unusable: Mapping[str, str] = field(default_factory=dict)

    def matched(self, request: Request) -> tuple[Drawing, Match]:
        """Read the regions, and find the series that they were drawn on.

        Args:
            request: The labels, whose regions of interest count.

        Raises:
            UserError: When they can't be read, or no single series fits.
        """
        file = self.identity.file
        drawing: Drawing = read_segments(file) if self.is_segmentation else read_structures(file)
        chosen = [name for region in request.regions for name in choose_roi(region.wanted, drawing.names)]
        must_fit = not (self.is_segmentation and request.resample)
        try:
            match = series_of(drawing, self.series, regions=chosen or None, unusable=self.unusable, must_fit=must_fit)
        except UserError as fault:
            advice = ["on another grid, add --resample"] if self.is_segmentation and must_fit else []
            others = [reason for reason in dict.fromkeys(self.unusable.values()) if reason not in str(fault)]
            raise UserError("; ".join((str(fault), *advice, *others))) from None
        return drawing, match

    def as_case(self, request: Request) -> SourceCase:
        """Return the case that this makes."""
        return SourceCase(self.case, self.patient, partial(_load, self, request))


@dataclass(frozen=True)
class Studies:
    """What a tree holds.

    Attributes:
        found: One for each structure set or segmentation.
        n_damaged: Number of DICOM files that can't be read.
    """

    found: tuple[Study, ...]
    n_damaged: int


def find_studies(
    source: Path,
    naming: Naming,
    *,
    contours: Contours | None = None,
    modality: str | None = None,
    on_progress: OnProgress | None = None,
) -> Studies:
    """Find every structure set or segmentation below a folder, and the series of its patient.

    They come in the order of patients, studies and files, so that the same source gives the same names.

    Args:
        source: Any mess of folders and files.
        naming: How cases are called.
        contours: Take RTSTRUCT or SEG files alone; None for RTSTRUCT, and SEG in studies that have none.
        modality: Take series of this modality alone; None for all.
        on_progress: Called with the number of files that were looked at, and of all.

    Raises:
        UserError: When there is no such folder, or nothing in it that was drawn.
    """
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder")
    damaged = list[Path]()
    headers = read_headers(source, on_progress=on_progress, on_damaged=damaged.append)
    by_patient = _by_patient(headers)
    drawn = [(key, header) for key in sorted(by_patient) for header in _drawn(by_patient[key], contours)]
    if not drawn:
        kind = {"rtstruct": "RTSTRUCT", "seg": "SEG", None: "RTSTRUCT or SEG"}[contours]
        raise UserError(f"{source}: there is no {kind} file among {len(headers)} DICOM files")
    identities = _identities(drawn)
    series = {key: _series_of_patient(by_patient[key], modality) for key in {key for key, _ in drawn}}
    studies = []
    for name, who, (key, header) in zip(naming(identities), identities, drawn, strict=True):
        usable, unusable = series[key]
        studies.append(
            Study(
                case=name.case,
                patient=name.patient,
                identity=who,
                is_segmentation=header.text("SOPClassUID") in SEG,
                series=usable,
                unusable=unusable,
            )
        )
    return Studies(tuple(studies), len(damaged))


def common_modality(studies: Sequence[Study], request: Request, *, stated: str = "") -> str:
    """Return the modality of the series that all studies were drawn on; empty where none can be used.

    Args:
        studies: The studies.
        request: What is wanted of them.
        stated: What images are taken for that do not say so.

    Raises:
        UserError: When they are of different ones, which one network can't be normalised for.
    """
    matched, _ = each_case({study.case: partial(study.matched, request) for study in studies})
    modalities = sorted({match.series.modality or stated for _, match in matched.values()})
    if "" in modalities:
        raise UserError(
            "the images do not say of what modality they are: say so with --modality, such as --modality MR"
        )
    if len(modalities) > 1:
        raise UserError(f"the studies are of {' and '.join(modalities)}: convert them one by one with --modality")
    return modalities[0] if modalities else ""


def _series_of_patient(
    members: Sequence[Header], modality: str | None
) -> tuple[tuple[ImageSeries, ...], dict[str, str]]:
    """The series that can be used, and reasons for the others, by the UIDs of series and images."""
    found, problems = image_series(members)
    usable = [each for each in found if modality is None or each.modality.upper() in ("", modality.upper())]
    reasons = {each.uid: f"its modality is {each.modality}" for each in found if each not in usable}
    reasons |= problems
    for each in usable:  # a part of it can be used
        reasons.pop(each.uid, None)
    instances = {
        header.instance: reasons[header.text("SeriesInstanceUID")]
        for header in members
        if header.text("SeriesInstanceUID") in reasons
    }
    return tuple(usable), {**instances, **reasons}


def _by_patient(headers: Sequence[Header]) -> Mapping[str, list[Header]]:
    """Files by what those of one patient share: the id, or the study where that is blank.

    A file without an id belongs to the one patient of its study.
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
    """Structure sets and segmentations that are wanted of one patient's files; copies of a file are one."""
    by_kind = {
        kind: _different([header for header in members if header.text("SOPClassUID") in classes])
        for kind, classes in _CLASSES.items()
    }
    chosen = [header for kind in _CLASSES if contours in (None, kind) for header in by_kind[kind]]
    if contours is None:  # a SEG beside an RTSTRUCT is mostly the same again
        contoured = {header.text("StudyInstanceUID") for header in by_kind["rtstruct"]}
        chosen = [
            header
            for header in chosen
            if header.text("SOPClassUID") == RTSTRUCT or header.text("StudyInstanceUID") not in contoured
        ]
    return sorted(chosen, key=lambda header: (header.text("StudyInstanceUID"), str(header.file)))


def _identities(drawn: Sequence[tuple[str, Header]]) -> list[Identity]:
    """Who is who; files that share a UID by mistake are numbered."""
    seen = defaultdict[str, int](int)
    identities = []
    for key, header in drawn:
        seen[header.instance] += 1
        number = seen[header.instance]
        instance = header.instance if number == 1 else f"{header.instance}#{number}"
        identities.append(Identity(key, header.text("PatientID"), instance, header.file))
    return identities


def _different(headers: Sequence[Header]) -> list[Header]:
    """Leave out copies: files of the same UID and the same elements, however they were written."""
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
    except Exception:  # one of them is damaged, which its reading will say
        return False


def _load(study: Study, request: Request) -> LoadedCase:
    drawing, match = study.matched(request)
    labels = label_map(drawing, match.series, request.regions, merge=request.merge, resample=request.resample)
    details = {
        "modality": match.series.modality,
        "drawn_in": "SEG" if study.is_segmentation else "RTSTRUCT",
        "series_told_by": match.told_by,
        **{f"{label}_regions": names for label, names in labels.regions.items()},
    }
    notes = (*match.series.notes, *labels.notes)
    return LoadedCase([read_pixels(match.series)], labels.voxels, match.series.stack.grid(), notes, details)
