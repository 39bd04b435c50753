"""The exceptions that end a command with one sentence, and how such a sentence lists what there is."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake of the user's, told in one sentence that names the remedy.

    Commands print the sentence and exit with status 2; under nnU-Net's own commands it is the exception that is seen.
    """


class ArgumentError(UserError):
    """A wrong value of one argument of a function; commands show the argument's option in place of its name.

    A sentence that names a further argument writes it as Python does, ``add overwrite=True`` or
    ``add optional=["GTVn"]``. Commands show the option there too.

    Attributes:
        argument: The argument's name.
        reason: What was expected, and what came.

    Example:
        >>> str(ArgumentError("dataset_id", "expected a number from 1 to 999, got 1000"))
        'dataset_id: expected a number from 1 to 999, got 1000'
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(argument, reason)  # both, so that it travels between processes
        self.argument = argument
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.argument}: {self.reason}"


class CommandFailed(RuntimeError):  # noqa: N818  it is what happened
    """A command that we started failed, told in one sentence that names its log; exit status 1."""


def there_is(names: list[str]) -> str:
    """Return the end of a sentence about a name that was not found: those that there are.

    Example:
        >>> there_is(["2d", "3d_fullres"])
        'available: 2d, 3d_fullres'
        >>> there_is([])
        'available: none'
    """
    return f"available: {', '.join(names) or 'none'}"
