"""Where several questions are asked of the nodes at once, none of them outlives one that fails."""

from __future__ import annotations

import ast

from tests.paths import ROOT


def test_whatever_the_listener_asks_at_once_ends_at_once() -> None:
    """`asyncio.gather` leaves others under way when one fails; here it only awaits what was cancelled."""
    own = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "connectors" / "evm").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "gather"
        and "return_exceptions" not in {each.arg for each in node.keywords}
    ]
    assert own == [], "use headwater.at_once.all_of"
