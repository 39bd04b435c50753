"""The commands, links and paths of the documentation exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from nnunet_cscn.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if page.name != "command_line.md" and "_build" not in page.parts  # the build of the site writes these
)
COMMAND = typer.main.get_command(app)


def relative(page):
    return str(page.relative_to(ROOT))


def commands_of_blocks(text):
    """The lines of the code blocks that start with ``cscn``, without comments."""
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"\w+=\S*", words[0]):  # variables for this command
                del words[0]
            if words[:1] == ["cscn"]:
                yield words[1:]


def commands_of_help(command):
    for line in re.findall(r"^Example: cscn (.+(?:\n(?!Example)\S.*)?)$", command.help or "", flags=re.MULTILINE):
        yield shlex.split(line)
    for child in getattr(command, "commands", {}).values():
        yield from commands_of_help(child)


def parse(words):
    """Parse the words as the command line does, and run nothing."""
    command, rest, context = COMMAND, list(words), None
    while hasattr(command, "commands"):
        context = command.make_context(command.name, [], parent=context, resilient_parsing=True)
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_command_line_accepts_every_command_of_a_page(page):
    for words in commands_of_blocks(page.read_text(encoding="utf-8")):
        try:
            parse(words)
        except typer.Exit:  # an option such as --definitions, which prints and ends
            continue
        except Exception as refusal:
            pytest.fail(f"{relative(page)}: cscn {shlex.join(words)}: {refusal or type(refusal).__name__}")


def test_the_command_line_accepts_the_examples_of_the_help_texts():
    examples = list(commands_of_help(COMMAND))
    assert len(examples) > 30
    for words in examples:
        parse(words)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_and_paths_of_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    assert not [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    paths = re.findall(r"`((?:nnunet_cscn|trainers|tests|benchmarks|dataset_conversion)/[\w./-]+\.(?:py|md))`", text)
    paths += re.findall(r"^python (\S+\.py)", text, flags=re.MULTILINE)
    assert not [path for path in paths if not (ROOT / path).exists()]
