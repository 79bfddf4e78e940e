"""Every stand-in is held to the contract that the real one passes, or is listed with the reason why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.fakes import WITHOUT_CONTRACT
from tests.paths import ROOT


def classes(path: Path) -> Iterator[ast.ClassDef]:
    yield from (
        each for each in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(each, ast.ClassDef)
    )


def has_contract(path: Path) -> bool:
    """Whether a module has a case of a contract: a test class that inherits one."""
    return any(
        isinstance(base, ast.Name) and base.id.endswith("Contract")
        for each in classes(path)
        for base in each.bases
    )


def test_every_stand_in_passes_a_contract_or_says_why_not() -> None:
    defined = {
        f"{path.stem}.{each.name}"
        for path in sorted((ROOT / "tests/fakes").glob("*.py"))
        for each in classes(path)
        if not each.name.startswith("_")
    } | {
        f"{path.stem}.{each.name}"
        for path in sorted((ROOT / "tests/unit").rglob("*.py"))
        for each in classes(path)
        if each.name.startswith("Fake")
    }
    held = {
        f"{node.module.removeprefix('tests.fakes.')}.{alias.name}"
        for path in sorted((ROOT / "tests/contract").glob("test_*.py"))
        if has_contract(path)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.fakes.")
        for alias in node.names
    }
    assert sorted(defined - held - WITHOUT_CONTRACT.keys()) == []
    assert sorted(WITHOUT_CONTRACT.keys() - (defined - held)) == [], (
        "listed, and is not there or has a contract"
    )


def test_every_contract_is_passed_by_two_at_least() -> None:
    """A contract that only a stand-in, or only the real one, passes says nothing of the other."""
    contracts = {
        each.name
        for path in (ROOT / "tests/contract").rglob("*.py")
        for each in classes(path)
        if each.name.endswith("Contract")
    }
    cases: dict[str, list[str]] = {name: [] for name in contracts}
    for folder in ("contract", "integration"):
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            for each in classes(path):
                for base in each.bases:
                    if isinstance(base, ast.Name) and base.id in cases:
                        cases[base.id].append(each.name)
    assert {name: found for name, found in sorted(cases.items()) if len(found) < 2} == {}
