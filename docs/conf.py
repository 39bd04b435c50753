"""How the documentation site is built: `make docs`, then open docs/_build/index.html."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from nnunet_cscn import __version__
from nnunet_cscn.cli.main import app

project = "nnunet-cscn"
author = "The nnunet-cscn authors"
copyright = author
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
highlight_language = "bash"  # code blocks without a language
smartquotes = False  # they would make one long dash of the two dashes of an option
html_theme = "furo"
html_title = f"nnunet-cscn {release}"

myst_heading_anchors = 4  # links to headings, as on a code hosting site
autodoc_typehints = "description"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
autodoc_member_order = "bysource"
napoleon_google_docstring = True


def _keep_whole_sentences(command: Any) -> None:
    """List each command with the whole first paragraph of its help text, which is cut off otherwise."""
    for child in getattr(command, "commands", {}).values():
        child.short_help = " ".join((child.help or "").split("\n\n")[0].split())
        _keep_whole_sentences(child)


def _write_command_line() -> None:
    """Write the help texts of all commands as a page, anew for every build."""
    command = get_command(app)
    _keep_whole_sentences(command)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="cscn", title="Command line")
    text = re.sub(r"^Example: (.+(?:\n(?!Example|\*)\S.*)?)$", r"Example:\n\n```\n\1\n```\n", text, flags=re.MULTILINE)
    Path(__file__).with_name("reference").joinpath("command_line.md").write_text(text, encoding="utf-8")


_write_command_line()
