"""The kinds of events are those of the Avro enum in every schema that has it, number by number."""

from __future__ import annotations

import pytest

from schemas import schema_of
from topics.chainlog.kinds import EventKind


@pytest.mark.parametrize("stream", ["raw-blocks", "normalized-blocks", "enriched-blocks"])
def test_they_are_the_symbols_of_the_schema_in_order(stream: str) -> None:
    (enum,) = [field["type"] for field in schema_of(stream)["fields"] if field["name"] == "event"]
    assert enum["name"] == "EventKind"
    assert [kind.name for kind in EventKind] == enum["symbols"]
    assert [kind.value for kind in EventKind] == list(range(len(enum["symbols"])))
    assert enum["default"] == EventKind.UNKNOWN.name
