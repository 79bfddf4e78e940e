"""The headers of a dead letter: where the message was, who gave it up, and why. The only list of them.

The names are Kafka Connect's, so that its tools read them too. The message's own headers stay beside them.
"""

from __future__ import annotations

import traceback
from typing import Final

from headwater.redaction import redact
from topics.chainlog.headers import Headers

STREAM: Final = "dead-letters"
PREFIX: Final = "__connect.errors."
TOPIC: Final = f"{PREFIX}topic"
PARTITION: Final = f"{PREFIX}partition"
OFFSET: Final = f"{PREFIX}offset"
CONNECTOR: Final = f"{PREFIX}connector.name"
STAGE: Final = f"{PREFIX}stage"
CLASS: Final = f"{PREFIX}class.name"
EXCEPTION_CLASS: Final = f"{PREFIX}exception.class.name"
EXCEPTION_MESSAGE: Final = f"{PREFIX}exception.message"
STACKTRACE: Final = f"{PREFIX}exception.stacktrace"
# A header must not push the message over the topic's limit.
_LONGEST: Final = 16_384


def error_headers(topic: str, partition: int, offset: int, stage: str, error: BaseException) -> Headers:
    """The headers of one message's dead letter, each value without secrets and cut at 16 KiB.

    A remedy is told too.
    """
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    values = {
        TOPIC: topic,
        PARTITION: str(partition),
        OFFSET: str(offset),
        CONNECTOR: "headwater",
        STAGE: stage,
        CLASS: name,
        EXCEPTION_CLASS: name,
        EXCEPTION_MESSAGE: str(error),
        STACKTRACE: "".join(traceback.format_exception(error)),
    }
    return tuple((name, redact(value).encode()[:_LONGEST]) for name, value in values.items())
