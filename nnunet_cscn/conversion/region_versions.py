"""Choose between files that contain the same region of the same image."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cscn.dicom.drawing import Version
from nnunet_cscn.errors import UserError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """The files that were chosen.

    Attributes:
        numbers: Their positions among the files; several where their regions are parts to be joined.
        note: What was chosen out of what; empty for a single file.
    """

    numbers: tuple[int, ...]
    note: str


def choose_version(
    name: str, versions: Sequence[Version], mask: Callable[[int], Mask], *, merge: bool = False
) -> Choice:
    """Choose among files that hold a region of the same name: the approved one, else the newest.

    Args:
        name: The region, for texts.
        versions: Date and state of each file.
        mask: Returns the region's voxels in the file of a position; called only where there are several files.
        merge: Whether regions without a common voxel, which are no versions of each other, are joined.

    Raises:
        UserError: When approved files contradict each other, files are of the same date but different, or regions have
            no voxel in common and are not to be joined.

    Example:
        >>> draft, final = Version("20260102", "", "UNAPPROVED"), Version("20260109", "", "APPROVED")
        >>> choose_version("GTVp", [final, draft], lambda number: np.ones(2, bool)).numbers
        (0,)
    """
    if len(versions) == 1:
        return Choice((0,), "")
    best = _best(versions)
    masks = {best: mask(best)} | _usable_masks(mask, [number for number in range(len(versions)) if number != best])
    if len(masks) == len(versions) and all(np.array_equal(masks[best], other) for other in masks.values()):
        return Choice((best,), f"{name} is the same in {len(versions)} files; one of them was used")
    if len(masks) > 1 and not _share_voxels(list(masks.values())):
        if merge:
            n_others = len(versions) - len(masks)
            rest = f"; {n_others} more cannot be filled" if n_others else ""
            return Choice(tuple(sorted(masks)), f"{name} was joined from {len(masks)} files{rest}")
        raise UserError(
            f"{name} is in {len(versions)} files of the same images, which have no voxel in common: add merge=True to "
            "join them"
        )
    rivals = [
        number
        for number in _candidates(versions)
        if (versions[number].is_approved or versions[number].moment == versions[best].moment)
        and (number not in masks or not np.array_equal(masks[number], masks[best]))
    ]
    if rivals:
        why = "are approved and differ" if versions[best].is_approved else "have the same date and differ"
        raise UserError(
            f"{name}: {len(rivals) + 1} files of the same images {why} "
            f"({', '.join(described_version(versions[number]) for number in (best, *rivals))}): keep the right one only"
        )
    others = ", ".join(described_version(version) for number, version in enumerate(versions) if number != best)
    return Choice(
        (best,), f"{name} is in {len(versions)} files: used {described_version(versions[best])}, not {others}"
    )


def _candidates(versions: Sequence[Version]) -> list[int]:
    """Those that may count: the approved ones, else those that nobody rejected, else all."""
    for is_wanted in (lambda version: version.is_approved, lambda version: not version.is_rejected, lambda _: True):
        if found := [number for number, version in enumerate(versions) if is_wanted(version)]:
            return found
    return []


def _usable_masks(mask: Callable[[int], Mask], numbers: Sequence[int]) -> dict[int, Mask]:
    """The regions of versions that do not count; one that cannot be filled is no reason to refuse the one that does."""
    masks = {}
    for number in numbers:
        with contextlib.suppress(UserError):
            masks[number] = mask(number)
    return masks


def _best(versions: Sequence[Version]) -> int:
    return max(_candidates(versions), key=lambda number: versions[number].moment)


def _share_voxels(masks: Sequence[Mask]) -> bool:
    """Whether any two of some masks have a voxel in common."""
    counts = np.sum([mask.astype(np.uint8) for mask in masks], axis=0)
    return bool(counts.max(initial=0) > 1)


def described_version(version: Version) -> str:
    """Return the date and state of a version, for a sentence."""
    date = version.date or "without a date"
    clock = version.time.split(".")[0]
    return " ".join(filter(None, ("that of", date, clock, version.state or "without a state")))
