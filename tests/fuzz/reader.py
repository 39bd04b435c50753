"""One input for one reader: damage a file of its seed, read, and judge the outcome."""

from __future__ import annotations

import contextlib
import io
import random
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fuzz.mutations.by_name import damaged
from fuzz.mutations.chance import Mutation
from nnunet_cscn.errors import UserError

Outcome = Literal["read", "refused", "finding"]

Oracle = Literal["none", "checksum", "always"]


@dataclass(frozen=True)
class Reader:
    """A reader with its seed.

    Attributes:
        name: Its name.
        write: Writes the undamaged files into an empty folder. ``python -m`` and the tests call it once.
        read: Reads them through the public function; a list of problems that it returns is raised as a UserError.
        oracle: When the result must be that of the undamaged files, or a refusal: ``none``: any content may be right.
            ``checksum``: where checksums inside the file were left as they were. ``always``: whatever was changed.
        fragile: Part of the names of the files to damage; all by default.
        mutate: Damages a file.
        share: Share of the usual number of inputs, for slow readers.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    oracle: Oracle = "none"
    fragile: str = ""
    mutate: Callable[[str, bytes, random.Random], Mutation] = damaged
    share: float = 1.0


@dataclass(frozen=True)
class Judged:
    """The outcome of one input.

    Attributes:
        outcome: What happened.
        how: What was done to which file.
        detail: The message of the refusal, or the end of the traceback.
    """

    outcome: Outcome
    how: str
    detail: str = ""


class Campaign:
    """The inputs of one reader, in a folder with its seed.

    Args:
        reader: The reader.
        folder: An empty folder.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader = reader
        self._folder = folder
        folder.mkdir(exist_ok=True)
        with _quiet():
            reader.write(folder)
            self._seed = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
            self._expected = reader.read(folder)
        self._restore()

    def run(self, seed: int, number: int) -> Judged:
        """Damage, read and judge input ``number`` of a seed."""
        chance = random.Random(f"{seed} {self.reader.name} {number}")
        files = [path for path in self._seed if self.reader.fragile in path.as_posix()]
        file = chance.choice(files)
        mutation = self.reader.mutate(file.name, self._seed[file], chance)
        how = f"{file.relative_to(self._folder)}: {mutation.how}"
        file.write_bytes(mutation.content)
        try:
            with _quiet():
                found = self.reader.read(self._folder)
        except UserError as refusal:
            return Judged("refused", how, str(refusal))
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            return Judged("finding", how, "".join(traceback.format_exception(fault)[-8:]))
        finally:
            self._restore()
        is_judged = self.reader.oracle == "always" or (self.reader.oracle == "checksum" and mutation.breaks_checksums)
        if is_judged and found != self._expected:
            return Judged("finding", how, f"silently another result: {found!r:.300}")
        return Judged("read", how)

    def _restore(self) -> None:
        """Bring back the undamaged files, and remove what the reader has written."""
        for path in self._folder.rglob("*"):
            if path.is_file() and path not in self._seed:
                path.unlink()
        for path, content in self._seed.items():
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


@contextlib.contextmanager
def _quiet() -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
