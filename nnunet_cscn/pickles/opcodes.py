"""Read the instructions of a pickle and list what it would import. Nothing is loaded or run."""

from __future__ import annotations

import pickletools
from collections.abc import Collection
from typing import Any

LARGEST = 8 * 2**20  # bytes of instructions; a checkpoint has about 100 kB, because tensors are stored separately
LARGEST_KEY = 2**60  # of a dictionary; Python gives larger numbers the same hash, and a million of them take hours

_MARK = object()
_PLAIN = object()  # a number, a truth value, None
_OTHER = object()  # everything else
_PLAIN_TYPES = frozenset(("int", "int_or_bool", "bool", "float", "None"))


class DamagedPickle(ValueError):  # noqa: N818
    """The pickle is not complete."""


def foreign_to(allowed: Collection[str], pickle: bytes) -> list[str]:
    """Return the names in a pickle that are not allowed, in their order.

    A pickle can only call what it imports by name, so the imported names show what it can run. Dictionary keys must be
    text or numbers below 2**60, because computing the hash of a deeply nested key, or comparing many large numbers with
    the same hash, can take years.

    Args:
        allowed: Full names of the allowed functions and classes, such as ``collections.OrderedDict``.
        pickle: The content of the pickle.

    Returns:
        Full names such as ``os.system``, each once; a description if there is no name.

    Raises:
        DamagedPickle: When the pickle is not complete, or larger than ``LARGEST``.

    Example:
        >>> foreign_to((), b"cos\\nsystem\\n(S'true'\\ntR.")
        ['os.system']
        >>> foreign_to((), b"}X\\x01\\x00\\x00\\x00aK\\x01s.")
        []
    """
    if len(pickle) > LARGEST:
        raise DamagedPickle(f"{len(pickle)} bytes of instructions")
    walk = _Walk()
    try:
        for opcode, argument, _ in pickletools.genops(pickle):
            walk.follow(opcode, argument)
    except (ValueError, IndexError, KeyError, UnicodeError, OverflowError) as fault:
        raise DamagedPickle(str(fault)) from None
    return [name for name in dict.fromkeys(walk.found) if name not in allowed]


class _Walk:
    """The stack and the memo of a pickle: text as it is, of everything else only the kind."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def follow(self, opcode: Any, argument: Any) -> None:
        """Apply an instruction to the stack and the memo."""
        name: str = opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        else:
            popped = self._popped(opcode)
            self._note(name, argument, popped)
            for kind in opcode.stack_after:
                self._stack.append(_kind(kind, argument))

    def _popped(self, opcode: Any) -> list[Any]:
        """Remove the operands of an instruction from the stack and return them without the mark."""
        wanted = [kind.name for kind in opcode.stack_before]
        count, popped = len(wanted), []
        if "mark" in wanted or (opcode.name == "POP" and self._stack and self._stack[-1] is _MARK):
            while (top := self._stack.pop()) is not _MARK:
                popped.append(top)
            count = wanted.index("mark") if "mark" in wanted else 0
        return [self._stack.pop() for _ in range(count)][::-1] + popped[::-1]

    def _note(self, name: str, argument: Any, popped: list[Any]) -> None:
        if name in ("GLOBAL", "INST"):
            self.found.append(".".join(argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            has_names = all(isinstance(part, str) for part in popped)
            self.found.append(".".join(popped) if has_names else "code whose name is computed")
        elif name in ("EXT1", "EXT2", "EXT4"):
            self.found.append(f"extension {argument} of this Python")
        elif name in ("SETITEM", "SETITEMS", "DICT"):
            items = popped if name == "DICT" else popped[1:]
            if not all(isinstance(key, str) or key is _PLAIN for key in items[::2]):
                self.found.append("a dictionary key that is not text or a small number")


def _kind(kind: Any, argument: Any) -> Any:
    if kind.name == "mark":
        return _MARK
    if isinstance(argument, str) and kind.name in ("str", "bytes_or_str"):
        return argument
    if isinstance(argument, int) and abs(argument) > LARGEST_KEY:
        return _OTHER
    return _PLAIN if kind.name in _PLAIN_TYPES else _OTHER
