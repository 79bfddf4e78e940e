"""A check on a cluster, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from confluent_kafka import Consumer

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.fold import StreamCheck
from audit.stream_check.algebra.fronts import Fronts
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import Partition, Record
from audit.stream_check.decode import STREAMS, Decoder, Raw
from audit.stream_check.height import Seen, time_of
from audit.stream_check.offsets import Offsets
from audit.stream_check.positions import Beginning, beginning
from audit.stream_check.reading import Reader
from audit.stream_check.run import Run
from audit.stream_check.states.check import StateCheck
from audit.stream_check.states.decode import states
from audit.stream_check.states.record import STATES, StateRecord
from headwater import clock, kafka
from headwater.settings import Settings
from schemas import StreamReader
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.coverage import BLOCKS
from topics.partitions import partitions_of

_SAMPLE: Final = 5
READ: Final = (*STREAMS, STATES)
"""The streams whose topics are read."""


class Session:
    """`run` drives `check`. `to_read` and `has_read` count offsets."""

    def __init__(
        self,
        settings: Settings,
        check: StreamCheck,
        report: Callable[[Finding], object],
        offsets: Offsets,
        begin: Beginning,
        last: int | None,
        state_check: StateCheck,
    ) -> None:
        self.check = check
        self.progress: Callable[[], object] = lambda: None
        topics = {stream: topic_name(settings, stream) for stream in READ}
        registry = Registry(settings)
        self._decoder = Decoder({topic: stream for stream, topic in topics.items()}, registry.reader)
        self._states_reader = registry.reader(STATES)
        partitions = [*begin.start_offsets]
        self._began = time.monotonic()
        self._start = sum(begin.start_offsets.values())
        self.to_read = sum(offsets.end_offsets(partitions).values()) - self._start
        self._reader = Reader(settings, topics, begin.start_offsets)
        self.run = Run(
            check,
            self._reader,
            partial(offsets.end_offsets, partitions),
            self._decode,
            report,
            now_ms=clock.now_ms,
            progress=self._report_progress,
            last=last,
            states=state_check,
        )

    @property
    def has_read(self) -> int:
        """Offsets passed so far."""
        return self._reader.read - self._start

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Leave the brokers."""
        self._reader.close()

    def _decode(self, stream: str, messages: Sequence[Raw]) -> Iterator[Record | StateRecord | Finding]:
        if stream == STATES:
            return states(self._states_reader, messages)
        return self._decoder.records(stream, messages)

    def _report_progress(self) -> None:
        # Whoever shows it comes and goes while the check runs.
        self.progress()


def opened(
    settings: Settings,
    report: Callable[[Finding], object],
    *,
    since_ms: int | None,
    first: int | None = None,
    last: int | None = None,
    depth: int,
    at_once: bool = False,
) -> Session:
    """A check of what was published since a time, or of the blocks from `first` on; of all without either.

    Raises Fatal when a topic is not there or the brokers reject us, Transient when they, or the registry, do
    not answer.
    """
    topics = {stream: topic_name(settings, stream) for stream in READ}
    client = kafka.reader(settings)
    try:
        counts = {stream: len(partitions_of(settings, client, topic)) for stream, topic in topics.items()}
        if first is not None:
            reader = Registry(settings).reader(BLOCKS)
            number = partition_of(b"%d" % first, counts[BLOCKS])
            since_ms = time_of(_Blocks(client, topics[BLOCKS], number, reader), first)
    finally:
        client.close()
    partitions: list[Partition] = [(stream, n) for stream, count in counts.items() for n in range(count)]
    offsets = Offsets(settings, topics)
    begin = beginning(
        offsets, partitions, since_ms=since_ms, now_ms=clock.now_ms(), first=first or 0, last=last
    )
    check = StreamCheck(
        counts, report, fronts=Fronts(begin.fronts), asked=begin.asked, depth=depth, at_once=at_once
    )
    state_check = StateCheck(counts[STATES], report, check.tally, asked=begin.asked, at_once=at_once)
    check.follower = state_check
    return Session(settings, check, report, offsets, begin, last, state_check)


class _Blocks:
    """A partition of `blocks`, looked into here and there."""

    def __init__(self, client: Consumer, topic: str, partition: int, reader: StreamReader) -> None:
        self._client = client
        self._topic = topic
        self._partition = partition
        self._reader = reader
        self.low, self.high = kafka.watermarks(client, topic, partition)

    def some(self, offset: int) -> Sequence[Seen]:
        """Up to five messages from an offset on."""
        found: list[Seen] = []
        messages = kafka.read_range(self._client, self._topic, offset, self.high, self._partition)
        for message in islice(messages, _SAMPLE):
            value = message.value()
            if value is not None:
                (number,) = self._reader.columns([value], ("block_number",))["block_number"]
                found.append(Seen(int(str(number)), message.timestamp()[1]))
        return found
