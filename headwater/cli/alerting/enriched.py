"""enriched-blocks as Kafka still has it: blocks and all that happened to them, as the alert stage read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater import kafka
from headwater.errors import Fatal
from headwater.settings import Settings
from schemas import MalformedRecord
from schemas.reader import StreamReader
from schemas.registry import Registry
from streams.logic.event import ChainEvent
from streams.runtime.assembler import EventAssembler, Incoming, Start
from streams.runtime.input import incoming
from topics.catalog import topic_name
from topics.chainlog.claims import Verdict
from topics.chainlog.envelope import Envelope, read_envelope
from topics.chainlog.kinds import EventKind

STREAM: Final = "enriched-blocks"
LOOK_BACK: Final = 1_024
"""Messages before the place of the first block that are read too: heights go back where a chain forks."""


class EnrichedLog:
    """Its calls raise Transient without Kafka, Fatal where a message is missing.

    `unread`: messages of which not even the envelope can be read; the stage made dead letters of them.
    """

    def __init__(self, settings: Settings) -> None:
        self.topic = topic_name(settings, STREAM)
        self.reader: StreamReader = Registry(settings).reader(STREAM)
        self.unread = 0
        self._client = kafka.reader(settings, isolation="read_uncommitted")

    def close(self) -> None:
        """Leave the brokers."""
        self._client.close()

    def events(self, first: int, last: int) -> Iterator[ChainEvent]:
        """What the log says from the first APPLY of `first` or a later block on.

        Up to the event that makes `last` final; as far as the log goes while it is not.
        """
        low, end = kafka.watermarks(self._client, self.topic)
        start = max(low, self._offset_of(first, low, end) - LOOK_BACK)
        begun, self.unread = False, 0
        for event in self._whole(start, end):
            number = event.envelope.block_number
            if number is None:
                continue
            begun = begun or (event.envelope.event is EventKind.APPLY and number >= first)
            if begun:
                yield event
            if event.envelope.event is EventKind.FINALIZED and number >= last:
                return

    def _offset_of(self, number: int, low: int, end: int) -> int:
        """Roughly where the block of that height is, by bisection."""
        while low < end:
            middle = (low + end) // 2
            applied = (
                each
                for _, each in self._messages(middle, end)
                if each.event is EventKind.APPLY and each.block_number is not None
            )
            found = next(applied, None)
            if found is None or (found.block_number or 0) >= number:
                end = middle
            else:
                low = middle + 1
        return low

    def _whole(self, start: int, end: int) -> Iterator[ChainEvent]:
        assembler = EventAssembler(Start(), fenced=False)
        for message, envelope in self._messages(start, end):
            verdict, event = assembler.judge(envelope, message)
            if event is not None:
                yield event
            elif verdict is Verdict.GAP and assembler.last is not None:
                raise Fatal(
                    f"{self.topic} has event {envelope.sequence} at offset {message.offset} behind event "
                    f"{assembler.last}: what is between them is missing",
                    remedy="begin behind it, or ask ClickHouse",
                )

    def _messages(self, start: int, end: int) -> Iterator[tuple[Incoming, Envelope]]:
        for raw in kafka.read_range(self._client, self.topic, start, end):
            message = incoming(raw)
            try:
                yield message, read_envelope(message.value or b"", STREAM)
            except MalformedRecord:
                self.unread += 1
