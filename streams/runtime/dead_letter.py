"""What goes to the dead letters: the original message, with headers that say what was wrong with it."""

from __future__ import annotations

from streams.logic.event import Messages
from streams.runtime.assembler import Incoming
from topics.dead_letters import STREAM, error_headers


def dead_letters(messages: tuple[Incoming, ...], stage: str, error: BaseException) -> tuple[Messages, ...]:
    """The dead letters of one event, one for each part, with its original bytes, key and headers."""
    return tuple(
        Messages(
            STREAM,
            [each.key or b""],
            [each.value],
            (*error_headers(each.topic, each.partition, each.offset, stage, error), *each.headers),
        )
        for each in messages
    )
