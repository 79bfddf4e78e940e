"""What goes to the dead letters: the original message, with headers that say what was wrong with it.

The names are Kafka Connect's, so that its tools read them too.
"""

from __future__ import annotations

import traceback
from typing import Final

from headwater.errors import HeadwaterError
from streams.logic.event import Messages
from streams.runtime.gate import Incoming
from topics.chainlog.headers import Headers

STREAM: Final = "dead-letters"
_PREFIX: Final = "__connect.errors."
# A header must not push the message over the topic's limit.
_LONGEST: Final = 16_384


def dead_letters(messages: tuple[Incoming, ...], stage: str, error: BaseException) -> tuple[Messages, ...]:
    """The dead letters of one event, one a part, each with its original bytes and key."""
    return tuple(
        Messages(STREAM, [message.key or b""], [message.value], error_headers(message, stage, error))
        for message in messages
    )


def error_headers(message: Incoming, stage: str, error: BaseException) -> Headers:
    """Where the message was, which stage gave it up, and why; its own headers follow as they were."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    trace = "".join(traceback.format_exception(error))
    said = {
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
        "connector.name": "headwater",
        "stage": stage,
        "class.name": name,
        "exception.class.name": name,
        "exception.message": error.message if isinstance(error, HeadwaterError) else str(error),
        "exception.stacktrace": trace,
    }
    headers = [(_PREFIX + key, value.encode()[:_LONGEST]) for key, value in said.items()]
    return (*headers, *message.headers)
