"""Which chain a node is on is asked and read in one place, `connectors/evm/rpc/chain_id.py`."""

from __future__ import annotations

import ast
from pathlib import Path

from connectors.evm.rpc.chain_id import METHOD
from tests.paths import ROOT

ONE_PLACE = "connectors/evm/rpc/chain_id.py"
OTHERS = {
    "sandbox/node/methods.py": "the recorded node answers it, beside all methods that a node has",
    "sandbox/node/plan/play.py": "a rule of the recorded node says which methods it damages",
}
"""Modules that name the method all the same, and why: none of them asks a node."""


def names_it(path: Path) -> bool:
    """Whether a text of the module is the method's name; prose may mention it."""
    return any(
        isinstance(node, ast.Constant) and node.value in (METHOD, METHOD.encode())
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_nobody_else_names_the_method() -> None:
    packages = sorted(path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
    assert len(packages) >= 8
    naming = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in package.rglob("*.py")
        if names_it(path)
    }
    assert naming == {ONE_PLACE, *OTHERS}
