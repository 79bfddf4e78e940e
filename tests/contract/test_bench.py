"""`make bench` runs every benchmark that there is."""

from __future__ import annotations

import ast

from bench.__main__ import PARTS
from tests.paths import ROOT


def test_every_module_with_rows_is_a_part() -> None:
    found = {
        path.stem
        for path in (ROOT / "bench").glob("*.py")
        if any(
            isinstance(each, ast.FunctionDef) and each.name == "rows"
            for each in ast.parse(path.read_text("utf-8")).body
        )
    }
    assert found == set(PARTS)
    assert len(PARTS) == len(found)
