"""Where a stage starts to read: which claim is in force there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.settings import load_settings
from streams.runtime.assembler import Incoming, Start
from streams.runtime.input import claim_at
from tests.builders.stage_events import envelope, value_of
from topics.chainlog.kinds import EventKind

STREAM = "raw-blocks"


@dataclass
class Raw:
    """A message as librdkafka gives it."""

    at: int
    content: bytes

    def topic(self) -> str:
        return "raw"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> None: ...

    def value(self) -> bytes:
        return self.content

    def headers(self) -> None: ...


class Reader:
    def close(self) -> None: ...


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Raw]:
    """raw-blocks from offset 50 on."""
    log: list[Raw] = []

    def read_range(_: object, __: str, start: int, end: int, ___: int) -> Iterator[Raw]:
        return (each for each in log if start <= each.at < end)

    monkeypatch.setattr("headwater.kafka.reader", lambda *_, **__: Reader())
    monkeypatch.setattr("headwater.kafka.watermarks", lambda *_: (50, 50 + len(log)))
    monkeypatch.setattr("headwater.kafka.read_range", read_range)
    return log


def test_a_claim_that_only_fenced_is_found_before_the_first_message(topic: list[Raw], tmp_path: Path) -> None:
    """Its number was taken, so the output has no trace of it, and its offset was committed."""
    settings = load_settings({"data_dir": str(tmp_path)}, environ={})
    claims = {50: EventKind.CLAIM, 60: EventKind.CLAIM}
    for offset in range(50, 61):
        kind = claims.get(offset, EventKind.APPLY)
        claim = -1 if kind is EventKind.CLAIM else 50
        topic.append(Raw(offset, value_of(envelope(offset, claim=claim, kind=kind), STREAM)))
    written = Start(last=59, claim=50, position=60)
    assert claim_at(settings, written, STREAM, Incoming("raw", 0, 60, None, None, ())) == 50
    assert claim_at(settings, written, STREAM, Incoming("raw", 0, 61, None, None, ())) == 60
    assert claim_at(settings, Start(), STREAM, Incoming("raw", 0, 55, None, None, ())) == 50
    assert claim_at(settings, Start(), STREAM, Incoming("raw", 0, 50, None, None, ())) is None
