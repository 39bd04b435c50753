"""The exceptions that end a command with one sentence, and how such a sentence lists what there is."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake of the user's, told in one sentence that names the remedy.

    Commands print the sentence and exit with status 2; under nnU-Net's own commands it is the exception that is seen.
    """


class ArgumentError(UserError):
    """An argument that is wrong: commands name it as their option, and Python users read its name.

    Args:
        argument: The argument's name.
        reason: What is wrong with it, and what to do.

    Example:
        >>> str(ArgumentError("device", "expected cuda, cpu or mps, got gpu"))
        'device: expected cuda, cpu or mps, got gpu'
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument
        self.reason = reason


class CommandFailed(RuntimeError):  # noqa: N818  it is what happened
    """A command that we started failed, told in one sentence that names its log; exit status 1."""


def there_is(names: list[str]) -> str:
    """Return the end of a sentence about a name that was not found: those that there are.

    Example:
        >>> there_is(["2d", "3d_fullres"])
        'there is 2d, 3d_fullres'
        >>> there_is([])
        'there is none'
    """
    return f"there is {', '.join(names)}" if names else "there is none"
