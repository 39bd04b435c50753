"""The manifest of an exported model: its description, versions, and the hashes of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.sharing.layout import MANIFEST

FORMAT = 1


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_manifest(model: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest for all files in a model folder."""
    files = sorted(file for file in model.rglob("*") if file.is_file())
    hashes = {file.relative_to(model).as_posix(): sha256(file) for file in files}
    write_json(model / MANIFEST, {"format": FORMAT, **content, "files": hashes}, allow_nan=True)


def read_manifest(model: Path) -> dict[str, Any] | None:
    """Return the manifest of a model; None if there is none, as in exports of nnU-Net.

    Raises:
        UserError: When it is damaged, or has an unknown format.
    """
    file = model / MANIFEST
    if not file.is_file():
        return None
    content = read_json_file(file)
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise UserError(f"{file} is not a manifest of a model: get the model again")
    if content.get("format") != FORMAT:
        raise UserError(f"{file} has the format {content.get('format')!r}: this version of nnunet-cscn reads {FORMAT}")
    return content


def differences(model: Path, manifest: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Compare the files of a model with its manifest.

    Returns:
        Sentences about missing and changed files, and the names of files that are not in the manifest.
    """
    listed: Mapping[str, str] = manifest["files"]
    present = {file.relative_to(model).as_posix() for file in model.rglob("*") if file.is_file()}
    wrong = [f"{name} is missing" for name in sorted(listed.keys() - present)]
    same: Sequence[str] = sorted(listed.keys() & present)
    wrong += [
        f"{name} is not the file of the manifest: its hash differs" for name in same if _differs(model, listed, name)
    ]
    return wrong, sorted(present - listed.keys() - {MANIFEST})


def _differs(model: Path, listed: Mapping[str, str], name: str) -> bool:
    return sha256(model / name) != listed[name]
