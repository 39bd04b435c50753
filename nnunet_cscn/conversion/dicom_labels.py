"""Label maps from regions that were drawn on a DICOM series, in one file or in several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.conversion.dicom_regions import Handling, Mask, named, region_mask
from nnunet_cscn.conversion.layered_labels import layered_labels
from nnunet_cscn.conversion.region_versions import choose_version, described_version
from nnunet_cscn.dicom.drawing import Drawing
from nnunet_cscn.dicom.roi_names import available, choose_roi, common_name
from nnunet_cscn.dicom.series import ImageSeries
from nnunet_cscn.errors import UserError


@dataclass(frozen=True)
class Region:
    """One label of the data set: its name, its value, and which region of interest it comes from.

    Attributes:
        label: Name of the label.
        value: Its value.
        wanted: Name of the region, or a pattern.
        is_optional: Whether a case may lack it.
    """

    label: str
    value: int
    wanted: str
    is_optional: bool = False


@dataclass(frozen=True)
class Drawn:
    """A file with regions, and the series that they were drawn on."""

    drawing: Drawing
    series: ImageSeries


@dataclass(frozen=True)
class LabelMap:
    """Labels on the voxels of a series.

    Attributes:
        voxels: Shape (slices, rows, columns).
        regions: Which regions of interest each label was made of; empty for an optional one that is absent.
        notes: Changes, and parts of regions that were not used.
    """

    voxels: NDArray[np.uint8]
    regions: dict[str, str]
    notes: tuple[str, ...]


def label_map(
    drawn: Sequence[Drawn],
    series: ImageSeries,
    regions: Sequence[Region],
    *,
    spare: Sequence[Drawn] = (),
    merge: bool = False,
    handling: Handling | None = None,
) -> LabelMap:
    """Fill the regions of interest that the labels mean.

    Args:
        drawn: The files with regions of interest.
        series: The series whose voxels the labels get.
        regions: The labels; where two overlap, the later one is on top.
        spare: Files whose regions are used only for labels that the others lack.
        merge: Whether several regions of interest that fit one label become one.
        handling: Options for regions that do not lie on the voxels of their series.

    Raises:
        UserError: When no region fits a label that is not optional, several do and they are not to be merged, nothing
            is drawn in one, one is hidden by others, or a part of one would be lost.
    """
    maker = _Maker(drawn, series, merge, handling or Handling())
    all_files = replace(maker, drawn=[*drawn, *spare])
    used, notes = dict[str, str](), list[str]()

    def masks() -> Iterator[tuple[str, int, Mask]]:
        for region in regions:
            mask, names, told = (maker if is_drawn(region, drawn) else all_files).label(region)
            used[region.label] = " + ".join(names)
            notes.extend(told)
            yield region.label, region.value, mask

    voxels, hidden = layered_labels(series.stack.shape, masks())
    return LabelMap(voxels, used, tuple(dict.fromkeys([*notes, *_sources(maker.sources), *hidden])))


def _sources(sources: Mapping[str, Mapping[int, str]]) -> list[str]:
    """Say which file each label comes from, if they come from several."""
    if len({number for files in sources.values() for number in files}) < 2:
        return []
    text = f"the labels come from {len({number for files in sources.values() for number in files})} files"
    if len({each for files in sources.values() for each in files.values()}) > 1:  # dates only where they matter
        text += ": " + ", ".join(f"{label} from {' and '.join(files.values())}" for label, files in sources.items())
    return [text]


def is_drawn(region: Region, drawn: Sequence[Drawn]) -> bool:
    """Tell whether something is drawn in a region in one of some files."""
    return any(
        not each.drawing.is_blank(name) for each in drawn for name in choose_roi(region.wanted, each.drawing.names)
    )


@dataclass(frozen=True)
class _Maker:
    """Makes the mask of a label from the regions of all files."""

    drawn: Sequence[Drawn]
    series: ImageSeries
    merge: bool
    handling: Handling
    sources: dict[str, dict[int, str]] = field(default_factory=dict)  # files of each label, by their position

    def label(self, region: Region) -> tuple[Mask, list[str], list[str]]:
        """The label's mask, the names of its regions, and notes."""
        names = list(dict.fromkeys(name for each in self.drawn for name in each.drawing.names))
        chosen = choose_roi(region.wanted, names)
        filled = [name for name in chosen if self._files(name)]
        mask = np.zeros(self.series.stack.shape, bool)
        if not filled:
            return mask, [], [self._absence(region, chosen, names)]
        titles = list(dict.fromkeys(common_name(name) for name in filled))
        if len(filled) > 1 and not self.merge:
            raise UserError(
                f"{len(filled)} ROIs match {region.wanted}; available ROIs: {available(names)}; choose one of them, or "
                "add merge=True"
            )
        notes = []
        if blank := [name for name in chosen if name not in filled]:
            notes.append(f"{', '.join(blank)}: nothing is drawn in it")
        for title in titles:
            parts = [name for name in filled if common_name(name) == title]
            title_mask, told = self._region(region.label, title, parts)
            mask |= title_mask
            notes += told
        return mask, filled, notes

    def _region(self, label: str, title: str, names: Sequence[str]) -> tuple[Mask, list[str]]:
        """The voxels of all regions of one name, from the file that counts."""
        files = list(dict.fromkeys(number for name in names for number in self._files(name)))
        native = [number for number in files if self.drawn[number].series == self.series]
        told = [f"{title} was also drawn on another series, which was not used"] if 0 < len(native) < len(files) else []
        files = native or files
        made: dict[int, tuple[Mask, list[str]]] = {}

        def mask(position: int) -> Mask:
            if position not in made:
                made[position] = self._in_file(files[position], names)
            return made[position][0]

        versions = [self.drawn[number].drawing.version for number in files]
        choice = choose_version(title, versions, mask, merge=self.merge)
        whole = np.logical_or.reduce([mask(position) for position in choice.numbers])
        told += [note for position in choice.numbers for note in made[position][1]]
        files_of_label = self.sources.setdefault(label, {})
        for position in choice.numbers:
            files_of_label[files[position]] = described_version(versions[position])
        rejected = [versions[position] for position in choice.numbers if versions[position].is_rejected]
        if rejected:
            told.append(f"{title}: the file is marked as rejected")
        return whole, [*told, *([choice.note] if choice.note else [])]

    def _in_file(self, number: int, names: Sequence[str]) -> tuple[Mask, list[str]]:
        """The voxels of some regions of one file."""
        whole, notes = np.zeros(self.series.stack.shape, bool), list[str]()
        each = self.drawn[number]
        for name in names:
            if number in self._files(name):
                make = partial(region_mask, each.drawing, name, each.series, self.series, self.handling)
                mask, told = named(name, make)
                whole |= mask
                notes += told
        return whole, notes

    def _files(self, name: str) -> list[int]:
        """Positions of the files in which something is drawn in a region."""
        return [
            number
            for number, each in enumerate(self.drawn)
            if name in each.drawing.names and not each.drawing.is_blank(name)
        ]

    def _absence(self, region: Region, chosen: Sequence[str], names: Sequence[str]) -> str:
        """Say that an optional label is absent; refuse the case if it is not optional."""
        if not chosen:
            what = f"no ROI matches {region.wanted}; available ROIs: {available(names)}"
        else:
            what = f"{', '.join(chosen)}: the ROI has no contours"
        if not region.is_optional:
            raise UserError(f'{what}; if patients may lack it, add optional=["{region.label}"]')
        reason = "listed, but nothing is drawn in it" if chosen else "no such region"
        return f"{region.label} is absent: {reason}"
