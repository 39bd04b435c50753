"""Check zip archives before they are unpacked, and unpack them."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnunet_cscn.errors import UserError
from nnunet_cscn.texts import escape_controls

LARGEST_RATIO = 100  # unpacked size to packed size; weights are below 2, text is below 20
SMALL_ENOUGH = 10 * 2**20  # unpacked bytes; the ratio of smaller archives is not checked
MOST_MEMBERS = 100_000
LONGEST_NAME = 255  # bytes of each part of a path; the limit of file systems

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER = 30  # bytes, without name and extra field


def opened(file: Path) -> zipfile.ZipFile:
    """Open an archive.

    Raises:
        UserError: When it does not exist or is not a complete zip archive.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: give a zip of a trained model")
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as fault:
        raise UserError(f"{file} is not a whole zip archive ({fault}): copy or download it again") from None


def problems_of(archive: zipfile.ZipFile) -> list[str]:
    """Return the reasons not to unpack an archive. Nothing is unpacked for this check.

    Args:
        archive: The archive.

    Returns:
        Sentences with the names of the members; an empty list if there is no reason.
    """
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        return [f"the archive has {len(members)} members: at most {MOST_MEMBERS} are unpacked"]
    found = [f"{escape_controls(member.filename)} {fault}" for member in members for fault in _faults(member)]
    return found + list(_repeated(members)) + list(_bombs(members))


def unpack(archive: zipfile.ZipFile, names: Sequence[str], folder: Path) -> None:
    """Unpack members of an archive without problems.

    Args:
        archive: The archive.
        names: Names of the members, without folders.
        folder: An empty folder.

    Raises:
        UserError: When a member is damaged, or the disk is too small.
    """
    wanted = [archive.getinfo(name) for name in names]
    needed, free = sum(member.file_size for member in wanted), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{folder.parent} has {free / 1e9:.1f} GB free, the model needs {needed / 1e9:.1f} GB")
    for member in wanted:
        target = folder / member.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(member) as source, target.open("xb") as out:
                shutil.copyfileobj(source, out, 2**20)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
            raise UserError(
                f"{escape_controls(member.filename)} is damaged ({fault}): copy or download the archive again"
            ) from None


def _faults(member: zipfile.ZipInfo) -> Iterator[str]:
    name = member.filename
    parts = name.removesuffix("/").split("/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/") or (len(parts[0]) == 2 and parts[0][1] == ":"):
        yield "has an absolute path"
    elif any(part in ("..", ".", "") for part in parts) or "\\" in name:
        yield "has a path that leads elsewhere"
    if any(not letter.isprintable() for letter in name):
        yield "has control characters in its name"
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
        yield "has a name that is too long"
    if kind == stat.S_IFLNK:
        yield "is a link"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield "is neither a file nor a folder"
    if member.flag_bits & 1:
        yield "is encrypted"
    elif member.compress_type not in _COMPRESSIONS:
        yield "is packed in a way that nnU-Net does not use"


def _repeated(members: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    files, folders = set[str](), set[str]()
    for member in members:
        name = member.filename.removesuffix("/")
        if name in files or (name in folders and not member.is_dir()):
            yield f"{escape_controls(name)} is there twice"
        if not member.is_dir():
            files.add(name)
        inside = name if member.is_dir() else name.rpartition("/")[0]
        while inside and inside not in folders:
            folders.add(inside)
            inside = inside.rpartition("/")[0]
    yield from (f"{escape_controls(name)} is a file and a folder" for name in sorted(files & folders))


def _bombs(members: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    packed, unpacked = sum(member.compress_size for member in members), sum(member.file_size for member in members)
    if unpacked > SMALL_ENOUGH and unpacked > LARGEST_RATIO * packed:
        yield f"the archive would grow from {packed / 1e6:.1f} MB to {unpacked / 1e6:.0f} MB, as no model does"
    end, before = 0, ""
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            names = escape_controls(f"{member.filename} lies inside {before}")
            yield f"{names}: one part would be unpacked many times"
        end, before = member.header_offset + _LOCAL_HEADER + member.compress_size, member.filename
