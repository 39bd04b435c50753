"""Combine all files that were drawn on one image into one case."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nnunet_cscn.conversion.case_names import Identity
from nnunet_cscn.conversion.dicom_channels import case_channels
from nnunet_cscn.conversion.dicom_labels import Drawn, Region, is_drawn, label_map
from nnunet_cscn.conversion.dicom_match import StudyMatch, match_study, read_drawing
from nnunet_cscn.conversion.dicom_regions import Handling
from nnunet_cscn.conversion.dicom_studies import Study
from nnunet_cscn.conversion.source_case import LoadedCase
from nnunet_cscn.dicom.channels import ChannelPatterns
from nnunet_cscn.dicom.hounsfield import hounsfield_warning
from nnunet_cscn.dicom.pixels import read_pixels
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import ArgumentError, UserError


@dataclass(frozen=True)
class Request:
    """The labels to convert, and options.

    Attributes:
        regions: The labels; where two overlap, the later one is on top.
        merge: Whether several regions of interest that fit one label become one, instead of a refusal.
        handling: Options for regions that do not lie on the voxels of their image.
        channels: How the series of several channels are found; None for the contoured series alone.
    """

    regions: Sequence[Region]
    merge: bool = False
    handling: Handling = field(default_factory=Handling)
    channels: ChannelPatterns | None = None

    @property
    def wanted(self) -> list[str]:
        """The regions of interest that count, as names or patterns."""
        return [region.wanted for region in self.regions]


@dataclass(frozen=True)
class ImageCase:
    """One image and all files that were drawn on it, or one file without an image.

    Attributes:
        identities: Patient and file of each match. Only for the mapping file.
        matches: The files, each with the series that it was drawn on; empty where there is none.
        problem: Why the image was not found.
    """

    identities: tuple[Identity, ...]
    matches: tuple[StudyMatch, ...] = ()
    problem: str = ""

    def identity(self, known: Container[str]) -> Identity:
        """Return the file by which the case is known: one of an earlier run, else the first one.

        Args:
            known: SOPInstanceUIDs of the files of an earlier run.
        """
        return next((each for each in self.identities if each.instance in known), self.identities[0])

    @property
    def series(self) -> ImageSeries | None:
        """The image."""
        return self.matches[0].target if self.matches else None


def image_cases(
    studies: Sequence[Study], matched: Mapping[int, StudyMatch], problems: Mapping[int, str]
) -> list[ImageCase]:
    """Put files together that were drawn on the same image.

    A file in which none of the wanted regions is drawn joins the others of its image; alone it is a case of its own,
    which says what is missing.

    Args:
        studies: Each with one file.
        matched: The image of each file, by the file's position.
        problems: Why others have none, by the file's position.

    Returns:
        The cases, in the order of their first files.
    """
    cases = dict[object, ImageCase]()
    for number, study in enumerate(studies):
        match = matched.get(number)
        if match is None:
            cases[number] = ImageCase((study.identity,), problem=problems[number])
            continue
        key = (match.target.uid, match.target.instances, match.target.files)
        identity = replace(study.identity, patient=match.patient or study.identity.patient)
        case = cases.get(key, ImageCase(()))
        cases[key] = ImageCase((*case.identities, identity), (*case.matches, match))
    return list(cases.values())


def load_case(case: ImageCase, request: Request) -> LoadedCase:
    """Read an image, and fill the regions that were drawn on it.

    Raises:
        UserError: Why the image was not found, or as in ``label_map`` and ``read_pixels``.
    """
    series = case.series
    if series is None:
        raise UserError(case.problem)
    drawn = [Drawn(read_drawing(match.study), match.drawn_on) for match in case.matches]
    is_missing = any(not is_drawn(region, drawn) for region in request.regions)
    spare = _spare(case, series, request) if is_missing else []
    labels = label_map(drawn, series, request.regions, spare=spare, merge=request.merge, handling=request.handling)
    kinds = dict.fromkeys("SEG" if match.study.is_segmentation else "RTSTRUCT" for match in case.matches)
    if any(is_drawn(region, spare) and not is_drawn(region, drawn) for region in request.regions):
        kinds["SEG"] = None
    details = {
        "modality": series.modality,
        "drawn_in": " + ".join(kinds),
        "series_found_by": " + ".join(dict.fromkeys(match.found_by for match in case.matches)),
        **{f"{label}_regions": names for label, names in labels.regions.items()},
    }
    voxels = read_pixels(series)
    told = [note for match in case.matches for note in match.notes]
    notes = (*series.notes, *told, *hounsfield_warning(series, voxels), *labels.notes)
    loaded = LoadedCase([voxels], labels.voxels, series.stack.grid(), tuple(dict.fromkeys(notes)), details)
    if request.channels is None:
        return loaded
    channels = case_channels(case.matches[0], request.channels)
    return replace(
        loaded,
        channels=channels.voxels,
        notes=tuple(dict.fromkeys([*loaded.notes, *channels.notes])),
        details={**details, **channels.details},
    )


def _spare(case: ImageCase, series: ImageSeries, request: Request) -> list[Drawn]:
    """Segmentations beside the structure sets that were drawn on the same image."""
    found = []
    for study in {spare.identity: spare for match in case.matches for spare in match.study.spare}.values():
        try:
            match = match_study(study, request.wanted, request.handling)
        except UserError:  # it belongs to another image or cannot be read, and it was not required
            continue
        if match.target == series:
            found.append(Drawn(read_drawing(study), match.drawn_on))
    return found


def common_modality(modalities: Iterable[str]) -> str:
    """Return the modality that all series share; empty if there is no series.

    Raises:
        ArgumentError: When a series does not say its own, or they are different, which one network can't be
            normalised for.

    Example:
        >>> common_modality(["MR", "MR"])
        'MR'
    """
    different = sorted(set(modalities))
    if "" in different:
        raise ArgumentError("modality", "the images have no modality: give one, such as MR")
    if len(different) > 1:
        raise ArgumentError(
            "modality",
            f"the studies have different modalities ({' and '.join(different)}): convert one modality at a time",
        )
    return different[0] if different else ""
