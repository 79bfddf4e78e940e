"""What a log line says of a message that an event of a chain caused, whichever process reads or writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from headwater.digits import decimal
from topics.chainlog.headers import SEQUENCE, TRACEPARENT

Text = str | bytes | None
GivenHeaders = Mapping[str, Text] | Iterable[tuple[str, Text]] | None

# W3C Trace Context, version 00: version, trace id, parent id, flags.
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")


class KafkaMessage(Protocol):
    """The part of confluent-kafka's Message that is told."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def headers(self) -> GivenHeaders: ...


def message_fields(stage: str, message: KafkaMessage, messages: int | None = None) -> Mapping[str, object]:
    """`fields` of a message of confluent-kafka."""
    place = message.topic(), message.partition(), message.offset()
    return fields(stage, *place, message.headers(), messages)


def fields(
    stage: str,
    topic: str | None,
    partition: int | None,
    offset: int | None,
    headers: GivenHeaders,
    messages: int | None = None,
) -> Mapping[str, object]:
    """For `headwater.logging.about`: where a message is, and of which event and block, by its headers.

    `stage` is who handles it, as in headwater_dead_letters_total. Of a batch it is the first message, and
    `messages` how many there are. None stands for what the headers do not
    say, or say in no way that can be read: they may be a stranger's.
    """
    given = dict(headers or ())
    trace = _TRACEPARENT.match(_ascii(given.get(TRACEPARENT)))
    return {
        "stage": stage,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "sequence": decimal(given.get(SEQUENCE)),
        "trace_id": None if trace is None else trace.group(1),
        "messages": messages,
    }


def _ascii(text: Text) -> str:
    return text.decode("ascii", "replace") if isinstance(text, bytes) else text or ""
