"""Find the series of each channel by patterns for their descriptions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnunet_cscn.dicom.series_wording import series_with_description
from nnunet_cscn.errors import ArgumentError, UserError

if TYPE_CHECKING:
    from nnunet_cscn.dicom.series import ImageSeries

# Modality that a channel of this name must have. Other names, such as T1, say nothing for certain.
_MODALITIES = {"CT": "CT", "PET": "PT", "PT": "PT", "MR": "MR"}


@dataclass(frozen=True)
class ChannelPatterns:
    """How the series of each channel is found.

    Attributes:
        patterns: A regular expression for each channel, in the order of the channels. It is searched for in the
            description, protocol and sequence name of a series, in upper or lower case.
        optional: Channels that may be missing.
        reference: The channel whose grid counts; empty for none in particular.

    Example:
        >>> ChannelPatterns({"T1": "t1(?!.*ce)", "T2": "t2"}, reference="T1").to_json()
        {'patterns': {'T1': 't1(?!.*ce)', 'T2': 't2'}, 'optional': [], 'reference': 'T1'}
    """

    patterns: Mapping[str, str]
    optional: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        """Check names and patterns.

        Raises:
            ArgumentError: When a name or a pattern is missing or invalid, or an option names an unknown channel.
        """
        for name, pattern in self.patterns.items():
            if not name or not pattern:
                raise ArgumentError("channels", f"each channel needs a name and a pattern, got {name}={pattern}")
            try:
                re.compile(pattern)
            except re.error as fault:
                raise ArgumentError("channels", f"{pattern} is not a regular expression: {fault}") from None
        known = ", ".join(self.patterns)
        for name in self.optional:
            if name not in self.patterns:
                raise ArgumentError("optional_channels", f"expected one of the channels {known}, got {name}")
        if self.reference and self.reference not in self.patterns:
            raise ArgumentError("reference", f"expected one of the channels {known}, got {self.reference}")
        if self.reference in self.optional and self.reference:
            raise ArgumentError("reference", f"{self.reference} gives the grid, so it cannot be optional")

    def to_json(self) -> dict[str, Any]:
        """Return the content for dataset.json."""
        return {"patterns": dict(self.patterns), "optional": list(self.optional), "reference": self.reference}

    @classmethod
    def from_json(cls, content: object) -> ChannelPatterns | None:
        """Return what ``to_json`` gave; None for anything else, such as a data set without patterns."""
        if not isinstance(content, dict) or not isinstance(content.get("patterns"), dict):
            return None
        patterns = {str(name): str(pattern) for name, pattern in content["patterns"].items()}
        optional = tuple(str(name) for name in content.get("optional") or ())
        return cls(patterns, optional, str(content.get("reference") or ""))


@dataclass(frozen=True)
class FoundChannels:
    """The series of each channel.

    Attributes:
        series: A series for each channel in their order; None for an optional channel that is missing.
        notes: What is unusual.
    """

    series: Mapping[str, ImageSeries | None]
    notes: tuple[str, ...] = field(default=())


def find_channels(
    wanted: ChannelPatterns,
    candidates: Sequence[ImageSeries],
    *,
    contoured: ImageSeries | None = None,
    describe: Callable[[ImageSeries], str] | None = None,
) -> FoundChannels:
    """Find the series of each channel among those of one study.

    A series that is the only one for a channel is no candidate for the others. So ``t1`` and ``t1.*ce`` together find
    the plain and the contrast-enhanced T1. If several series fit a channel, the contoured one is taken.

    Args:
        wanted: The patterns.
        candidates: The series. Localisers are left out.
        contoured: The series on which regions were drawn, if there is one.
        describe: How a series is listed; None for its description and what separates it from others.

    Raises:
        UserError: When no series fits a channel that must be there, or several do. The series are listed.
    """
    texts = _Texts(wanted, describe or series_with_description)
    usable = [series for series in candidates if not series.is_localiser]
    matching = {name: [s for s in usable if fits_pattern(pattern, s)] for name, pattern in wanted.patterns.items()}
    remaining = {name: found for name, found in matching.items() if found}
    chosen, notes = dict[str, "ImageSeries"](), list[str]()
    while remaining:
        single = {name: found[0] for name, found in remaining.items() if len(found) == 1}
        if not single and contoured is not None and (name := _channel_of(contoured, remaining)):
            notes.append(f"{len(remaining[name])} series match channel {name}: the contoured one was used")
            single = {name: contoured}
        if not single:
            raise UserError(texts.ambiguous(remaining))
        for name, series in single.items():
            if name not in chosen:
                rivals = [other for other, found in remaining.items() if other != name and found == [series]]
                if rivals:
                    raise UserError(texts.conflict(name, rivals[0], series))
                chosen[name] = series
        taken = list(single.values())
        remaining = {
            name: [series for series in found if not any(series is other for other in taken)]
            for name, found in remaining.items()
            if name not in chosen
        }
        for name, found in remaining.items():
            if not found:
                raise UserError(texts.taken(name))
    missing = [name for name in wanted.patterns if name not in chosen]
    if required := [name for name in missing if name not in wanted.optional]:
        raise UserError(texts.missing(required, usable))
    notes += [f"channel {name} is missing and was filled with zeros" for name in missing]
    for name, series in chosen.items():
        check_modality(name, series)
    return FoundChannels({name: chosen.get(name) for name in wanted.patterns}, tuple(notes))


def check_modality(channel: str, series: ImageSeries) -> None:
    """Check that a series has the modality that the name of its channel states, such as CT.

    Raises:
        UserError: When it has another one.
    """
    expected = _MODALITIES.get(channel.upper())
    if expected is not None and series.modality not in ("", expected):
        found = f"channel {channel} needs modality {expected}, but the series has {series.modality}"
        raise UserError(f"{found}: choose another series")


def fits_pattern(pattern: str, series: ImageSeries) -> bool:
    """Tell whether a pattern is in a description of a series, also together with which part of the series it is.

    Args:
        pattern: A regular expression, in upper or lower case.
        series: The series.
    """
    texts = [text for description in series.descriptions for text in (description, f"{description} {series.part}")]
    return any(re.search(pattern, text, re.IGNORECASE) for text in texts or [series.part])


def _channel_of(contoured: ImageSeries, remaining: Mapping[str, Sequence[ImageSeries]]) -> str:
    """The only channel for which the contoured series is a candidate; empty for none or several."""
    fitting = [name for name, found in remaining.items() if any(series is contoured for series in found)]
    return fitting[0] if len(fitting) == 1 else ""


@dataclass(frozen=True)
class _Texts:
    """The sentences for channels that cannot be found."""

    wanted: ChannelPatterns
    describe: Callable[[ImageSeries], str]

    def ambiguous(self, remaining: Mapping[str, Sequence[ImageSeries]]) -> str:
        lines = []
        for name, found in remaining.items():
            lines.append(f"{len(found)} series match channel {self._named(name)}; make the pattern fit only one:")
            lines += map(self.describe, found)
        return "\n  ".join(lines)

    def conflict(self, name: str, other: str, series: ImageSeries) -> str:
        remedy = "make the patterns exclude each other, such as T1='^(?!.*ce).*t1' beside T1C='t1.*ce'"
        where = f"the same series matches the channels {self._named(name)} and {self._named(other)}, and no other does"
        return f"{where}: {self.describe(series)}; {remedy}"

    def taken(self, name: str) -> str:
        remedy = "make the patterns exclude each other"
        return f"every series that matches channel {self._named(name)} is the only one of another channel; {remedy}"

    def missing(self, names: Sequence[str], usable: Sequence[ImageSeries]) -> str:
        where = f"no series matches channel {', '.join(map(self._named, names))}"
        remedy = f'change the pattern, or add optional_channels=["{names[0]}"]'
        return "\n  ".join([f"{where}; {remedy}; available:", *map(self.describe, usable)])

    def _named(self, name: str) -> str:
        return f"{name} ({self.wanted.patterns[name]})"
