"""What a writer relies on where it sends dead letters: subclasses say where."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import pytest

from connectors.clickhouse.sink.messages import Bad
from connectors.clickhouse.sink.writer import DeadLetterWriter
from headwater.errors import Permanent
from tests.fakes.kafka import FakeMessage


class Letter(NamedTuple):
    """A dead letter: where its message stood, its bytes, and what was wrong with it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    problem: str


class Box(Protocol):
    """Where dead letters go, empty at first; `letters` are those that are there for whoever looks."""

    @property
    def writer(self) -> DeadLetterWriter: ...

    def letters(self) -> list[Letter]: ...


FIRST = Bad(FakeMessage("logs", 2, 7, b"\xff\x00", b"key"), Permanent("it ends early"))
SECOND = Bad(FakeMessage("blocks", 0, 3, b"{}", None), Permanent("no record"))
LETTERS = [
    Letter("blocks", 0, 3, None, b"{}", "no record"),
    Letter("logs", 2, 7, b"key", b"\xff\x00", "it ends early"),
]


class DeadLettersContract:
    """Tests of DeadLetterWriter."""

    @pytest.fixture
    def box(self) -> Box:
        raise AssertionError("the subclass says which box")

    def test_what_was_sent_is_there_when_it_returns_with_its_place_and_bytes(self, box: Box) -> None:
        box.writer.send([FIRST])
        assert box.letters() == LETTERS[1:]
        box.writer.send([SECOND])
        assert sorted(box.letters()) == LETTERS

    def test_what_is_sent_again_is_there_once_more_and_nothing_else_is(self, box: Box) -> None:
        box.writer.send([FIRST, SECOND])
        box.writer.send([FIRST])
        assert sorted(box.letters()) == [LETTERS[0], LETTERS[1], LETTERS[1]]
