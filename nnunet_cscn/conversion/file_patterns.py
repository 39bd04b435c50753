"""Find the cases of a folder by the names of its files, such as ``images/{case}_T1.nii.gz``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.image_values import finite_image
from nnunet_cscn.conversion.label_values import as_labels, as_mask
from nnunet_cscn.conversion.layered_labels import layered_labels
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.conversion.source_volumes import mask_on_grid, notes_of, on_grid, read_volume
from nnunet_cscn.errors import UserError
from nnunet_cscn.formats.endings import VOLUME_ENDINGS, ending_of
from nnunet_cscn.formats.volume import Volume
from nnunet_cscn.nifti.grids import Grid

_PLACEHOLDER = re.compile(r"\{([A-Za-z]\w*)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True)
class Layout:
    """The files of a case, and how to read them.

    Patterns contain placeholders such as ``{case}`` or ``{patient}`` for the parts of the file names that differ.

    Attributes:
        channels: For each channel name, the pattern of its images.
        labels: Value of each label in the data set.
        label_map: Pattern of the files with all labels. None if each label has a mask.
        source_values: Value of each label in the label maps.
        masks: For each label name, the pattern of its masks.
        optional: Names of labels whose mask may be missing.
        resample: Whether to resample volumes with other grids onto the grid of the first channel. Otherwise such a case
            is an error.
        nan: Value that replaces NaN and infinity in images. In label maps and masks they become background. None to
            refuse such files.
    """

    channels: Mapping[str, str]
    labels: Mapping[str, int]
    label_map: str | None = None
    source_values: Mapping[str, int] = field(default_factory=dict)
    masks: Mapping[str, str] | None = None
    optional: Sequence[str] = ()
    resample: bool = False
    nan: float | None = None

    def patterns(self) -> list[str]:
        """Return all patterns. The first one is that of the first channel."""
        label_map = [] if self.label_map is None else [self.label_map]
        return [*self.channels.values(), *(self.masks or {}).values(), *label_map]


def find_cases(source: Path, layout: Layout) -> list[SourceCase]:
    """List the cases of a folder: one for each file that matches the pattern of the first channel.

    The values of the placeholders form the name of a case. The value of ``{patient}`` is the name of the patient.

    Args:
        source: The folder.
        layout: The patterns.

    Raises:
        UserError: When a pattern has no placeholder or an unknown ending, no file matches, or two cases have the same
            name.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    first, *others = layout.patterns()
    _check_patterns(first, others)
    cases = [_case(source, layout, values) for values in _fitting_files(source, first)]
    if not cases:
        raise UserError(f"{source}: no file matches the pattern {first}")
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"several files give the same case name: {', '.join(twice[:5])}; change the pattern")
    return cases


def _check_patterns(first: str, others: Sequence[str]) -> None:
    """Check that every pattern has a placeholder and a known ending, and no placeholder that the first one lacks."""
    placeholders = _placeholders(first)
    for pattern in (first, *others):
        own = _placeholders(pattern)
        if not own or not set(own) <= set(placeholders) or ending_of(pattern, VOLUME_ENDINGS) is None:
            raise UserError(
                f"{pattern}: expected a pattern with placeholders such as {{case}} and the ending "
                f"{', '.join(VOLUME_ENDINGS)}; all patterns need the same placeholders"
            )


def _fitting_files(source: Path, pattern: str) -> list[dict[str, str]]:
    """Return the values of the placeholders for each file that matches a pattern."""
    expression = re.compile(_as_expression(pattern))
    files = (file.relative_to(source).as_posix() for file in sorted(source.rglob("*")) if file.is_file())
    return [match.groupdict() for file in files if (match := expression.fullmatch(file))]


def _case(source: Path, layout: Layout, values: Mapping[str, str]) -> SourceCase:
    """Return the case with these values of the placeholders."""
    safe = {placeholder: _UNSAFE.sub("-", value) for placeholder, value in values.items()}
    name = "_".join(safe.values())
    return SourceCase(name, safe.get("patient", name), partial(_load, source, layout, values))


