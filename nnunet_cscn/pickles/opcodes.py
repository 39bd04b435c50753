"""Walk through the instructions of a pickle and note what it would import and call; nothing is built or run."""

from __future__ import annotations

import pickletools
from collections.abc import Collection
from typing import Any

LARGEST = 64 * 2**20  # bytes of instructions; those of a checkpoint are some 100 kB, as its tensors are stored apart

_MARK = object()
_PLAIN = object()  # a number, a truth value, None
_OTHER = object()  # everything else
_PLAIN_TYPES = frozenset(("int", "int_or_bool", "bool", "float", "None"))


class DamagedPickle(ValueError):  # noqa: N818  it is what was found
    """The instructions are no whole pickle."""


def foreign_to(allowed: Collection[str], pickle: bytes) -> list[str]:
    """Return what a pickle would use that is not allowed, in the order of its instructions.

    Each call that a pickle can make is of something that it has imported by name, so what it imports says what it may
    run. Keys of dictionaries have to be plain, as those that are nested deep can keep a reader busy for years.

    Args:
        allowed: Full names of functions and classes that are known, such as ``collections.OrderedDict``.
        pickle: The instructions.

    Returns:
        Full names such as ``os.system``, each once; or words where there is no name.

    Raises:
        DamagedPickle: When the instructions are not whole, or larger than those of any checkpoint.

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
    """What stands on the stack and in the memo: texts as they are, of all else the kind."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def follow(self, opcode: Any, argument: Any) -> None:
        """Take the effect of an instruction."""
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
        """Take from the stack what an instruction uses, the mark left out."""
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
            self.found.append(".".join(popped) if has_names else "something whose name it works out")
        elif name in ("EXT1", "EXT2", "EXT4"):
            self.found.append(f"extension {argument} of this Python")
        elif name in ("SETITEM", "SETITEMS", "DICT"):
            items = popped if name == "DICT" else popped[1:]
            if not all(isinstance(key, str) or key is _PLAIN for key in items[::2]):
                self.found.append("a dictionary key that is neither text nor a number")


def _kind(kind: Any, argument: Any) -> Any:
    if kind.name == "mark":
        return _MARK
    if isinstance(argument, str) and kind.name in ("str", "bytes_or_str"):
        return argument
    return _PLAIN if kind.name in _PLAIN_TYPES else _OTHER
