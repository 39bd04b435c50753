"""A command whose usage line leaves out hidden arguments, such as those of earlier versions."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class PlainUsageCommand(TyperCommand):
    """A command whose hidden arguments do not appear in ``Usage: ...``. Typer hides them in the table only."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        for parameter in self.params:
            if parameter.param_type_name == "argument" and getattr(parameter, "hidden", False):
                for piece in parameter.get_usage_pieces(ctx):
                    pieces.remove(piece)
        return pieces
