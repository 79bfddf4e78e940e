"""The tests' own order: no test imports another, and unit tests stand where their subject does."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import headwater.cli
from headwater.cli import COMMANDS, module_of
from tests.paths import ROOT


def imports(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports, and of what it takes from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_imports_another_test() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in imports(path)
        if name.startswith("tests.")
        and any(part.startswith("test_") or part == "conftest" for part in name.split(".")[1:-1])
    ]
    assert wrong == []


def test_unit_tests_mirror_the_tree() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests" / "unit") for path in (ROOT / "tests/unit").rglob("test_*.py")
    }
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder).is_dir()] == []


def test_no_top_level_folder_holds_a_third_of_the_lines() -> None:
    """Tests are not counted: they mirror the tree, and are as many as all the code."""
    lines = {
        folder.parent.name: sum(path.read_text("utf-8").count("\n") for path in folder.parent.rglob("*.py"))
        for folder in ROOT.glob("*/__init__.py")
        if folder.parent.name != "tests"
    }
    assert len(lines) >= 8
    assert {name: count for name, count in lines.items() if count * 3 >= sum(lines.values())} == {}


def test_every_command_is_listed_and_documented() -> None:
    modules = [each.name for each in pkgutil.iter_modules(headwater.cli.__path__)]
    with_app = {name for name in modules if hasattr(importlib.import_module(f"headwater.cli.{name}"), "app")}
    assert {f"headwater.cli.{name}" for name in with_app} == set(map(module_of, COMMANDS))
    pages = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    documents = "".join(path.read_text() for path in pages)
    assert [name for name in COMMANDS if f"headwater {name}" not in documents] == []


def test_every_metric_is_counted_somewhere() -> None:
    lines = "".join(
        path.read_text()
        for folder in ("connectors", "streams", "headwater", "audit")
        for path in (ROOT / folder).rglob("*.py")
        if "metrics" not in path.parts
    )
    names = [
        target.id
        for path in sorted((ROOT / "headwater" / "metrics").glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert len(names) > 20
    assert [name for name in names if name not in lines] == []


def test_every_decision_is_in_the_index_under_its_own_number() -> None:
    decisions = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [name.partition("-")[0] for name in decisions]
    assert numbers == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    assert [name for name in decisions if f"]({name})" not in index] == []


def test_import_contracts_name_everything_under_headwater() -> None:
    """One that is left out may import whatever it likes, and lint says nothing."""
    below = {f"headwater.{each.name}" for each in pkgutil.iter_modules(headwater.__path__)}
    below -= {"headwater.cli", "headwater.__main__"}
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    named = {each["name"]: each.get("layers", each.get("source_modules")) for each in linter["contracts"]}
    for name in ("Layers", "Only the command line knows the local stack"):
        listed = {module for line in named[name] for module in line.split(" | ")}
        assert below - listed == set(), name


def packages() -> Iterator[Path]:
    """Every package of the product and of `bench`."""
    for top in ("headwater", "schemas", "topics", "streams", "connectors", "audit", "sandbox", "bench"):
        yield from sorted(each.parent for each in (ROOT / top).rglob("__init__.py"))


def modules(package: Path) -> Iterator[str]:
    """Names of what is in a package: modules, and packages that have some."""
    yield from (each.stem for each in package.glob("*.py") if not each.stem.startswith("__"))
    yield from (each.parent.name for each in package.glob("*/__init__.py"))


def test_a_package_says_in_which_order_all_of_it_is_read() -> None:
    wrong = {}
    for package in packages():
        docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
        names = {name.removesuffix("/") for name in re.findall(r"`([\w/]+)`", docstring)}
        missing = sorted(set(modules(package)) - names)
        begins = "Read it in this order:" in " ".join(docstring.split())
        if missing or (not begins and any(modules(package))):
            wrong[str(package.relative_to(ROOT))] = missing or "no order"
    assert wrong == {}
