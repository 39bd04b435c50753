"""Cases of a folder whose files follow patterns, such as ``images/{case}_T1.nii.gz``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import (
    ALL_ENDINGS,
    Volume,
    as_labels,
    as_mask,
    mask_on_grid,
    on_grid,
    read_volume,
)
from nnunet_cscn.errors import UserError
from nnunet_cscn.nifti.grids import Grid

_PLACE = re.compile(r"\{([A-Za-z]\w*)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True)
class Layout:
    """Where the files of a case stand, with places such as ``{case}`` or ``{patient}`` for what tells cases apart.

    Attributes:
        channels: Pattern of each image channel, by the channel's name.
        labels: Value of each label.
        label_map: Pattern of one file with all labels; None where each label has a mask.
        masks: Pattern of each label's mask.
    """

    channels: Mapping[str, str]
    labels: Mapping[str, int]
    label_map: str | None = None
    masks: Mapping[str, str] | None = None

    def patterns(self) -> list[str]:
        """Return all patterns, that of the first channel first."""
        label_map = [] if self.label_map is None else [self.label_map]
        return [*self.channels.values(), *(self.masks or {}).values(), *label_map]


def find_cases(source: Path, layout: Layout, *, resample: bool = False) -> list[SourceCase]:
    """List the cases of a folder: one for every file that fits the pattern of the first channel.

    A case is called after what stands in the places, a patient after ``{patient}`` where there is one.

    Args:
        source: The folder.
        layout: The patterns.
        resample: Whether volumes on other grids than the first channel's are resampled instead of refused.

    Raises:
        UserError: When a pattern has no place or another ending, no file fits, or two cases have the same name.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    first, *others = layout.patterns()
    _check_patterns(first, others)
    cases = [_case(source, layout, values, resample=resample) for values in _fitting_files(source, first)]
    if not cases:
        raise UserError(f"{source}: no file matches the pattern {first}")
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"several files give the same case name: {', '.join(twice[:5])}; change the pattern")
    return cases


def _check_patterns(first: str, others: Sequence[str]) -> None:
    """Refuse patterns without a place, of another ending, or with places that the first one does not have."""
    places = _places(first)
    for pattern in (first, *others):
        own = _places(pattern)
        if not own or not set(own) <= set(places) or not pattern.endswith(ALL_ENDINGS):
            raise UserError(
                f"{pattern}: expected a pattern with placeholders such as {{case}} and the ending "
                f"{', '.join(ALL_ENDINGS)}; all patterns need the same placeholders"
            )


def _fitting_files(source: Path, pattern: str) -> list[dict[str, str]]:
    """What stands in the places of a pattern, for every file that fits it."""
    expression = re.compile(_as_expression(pattern))
    files = (file.relative_to(source).as_posix() for file in sorted(source.rglob("*")) if file.is_file())
    return [match.groupdict() for file in files if (match := expression.fullmatch(file))]


def _case(source: Path, layout: Layout, values: Mapping[str, str], *, resample: bool) -> SourceCase:
    """The case of some values of the places, which come in their order."""
    safe = {place: _UNSAFE.sub("-", value) for place, value in values.items()}
    name = "_".join(safe.values())
    return SourceCase(name, safe.get("patient", name), partial(_load, source, layout, values, resample))


def _places(pattern: str) -> list[str]:
    return list(dict.fromkeys(_PLACE.findall(pattern)))


def _as_expression(pattern: str) -> str:
    """A regular expression of the pattern; a place that comes again holds the same again."""
    seen, parts, end = set[str](), list[str](), 0
    for match in _PLACE.finditer(pattern):
        parts.append(re.escape(pattern[end : match.start()]))
        place = match.group(1)
        parts.append(f"(?P={place})" if place in seen else f"(?P<{place}>[^/]+?)")
        seen.add(place)
        end = match.end()
    return "".join([*parts, re.escape(pattern[end:])])


def _load(source: Path, layout: Layout, values: Mapping[str, str], resample: bool) -> LoadedCase:
    def volume(pattern: str) -> Volume:
        return read_volume(source / _PLACE.sub(lambda match: values[match.group(1)], pattern))

    first, *others = layout.channels
    image = volume(layout.channels[first])
    channels, notes = [image.voxels], list[str]()
    for name in others:
        moved, note = on_grid(volume(layout.channels[name]), image.grid, name, resample=resample)
        channels.append(moved.voxels)
        notes.append(note)
    if layout.label_map is not None:
        labels, note = _labels_of_map(volume(layout.label_map), layout, image.grid, resample=resample)
        notes.append(note)
    else:
        labels = np.zeros(image.voxels.shape, np.uint8)
        for name, pattern in (layout.masks or {}).items():
            stored = volume(pattern)
            mask, note = mask_on_grid(Volume(as_mask(stored), stored.grid), image.grid, name, resample=resample)
            labels[mask] = layout.labels[name]
            notes.append(note)
    return LoadedCase(channels, labels, image.grid, tuple(filter(None, notes)))


def _labels_of_map(stored: Volume, layout: Layout, grid: Grid, *, resample: bool) -> tuple[NDArray[np.uint8], str]:
    moved, note = on_grid(stored, grid, "the label map", resample=resample, labels=True)
    return as_labels(moved, (0, *layout.labels.values()), "the label map"), note
