"""Records as rules see them, of what the stages publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from schemas import HEADER_SIZE, codec_for
from streams.logic.alerts.cel import ScalarType
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules import fields_of


def rule_records(match: Match, stream: str, values: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One for each message value."""
    integers = {name for name, type_ in fields_of(match).items() if type_.kind is ScalarType.INT}
    for value in values:
        record = codec_for(stream).read(value, HEADER_SIZE)
        yield {name: _seen(each, name in integers) for name, each in record.items()}


def _seen(value: Any, integer: bool) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list):
        return [_seen(each, integer) for each in value]
    return int(value) if integer and isinstance(value, str) else value
