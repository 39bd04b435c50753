"""Choose the series of a study that are predicted: one for each channel of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnunet_cscn.dicom.channels import ChannelPatterns, FoundChannels, check_modality, find_channels
from nnunet_cscn.dicom.series_wording import series_in_words, series_with_description
from nnunet_cscn.errors import ArgumentError, UserError

if TYPE_CHECKING:
    from nnunet_cscn.dicom.image_studies import ImageStudy
    from nnunet_cscn.dicom.series import ImageSeries


@dataclass(frozen=True)
class ChosenSeries:
    """The series that are predicted.

    Attributes:
        channels: The series of each channel in the model's order; None for an optional channel that is missing.
        reference: The series on whose grid the prediction lies.
    """

    channels: Mapping[str, ImageSeries | None]
    reference: ImageSeries


def chosen_series(
    study: ImageStudy,
    numbers: Sequence[int],
    channels: Sequence[str],
    *,
    patterns: ChannelPatterns | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> ChosenSeries:
    """Choose the series of a study for the channels of a model.

    Args:
        study: The study.
        numbers: Numbers in the list of series, in the order of the channels; empty to find them.
        channels: Names of the model's channels.
        patterns: How the channels are found; None if the data set of the model does not say.
        on_note: Called with each note, such as what was left out of a series.

    Raises:
        ArgumentError: When the series have to be chosen, or those that were chosen do not belong together.
        UserError: When the patterns do not find one series for each channel, or the images have no UIDs by which new
            files can refer to them.
    """
    usable = study.series
    if not numbers and patterns is not None and list(patterns.patterns) == list(channels):
        found = _found(patterns, study)
        for note in found.notes:
            on_note(note)
        by_channel = found.series
    else:
        by_channel = _by_number(study, numbers, channels)
    present = {name: series for name, series in by_channel.items() if series is not None}
    _check_together(present)
    for series in present.values():
        if series.notes:
            on_note(f"series {usable.index(series) + 1}: {'; '.join(series.notes)}")
    stated = patterns.reference if patterns is not None and not numbers else ""
    reference = present.get(stated) or next(iter(present.values()))
    _check_uids(reference)
    return ChosenSeries(by_channel, reference)


def _found(patterns: ChannelPatterns, study: ImageStudy) -> FoundChannels:
    """The series of each channel in the one frame of reference in which all of them are."""

    def listed(series: ImageSeries) -> str:
        return f"{study.series.index(series) + 1}: {series_with_description(series)}"

    found, reasons = list[FoundChannels](), list[str]()
    for frame in dict.fromkeys(series.frame_of_reference for series in study.series):
        inside = [series for series in study.series if series.frame_of_reference in ("", frame)]
        try:
            found.append(find_channels(patterns, inside, describe=listed))
        except UserError as fault:
            reasons.append(str(fault))
    found = [each for each in found if any(each.series.values())]
    how = f"choose one number for each channel, in this order: {', '.join(patterns.patterns)}"
    if len(found) > 1:
        where = f"{len(found)} frames of reference of the study have series for all channels"
        lines = [f"{where}; {how}:", *map(listed, study.series)]
        raise ArgumentError("series", "\n  ".join(lines))
    if not found:
        raise ArgumentError("series", "\n  ".join([*dict.fromkeys(reasons), how]))
    return found[0]


def _by_number(study: ImageStudy, numbers: Sequence[int], channels: Sequence[str]) -> dict[str, ImageSeries | None]:
    usable = study.series
    if not numbers and len(usable) == len(channels) == 1:
        numbers = [1]
    if len(numbers) != len(channels) or not all(1 <= number <= len(usable) for number in numbers):
        raise ArgumentError("series", _choice(study, channels))
    if len(set(numbers)) < len(numbers):
        raise ArgumentError("series", "the same series is given twice: choose a different series for each channel")
    return {name: usable[number - 1] for name, number in zip(channels, numbers, strict=True)}


def _check_together(chosen: Mapping[str, ImageSeries]) -> None:
    for name, series in chosen.items():
        try:
            check_modality(name, series)
        except UserError as fault:
            raise ArgumentError("series", str(fault)) from None
    if len({series.patient for series in chosen.values()}) > 1:
        raise ArgumentError("series", "the chosen series are from different patients: choose series of one patient")
    if len({series.frame_of_reference for series in chosen.values()} - {""}) > 1:
        raise ArgumentError("series", "the chosen series have different frames of reference: register them first")


def _check_uids(series: ImageSeries) -> None:
    """Refuse images without the UIDs by which contours refer to them: no other program could read the result."""
    has_own = all(instance != str(file) for instance, file in zip(series.instances, series.files, strict=True))
    stated = {"StudyInstanceUID": series.study, "SeriesInstanceUID": series.uid, "SOPInstanceUID": has_own}
    if missing := [keyword for keyword, value in stated.items() if not value]:
        where = f"the images have no {' and no '.join(missing)}, so contours cannot refer to them"
        raise UserError(f"{where}: restore it from the original files")


def _choice(study: ImageStudy, channels: Sequence[str]) -> str:
    """A list of all series, and how to choose. Descriptions are left out, because they may contain names."""
    how = "one by its number"
    if len(channels) > 1:
        how = f"one number for each channel, in this order: {', '.join(channels)}"
    lines = [f"{number}: {series_in_words(series)}" for number, series in enumerate(study.series, start=1)]
    lines += [f"not usable: {reason}" for reason in study.problems.values()]
    return "\n  ".join([f"{study.name} contains {len(study.series)} series; choose {how}:", *lines])
