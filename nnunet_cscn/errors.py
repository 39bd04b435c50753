"""Exceptions whose message is one sentence for the user."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake of the user. The message is one sentence with the remedy.

    The ``cscn`` commands print the message and exit with status 2. nnU-Net's own commands show the exception with its
    traceback.
    """


class ArgumentError(UserError):
    """A wrong value of a function argument.

    The ``cscn`` commands show the option, such as ``--dataset-id``, instead of the name of the argument. If the message
    mentions another argument in Python syntax, such as ``add overwrite=True``, ``add nan=0`` or ``add
    optional=["GTVn"]``, they replace it too.

    Attributes:
        argument: Name of the argument.
        reason: The expected value and the actual value.

    Example:
        >>> str(ArgumentError("dataset_id", "expected a number from 1 to 999, got 1000"))
        'dataset_id: expected a number from 1 to 999, got 1000'
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(argument, reason)  # both arguments, so that the exception can be pickled
        self.argument = argument
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.argument}: {self.reason}"


class CommandFailed(RuntimeError):  # noqa: N818  the name says what happened
    """A command that this package started has failed. The message names its log file. The exit status is 1."""


class DiskFull(CommandFailed):
    """A command that this package started has found no room on a disk. The exit status is 2."""


def available_names(names: list[str]) -> str:
    """Return the last part of an error message about an unknown name: the list of available names.

    Example:
        >>> available_names(["2d", "3d_fullres"])
        'available: 2d, 3d_fullres'
        >>> available_names([])
        'available: none'
    """
    return f"available: {', '.join(names) or 'none'}"
