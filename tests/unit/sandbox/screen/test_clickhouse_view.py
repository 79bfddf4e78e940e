"""The screen outlives whatever ClickHouse answers."""

from __future__ import annotations

import http.client
from types import SimpleNamespace

import pytest

from headwater.settings import ClickHouseSettings
from sandbox.screen.clickhouse_view import Tables

WHOLE = b'{"meta": [{"name": "name"}, {"name": "total_rows"}], "data": [["blocks", "3"]]}'


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, WHOLE, {"blocks": 3}),
        (200, WHOLE + b"\nCode: 243. DB::Exception: Cannot reserve 1.00 MiB", {}),
        (200, WHOLE[:40] + b"Code: 241. DB::Exception: memory limit exceeded", {}),
        (500, b"Code: 60. DB::Exception: no such table", {}),
    ],
    ids=["whole", "breaks off behind it", "breaks off within it", "refused"],
)
def test_an_answer_that_breaks_off_is_none(
    status: int, body: bytes, found: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk ended the whole local stack: 200 was sent before the rows that could not be read."""

    class Connection:
        def __init__(self, *_: object, **__: object) -> None: ...

        def request(self, *_: object) -> None: ...

        def getresponse(self) -> object:
            return SimpleNamespace(status=status, read=lambda size: body)

        def close(self) -> None: ...

    monkeypatch.setattr(http.client, "HTTPConnection", Connection)
    rows = Tables(ClickHouseSettings(), 1).look().rows
    assert rows == found
