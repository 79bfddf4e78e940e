"""enriched-blocks read from where a block is: found by bisection, whole events alone, nothing passed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headwater.cli.alerting.enriched import LOOK_BACK, EnrichedLog
from headwater.errors import Fatal
from headwater.settings import Settings
from tests.builders.alerts import content, envelope, value
from topics.chainlog.kinds import EventKind

K = EventKind
LOW = 700
"""Retention took what was below."""


class Stored:
    """A message of the topic, as librdkafka gives it."""

    def __init__(self, offset: int, raw: bytes) -> None:
        self._offset, self._raw = offset, raw

    def topic(self) -> str:
        return "enriched"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"1"

    def value(self) -> bytes:
        return self._raw

    def headers(self) -> list[tuple[str, bytes]]:
        return []


class Topic:
    """In place of the brokers: messages from offset LOW on. `read` counts them."""

    def __init__(self, values: list[bytes]) -> None:
        self._values = values
        self.read = 0

    def watermarks(self, client: object, topic: str) -> tuple[int, int]:
        return LOW, LOW + len(self._values)

    def read_range(self, client: object, topic: str, start: int, end: int) -> Iterator[Stored]:
        for offset in range(start, end):
            self.read += 1
            yield Stored(offset, self._values[offset - LOW])


def _log(values: list[bytes], monkeypatch: pytest.MonkeyPatch) -> tuple[EnrichedLog, Topic]:
    topic = Topic(values)
    monkeypatch.setattr("headwater.cli.alerting.enriched.kafka.watermarks", topic.watermarks)
    monkeypatch.setattr("headwater.cli.alerting.enriched.kafka.read_range", topic.read_range)
    monkeypatch.setattr("headwater.cli.alerting.enriched.kafka.reader", lambda *_, **__: None)
    return EnrichedLog(Settings()), topic


def _event(sequence: int, number: int, kind: EventKind = K.APPLY, **body: Any) -> bytes:
    return value(envelope(kind, sequence, number), body or (content() if kind is K.APPLY else {}))


def _seen(log: EnrichedLog, first: int, last: int) -> list[tuple[EventKind, int | None]]:
    return [(each.envelope.event, each.envelope.block_number) for each in log.events(first, last)]


def test_it_begins_with_the_first_block_and_ends_when_the_last_is_final(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = [_event(number, number) for number in range(5_000)]
    after = [
        _event(5_000, 4_999, K.REVERT),
        _event(5_001, 4_950, K.FINALIZED),
        _event(5_002, 4_999),
        _event(5_003, 5_000),
    ]
    log, topic = _log(blocks + after, monkeypatch)
    seen = _seen(log, 4_900, 4_940)
    assert seen[0] == (K.APPLY, 4_900)
    assert seen[-2:] == [(K.REVERT, 4_999), (K.FINALIZED, 4_950)]
    assert topic.read < LOOK_BACK + 200
    assert _seen(log, 4_990, 9_999)[-2:] == [(K.APPLY, 4_999), (K.APPLY, 5_000)]


def test_a_block_that_joined_again_behind_a_fork_is_read_from_its_first_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fork = [_event(30 - number, number, K.REVERT) for number in range(19, 9, -1)]
    again = [_event(21 + number - 10, number) for number in range(10, 20)]
    log, _ = _log([*(_event(number, number) for number in range(1, 20)), *fork, *again], monkeypatch)
    assert [number for kind, number in _seen(log, 12, 14)][:3] == [12, 13, 14]


def test_what_retention_took_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = _log([_event(number, number) for number in range(90, 100)], monkeypatch)
    assert _seen(log, 0, 99)[0] == (K.APPLY, 90)


def test_what_cannot_be_read_is_counted_and_what_is_missing_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = _log([_event(1, 1), b"\x00\x00", _event(2, 2)], monkeypatch)
    assert _seen(log, 1, 9) == [(K.APPLY, 1), (K.APPLY, 2)]
    assert log.unread == 1
    log, _ = _log([_event(1, 1), _event(3, 3)], monkeypatch)
    with pytest.raises(Fatal, match="what is between them is missing"):
        _seen(log, 1, 9)
