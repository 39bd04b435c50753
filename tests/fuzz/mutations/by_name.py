"""Damage a file as its name suggests; an archive is damaged member by member."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from fuzz.mutations.arrays import damaged_arrays
from fuzz.mutations.chance import Chance, Mutation
from fuzz.mutations.dicom import damaged_dicom
from fuzz.mutations.nifti import damaged_nifti
from fuzz.mutations.raw_bytes import damaged_bytes
from fuzz.mutations.text import damaged_header, damaged_json, damaged_table


def damaged(name: str, content: bytes, chance: Chance) -> Mutation:
    """Return a damaged copy of a file's content, by the ending of its name."""
    choices: list[Callable[[bytes, Chance], Mutation]] = [damaged_bytes]
    for endings, mutators in _BY_ENDING:
        if name.endswith(endings):
            choices = [*mutators, *mutators, damaged_bytes]
            break
    return chance.choice(choices)(content, chance)


def damaged_archive(content: bytes, chance: Chance) -> Mutation:
    """Damage a member of a zip archive, or remove, rename or repeat it; the archive's own checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError):
        return damaged_bytes(content, chance)
    name = chance.choice(list(members))
    how = chance.choice(("content", "content", "content", "remove", "rename", "extra"))
    if how == "content":
        inner = damaged(name, members[name], chance)
        members[name], how = inner.content, inner.how
    elif how == "remove":
        del members[name]
    elif how == "rename":
        renamed = chance.choice(("a", "../a.json", f"{name}/x", name.upper(), f"x{name}"))
        members = {renamed if each == name else each: value for each, value in members.items()}
    else:
        members[chance.choice((f"{name}.json", "run.sh", "é.json"))] = members[name]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for each, value in members.items():
            archive.writestr(each, value)
    return Mutation(out.getvalue(), f"archive: {how} in {name}", breaks_checksums=False)


_BY_ENDING: tuple[tuple[tuple[str, ...], tuple[Callable[[bytes, Chance], Mutation], ...]], ...] = (
    ((".json", ".submitted", ".outcome"), (damaged_json,)),
    ((".csv",), (damaged_table,)),
    ((".nii.gz", ".nii"), (damaged_nifti,)),
    ((".nrrd", ".mha"), (damaged_header,)),
    ((".npz",), (damaged_arrays, damaged_archive)),
    ((".pth", ".zip"), (damaged_archive,)),
    ((".dcm",), (damaged_dicom,)),
)
