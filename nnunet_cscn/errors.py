"""The one exception that stands for a user's mistake."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake of the user's, told in one sentence that names the remedy.

    Commands print the sentence and exit with status 2; under nnU-Net's own commands it is the exception that is seen.
    """


class CommandFailed(RuntimeError):  # noqa: N818  it is what happened
    """A command that we started failed, told in one sentence that names its log; exit status 1."""
