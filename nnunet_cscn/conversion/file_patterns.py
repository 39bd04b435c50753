"""Cases of a folder whose files follow patterns, such as ``images/{case}_T1.nii.gz``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nnunet_cscn.conversion.pipeline import LoadedCase, SourceCase
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
        raise UserError(f"{source}: there is no such folder")
    patterns = [*layout.channels.values(), *(layout.masks or {}).values()]
    patterns += [layout.label_map] if layout.label_map is not None else []
    first = patterns[0]
    places = list(dict.fromkeys(_PLACE.findall(first)))
    for pattern in patterns:
        if (
            not _PLACE.search(pattern)
            or not pattern.endswith(ALL_ENDINGS)
            or not set(_PLACE.findall(pattern)) <= {*places}
        ):
            raise UserError(
                f"{pattern}: expected a pattern with places such as {{case}}, the same as in the first one, that ends "
                f"with {', '.join(ALL_ENDINGS)}"
            )
    form = re.compile(_as_expression(first))
    found = [
        match.groupdict()
        for file in sorted(source.rglob("*"))
        if file.is_file() and (match := form.fullmatch(file.relative_to(source).as_posix()))
    ]
    if not found:
        raise UserError(f"{source}: no file fits {first}")
    cases = []
    for values in found:
        name = "_".join(_UNSAFE.sub("-", values[place]) for place in places)
        patient = _UNSAFE.sub("-", values["patient"]) if "patient" in values else name
        cases.append(SourceCase(name, patient, partial(_load, source, layout, values, resample)))
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"several files make a case of the same name: {', '.join(twice[:5])}")
    return cases


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
    def file(pattern: str) -> Path:
        return source / _PLACE.sub(lambda match: values[match.group(1)], pattern)

    names = list(layout.channels)
    first = read_volume(file(layout.channels[names[0]]))
    channels, notes = [first.voxels], list[str]()
    for name in names[1:]:
        volume, note = on_grid(read_volume(file(layout.channels[name])), first.grid, name, resample=resample)
        channels.append(volume.voxels)
        notes.append(note)
    if layout.label_map is not None:
        stored = read_volume(file(layout.label_map))
        volume, note = on_grid(stored, first.grid, "the label map", resample=resample, labels=True)
        labels = as_labels(volume, (0, *layout.labels.values()), "the label map")
        notes.append(note)
    else:
        labels = np.zeros(first.voxels.shape, np.uint8)
        for name, pattern in (layout.masks or {}).items():
            stored = read_volume(file(pattern))
            mask, note = mask_on_grid(Volume(as_mask(stored), stored.grid), first.grid, name, resample=resample)
            labels[mask] = layout.labels[name]
            notes.append(note)
    return LoadedCase(channels, labels, first.grid, tuple(filter(None, notes)))
