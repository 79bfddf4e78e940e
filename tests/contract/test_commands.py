"""Every command is in the one list, explains itself down to its own commands, and is in the documents."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
import typer
from typer.testing import CliRunner

from headwater import cli
from headwater.cli import COMMANDS, build, module_of
from headwater.cli.extras import COMMANDS as NEED_LOCAL
from tests.paths import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))


def test_every_module_with_a_command_is_in_the_list() -> None:
    modules = [each.name for each in pkgutil.iter_modules(cli.__path__)]
    found = {
        f"headwater.cli.{name}"
        for name in modules
        if hasattr(importlib.import_module(f"headwater.cli.{name}"), "app")
    }
    assert found == set(map(module_of, COMMANDS))
    assert set(COMMANDS) >= NEED_LOCAL


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_and_its_own_commands(name: str) -> None:
    command = typer.main.get_command(importlib.import_module(module_of(name)).app)
    assert COMMANDS[name].partition(":")[0][:20] in _help(name)
    for own in getattr(command, "commands", ()):
        _help(name, own)


def _help(*words: str) -> str:
    """What `headwater … --help` prints, in one line; asserts that it has a text after the usage."""
    done = CliRunner().invoke(build(words), [*words, "--help"])
    assert done.exit_code == 0, done.output
    usage, _, text = done.output.strip().partition("\n\n")
    assert " ".join(words) in usage
    assert re.match(r" +[A-Z]", text), f"{' '.join(words)} has no help text"
    return " ".join(text.split())


def test_every_command_is_named_in_the_documents() -> None:
    named = {
        name for page in PAGES for name in re.findall(r"\bheadwater ([a-z-]+)\b", page.read_text("utf-8"))
    }
    assert set(COMMANDS) - named == set()
