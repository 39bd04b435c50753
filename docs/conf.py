"""How the documentation site is built: `make docs`, then open docs/_build/index.html."""

from __future__ import annotations

from pathlib import Path

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
html_theme = "furo"
html_title = f"nnunet-cscn {release}"

myst_heading_anchors = 4  # links to headings, as on a code hosting site
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True


def _write_command_line() -> None:
    """Write the help texts of all commands as a page, anew for every build."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="cscn", title="Command line")
    Path(__file__).with_name("reference").joinpath("command_line.md").write_text(text, encoding="utf-8")


_write_command_line()
