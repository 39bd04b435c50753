"""The channels of a case: several series of the study on which regions were drawn, on one grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from nnunet_cscn.conversion.channel_volumes import channel_volumes
from nnunet_cscn.conversion.dicom_match import StudyMatch
from nnunet_cscn.conversion.dicom_studies import Study
from nnunet_cscn.dicom.channels import ChannelPatterns, FoundChannels, find_channels, fits_pattern
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError


@dataclass(frozen=True)
class CaseChannels:
    """The channels of a case.

    Attributes:
        voxels: The image of each channel on the grid of the case, shape (Z, Y, X).
        notes: What is unusual about the series, and which ones were resampled.
        details: The description of the series of each channel, for the report.
    """

    voxels: Sequence[NDArray[Any]]
    notes: tuple[str, ...]
    details: dict[str, str]


def match_for_channels(study: Study, patterns: ChannelPatterns, match: Callable[[Study], StudyMatch]) -> StudyMatch:
    """Find the series of a file with regions. Where its references fit several, those that a pattern fits count.

    So patterns also choose among volumes that contours do not tell apart, such as the echoes of one enhanced image.

    Args:
        study: The file and the series of its patient.
        patterns: How the channels are found. With a reference, its pattern counts, otherwise that of any channel.
        match: Finds the series of a file.

    Raises:
        UserError: When no single series is found, or the series of the channels are not found.
    """
    try:
        found = match(study)
    except UserError:
        counting = [patterns.patterns[patterns.reference]] if patterns.reference else list(patterns.patterns.values())
        fitting = tuple(each for each in study.series if any(fits_pattern(pattern, each) for pattern in counting))
        if not fitting or len(fitting) == len(study.series):
            raise
        found = replace(match(replace(study, series=fitting)), study=study)
    return _on_reference(found, patterns)


def _on_reference(match: StudyMatch, patterns: ChannelPatterns) -> StudyMatch:
    """Give the regions of a file the voxels of the reference channel, if one is named."""
    if not patterns.reference:
        return match
    reference = _found(match, patterns).series[patterns.reference]
    return match if reference is None else replace(match, target=reference)


def case_channels(match: StudyMatch, patterns: ChannelPatterns) -> CaseChannels:
    """Read the channels of a case.

    Args:
        match: A file with regions of the case. The grid of its target counts.
        patterns: How the channels are found.

    Raises:
        UserError: When the series of the channels are not found, cannot be read, or lie outside the reference.
    """
    found = _found(match, patterns)
    volumes = channel_volumes(found.series, match.target)
    notes = [*found.notes]
    for name, series in found.series.items():
        if series is not None and series is not match.target:
            notes += [f"channel {name}: {note}" for note in series.notes]
    if not any(series is match.drawn_on for series in found.series.values()):
        notes.append("the regions were drawn on a series that is no channel")
    details = {f"{name}_series": _description(series) for name, series in found.series.items()}
    return CaseChannels(volumes.voxels, (*notes, *volumes.notes), details)


def with_usual_reference(patterns: ChannelPatterns, matches: Sequence[StudyMatch]) -> ChannelPatterns:
    """Name the channel on which most regions were drawn as the reference, for predictions, where there are no regions.

    Args:
        patterns: How the channels are found; patterns that name a reference stay as they are.
        matches: All files with regions.
    """
    if patterns.reference:
        return patterns
    counts = Counter[str]()
    for match in matches:
        try:
            found = _found(match, patterns)
        except UserError:
            continue  # this case is reported as failed
        counts.update(name for name, series in found.series.items() if series is match.drawn_on)
    usual = [name for name, _ in counts.most_common() if name not in patterns.optional]
    return replace(patterns, reference=usual[0] if usual else "")


def _found(match: StudyMatch, patterns: ChannelPatterns) -> FoundChannels:
    """The channels among the series of the contoured study, or else of all studies with its frame of reference."""
    contoured = match.drawn_on
    frame = contoured.frame_of_reference
    sharing = [series for series in match.study.series if not frame or series.frame_of_reference in ("", frame)]
    inside = [series for series in sharing if series.study == contoured.study]
    try:
        return find_channels(patterns, inside, contoured=contoured)
    except UserError as fault:
        elsewhere = [series for series in sharing if frame and series.frame_of_reference == frame]
        if len(elsewhere) > sum(series.study == contoured.study for series in elsewhere):
            try:
                return find_channels(patterns, elsewhere, contoured=contoured)
            except UserError:
                pass
        others = [series for series in match.study.series if not any(series is each for each in sharing)]
        n_apart = sum(series.study == contoured.study for series in others)
        apart = f"\n  {n_apart} series of the study have another frame of reference: register them first"
        raise UserError(f"{fault}{apart if n_apart else ''}") from None


def _description(series: ImageSeries | None) -> str:
    """The first description of a series, and which part of it is used."""
    if series is None:
        return "missing"
    return ", ".join(filter(None, (series.descriptions[0] if series.descriptions else "no description", series.part)))
