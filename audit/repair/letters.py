"""Dead letters as they stand on their topic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from headwater.digits import decimal
from topics import dead_letters
from topics.chainlog.headers import SEQUENCE

HEAD_BYTES: Final = 2_048
"""What is kept of the original value: all that says which block it is of stands at its beginning."""


@dataclass(frozen=True, slots=True)
class TopicPosition:
    """Where a message stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter at its `position`; `failed_at` is the broker's time in milliseconds.

    `original` is where the message stood, None when no header says it; `headers` are the message's own,
    `head` its value's beginning, None for a tombstone.
    """

    position: TopicPosition
    failed_at: int
    stage: str
    error_class: str
    error: str
    original: TopicPosition | None
    headers: Mapping[str, bytes]
    head: bytes | None

    @property
    def sequence(self) -> int | None:
        """The number of the event that caused the message, None when no header says it."""
        return decimal(self.headers.get(SEQUENCE))


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are wanted; None wants all. Times are milliseconds, `until` is not included."""

    reason: re.Pattern[str] | None = None
    topic: str | None = None
    stage: str | None = None
    since: int | None = None
    until: int | None = None

    def __call__(self, letter: Letter) -> bool:
        """True when the letter is wanted."""
        return (
            (self.reason is None or bool(self.reason.search(f"{letter.error_class}: {letter.error}")))
            and (self.topic is None or (letter.original is not None and letter.original.topic == self.topic))
            and self.stage in (None, letter.stage)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
        )


def letter_of(message: Message) -> Letter:
    """The letter that a message of dead-letters is. What its headers do not say is empty or None."""
    headers = {
        name: value.encode() if isinstance(value, str) else value or b""
        for name, value in dict(message.headers() or ()).items()
    }

    def text(name: str) -> str:
        return headers.get(name, b"").decode(errors="replace")

    partition = decimal(headers.get(dead_letters.PARTITION), 31)
    offset = decimal(headers.get(dead_letters.OFFSET))
    known = partition is not None and offset is not None and text(dead_letters.TOPIC)
    value = message.value()
    return Letter(
        position=TopicPosition(message.topic() or "", message.partition() or 0, message.offset() or 0),
        failed_at=max(message.timestamp()[1], 0),
        stage=text(dead_letters.STAGE),
        error_class=text(dead_letters.EXCEPTION_CLASS),
        error=text(dead_letters.EXCEPTION_MESSAGE),
        original=TopicPosition(text(dead_letters.TOPIC), partition or 0, offset or 0) if known else None,
        headers={name: each for name, each in headers.items() if not name.startswith(dead_letters.PREFIX)},
        head=None if value is None else value[:HEAD_BYTES],
    )


def without_copies(letters: Iterable[Letter]) -> list[Letter]:
    """The newest letter of each message and stage, in the order of the topic: delivery is at least once."""
    newest: dict[object, Letter] = {}
    for letter in letters:
        key = letter.position if letter.original is None else (letter.original, letter.stage)
        newest.pop(key, None)
        newest[key] = letter
    return list(newest.values())
