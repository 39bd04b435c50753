"""A document of headings, sentences, tables and pictures, as Markdown and as one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        headings: Its columns.
        rows: Its rows, each as long as the headings.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        name: Its file's name, beside the Markdown.
        caption: What it shows.
        png: Its content.
    """

    name: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Code:
    """Commands, one a line."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: tuple[str, ...]


Block = str | Table | Picture | Code | Bullets


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it."""

    heading: str
    blocks: tuple[Block, ...]


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return a document as Markdown; its pictures are files beside it.

    Example:
        >>> print(as_markdown("Model", [Section("Data", ("12 cases.", Table(("a", "b"), (("1", "x|y"),))))]))
        # Model
        <BLANKLINE>
        ## Data
        <BLANKLINE>
        12 cases.
        <BLANKLINE>
        | a | b |
        |---|---|
        | 1 | x\\|y |
        <BLANKLINE>
    """
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.heading}")
        parts += [_markdown_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def as_html(title: str, sections: Sequence[Section]) -> str:
    """Return a document as one HTML file that needs nothing from outside."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_PAGE).render(
        title=title,
        sections=[(section.heading, [_html_block(block) for block in section.blocks]) for section in sections],
    )


def _markdown_block(block: Block) -> str:
    if isinstance(block, Table):
        lines = [block.headings, ("---",) * len(block.headings), *block.rows]
        return "\n".join(
            ("|" + "|".join(row) + "|") if index == 1 else "| " + " | ".join(map(_cell, row)) + " |"
            for index, row in enumerate(lines)
        )
    if isinstance(block, Picture):
        return f"![{block.caption}]({block.name})"
    if isinstance(block, Code):
        return f"```\n{block.text}\n```"
    if isinstance(block, Bullets):
        return "\n".join(f"* {line}" for line in block.lines)
    return block


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _html_block(block: Block) -> dict[str, object]:
    if isinstance(block, Table):
        return {"kind": "table", "headings": block.headings, "rows": block.rows}
    if isinstance(block, Picture):
        return {"kind": "picture", "caption": block.caption, "data": base64.b64encode(block.png).decode("ascii")}
    if isinstance(block, Code):
        return {"kind": "code", "text": block.text}
    if isinstance(block, Bullets):
        return {"kind": "bullets", "lines": block.lines}
    return {"kind": "text", "text": block}


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #27313d; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #e6e9ee; vertical-align: top; }
pre { background: #f4f6f8; padding: 0.8rem; overflow-x: auto; } img { max-width: 100%; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for heading, blocks in sections %}
<h2>{{ heading }}</h2>
{% for block in blocks %}
{% if block.kind == "table" %}
<table>
<thead><tr>{% for text in block.headings %}<th>{{ text }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>{% for text in row %}<td>{{ text }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
{% elif block.kind == "picture" %}
<img alt="{{ block.caption }}" src="data:image/png;base64,{{ block.data }}">
{% elif block.kind == "code" %}
<pre>{{ block.text }}</pre>
{% elif block.kind == "bullets" %}
<ul>{% for line in block.lines %}<li>{{ line }}</li>{% endfor %}</ul>
{% else %}
<p>{{ block.text }}</p>
{% endif %}
{% endfor %}
{% endfor %}
</body>
</html>
"""
