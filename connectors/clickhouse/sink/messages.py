"""What the parts of the sink hand to each other: messages, places in the log, batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Final, NamedTuple, Protocol

from headwater.errors import Permanent
from topics.groups import SINK

STAGE: Final = SINK
"""What the sink calls itself where stages are told apart: dead letters, metrics, log lines."""


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


Assignments = Mapping[Partition, int]
"""Each partition that a process holds, with the number of its assignment: another one when it comes back."""


class Message(Protocol):
    """The part of confluent-kafka's Message that the sink uses."""

    def __len__(self) -> int: ...  # bytes of the value
    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...
    def timestamp(self) -> tuple[int, int]: ...


# Mapped over whole batches in C: a loop in Python over messages would cost more than reading it.
_PARTITION: Final[Callable[[Message], int]] = methodcaller("partition")
_OFFSET: Final[Callable[[Message], int]] = methodcaller("offset")
TOPIC: Final[Callable[[Message], str]] = methodcaller("topic")
VALUE: Final[Callable[[Message], bytes | None]] = methodcaller("value")


@dataclass(frozen=True, slots=True)
class Bad:
    """A message that cannot become a row, and why."""

    message: Message
    error: Permanent


def partition_of(message: Message) -> Partition:
    """The partition that a message came from."""
    return Partition(message.topic(), message.partition())


def next_offsets(messages: Sequence[Message]) -> dict[Partition, int]:
    """The offset after the last message of each partition, for messages of one topic in order."""
    if not messages:
        return {}
    topic = messages[0].topic()
    last = dict(zip(map(_PARTITION, messages), map(_OFFSET, messages), strict=True))
    return {Partition(topic, number): offset + 1 for number, offset in last.items()}


def first_of_each(messages: Sequence[Message]) -> dict[Partition, Message]:
    """The first message of each partition, for messages of one topic in order."""
    if not messages:
        return {}
    topic = messages[0].topic()
    # The last of a key holds: backwards, that is the first.
    first = dict(zip(map(_PARTITION, reversed(messages)), reversed(messages), strict=True))
    return {Partition(topic, number): message for number, message in first.items()}


def present(messages: Sequence[Message]) -> Sequence[Message]:
    """Without tombstones: they have no content that could be a row."""
    if None not in map(VALUE, messages):
        return messages
    return [message for message in messages if message.value() is not None]