def _placeholders(pattern: str) -> list[str]:
    return list(dict.fromkeys(_PLACEHOLDER.findall(pattern)))


def _as_expression(pattern: str) -> str:
    """Return a regular expression for the pattern. A repeated placeholder must have the same value again."""
    seen, parts, end = set[str](), list[str](), 0
    for match in _PLACEHOLDER.finditer(pattern):
        parts.append(re.escape(pattern[end : match.start()]))
        placeholder = match.group(1)
        parts.append(f"(?P={placeholder})" if placeholder in seen else f"(?P<{placeholder}>[^/]+?)")
        seen.add(placeholder)
        end = match.end()
    return "".join([*parts, re.escape(pattern[end:])])


def _load(source: Path, layout: Layout, values: Mapping[str, str]) -> LoadedCase:
    notes = list[str]()

    def path(pattern: str) -> Path:
        return source / _PLACEHOLDER.sub(lambda match: values[match.group(1)], pattern)

    def image(name: str) -> Volume:
        volume = _read(path(layout.channels[name]), name, notes)
        voxels, note = finite_image(volume.voxels, name, nan=layout.nan)
        notes.append(note)
        return Volume(voxels, volume.grid)

    first, *others = layout.channels
    reference = image(first)
    channels = [reference.voxels]
    for name in others:
        moved, note = on_grid(image(name), reference.grid, name, resample=layout.resample)
        channels.append(moved.voxels)
        notes.append(note)
    if layout.label_map is not None:
        labels = _labels_of_map(path(layout.label_map), layout, reference.grid, notes)
    else:
        files = {name: path(pattern) for name, pattern in (layout.masks or {}).items()}
        labels = _labels_of_masks(files, layout, reference.grid, notes)
    absent = [name for name, value in layout.labels.items() if not (labels == value).any()]
    notes += [f"{name} has no voxels" for name in absent if _without(name) not in notes]
    return LoadedCase(channels, labels, reference.grid, tuple(dict.fromkeys(filter(None, notes))))


def _read(file: Path, what: str, notes: list[str]) -> Volume:
    """Read a volume and append notes on its grid to ``notes``."""
    try:
        volume = read_volume(file)
    except UserError as fault:
        raise UserError(f"{what}: {fault}") from None
    notes += notes_of(volume, what)
    return volume


@contextlib.contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Put the name of the file before errors about its values."""
    try:
        yield
    except UserError as fault:
        raise UserError(f"{file.name}: {fault}") from None


def _without(label: str) -> str:
    return f"{label}: no file, so the case has none"


def _labels_of_map(file: Path, layout: Layout, grid: Grid, notes: list[str]) -> NDArray[np.uint8]:
    """Read a label map and bring it onto the grid of the image. Append what was changed to ``notes``."""
    what = "the label map"
    stored = _read(file, what, notes)
    values = {0: 0, **{source: layout.labels[name] for name, source in layout.source_values.items()}}
    with _naming(file):
        voxels, changes = as_labels(stored.voxels, values, what, nan_as_background=layout.nan is not None)
    moved, note = on_grid(Volume(voxels, stored.grid), grid, what, resample=layout.resample, labels=True)
    notes += [*changes, note]
    return moved.voxels


def _labels_of_masks(files: Mapping[str, Path], layout: Layout, grid: Grid, notes: list[str]) -> NDArray[np.uint8]:
    """Read the masks of a case and combine them into one label map. Append what was changed to ``notes``."""

    def masks() -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
        for name, file in files.items():
            if not file.is_file() and name in layout.optional:
                notes.append(_without(name))
                continue
            if not file.is_file():
                raise UserError(f"{name}: {file.name}: file not found; if the patient has none, add optional={name}")
            stored = _read(file, name, notes)
            with _naming(file):
                foreground, changes = as_mask(stored.voxels, name, nan_as_background=layout.nan is not None)
            mask, note = mask_on_grid(Volume(foreground, stored.grid), grid, name, resample=layout.resample)
            notes.extend([*changes, note])
            yield name, layout.labels[name], mask

    labels, covered = layered_labels(grid.shape[::-1], masks())
    notes += covered
    return labels
