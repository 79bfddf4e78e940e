"""`headwater sql`: NULL is written NULL, where it is one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from headwater.cli import sql
from headwater.cli.sql import readable

NULL = "ᴺᵁᴸᴸ"


class Answering:
    """A client with one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def raw_query(self, query: str, fmt: str) -> bytes:
        return orjson.dumps(self._answer)


def test_a_table_says_null_and_leaves_text_that_looks_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    meta = [
        {"name": "a", "type": "Nullable(UInt64)"},
        {"name": "b", "type": "LowCardinality(Nullable(String))"},
        {"name": "c", "type": "String"},
    ]
    answer = {"meta": meta, "data": [[NULL, NULL, NULL]], "rows": 1, "statistics": {"elapsed": 0.1}}
    sql._show(Answering(answer), "SELECT")  # type: ignore[arg-type]
    *_, row = capsys.readouterr().out.rstrip().splitlines()
    assert row.split() == ["NULL", "NULL", NULL]


@pytest.mark.parametrize(
    ("format", "readably"),
    [("PrettyCompact", True), ("Vertical", True), ("JSONCompactStrings", True), ("CSV", False), ("", False)],
)
def test_formats_for_people_say_null(format: str, readably: bool) -> None:
    given = f"| {NULL} |".encode()
    assert readable(given, format) == (b"| NULL |" if readably else given)
