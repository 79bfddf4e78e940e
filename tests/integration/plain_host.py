"""A host for stages that is not Faust: a loop over a plain consumer, and a table in a dictionary."""

from __future__ import annotations

import threading

from confluent_kafka import Consumer, Producer, TopicPartition

from headwater import kafka as clients
from headwater.settings import Settings
from streams.agents import stage_context, stage_spec
from streams.runtime.assembler import Incoming
from streams.runtime.assignment import take_over
from streams.runtime.batch import BatchHandler
from streams.runtime.input import incoming
from streams.runtime.output import StageOutput
from topics.catalog import app_id, changelog_name, topic_name
from topics.groups import Group

Change = tuple[bytes, bytes | None]


class PlainHost:
    """One life of a group's stage, from its committed offset and its changelog on."""

    def __init__(self, settings: Settings, group: Group) -> None:
        self._settings, self._group = settings, group
        self._context = stage_context(settings, group)
        self._stage = stage_spec(group.name).build(self._context)
        self._consumer: Consumer = clients.consumer(settings, app_id(settings, group.name))
        self._consumer.subscribe([topic_name(settings, group.input)])
        self._changelog: Producer = clients.producer(settings)
        entries = dict(changes(settings, group)) if group.table is not None else {}
        self._table = {key: value for key, value in entries.items() if value is not None}
        self._stop = threading.Event()
        self._output = StageOutput(settings, group.name, 0, self._stop)
        self._handler: BatchHandler | None = None

    def run(self, end: int, *, at_once: int, commits: bool = True) -> None:
        """Handle the messages below an offset, `at_once` at a time; those of whole events are committed."""
        offset = 0
        while offset < end:
            read = [incoming(each) for each in self._consumer.consume(at_once, 10) if each.error() is None]
            assert read, f"nothing came for 10 s before offset {end}"
            batch = [each for each in read if each.offset < end]
            handler = self._handle(batch)
            offset = batch[-1].offset + 1
            if commits and not handler.assembler.parts_held:
                done = TopicPartition(batch[-1].topic, batch[-1].partition, offset)
                self._consumer.commit(offsets=[done], asynchronous=False)

    def close(self) -> None:
        """Leave the group."""
        self._output.close()
        self._consumer.close()

    def _handle(self, batch: list[Incoming]) -> BatchHandler:
        handler = self._handler
        if handler is None:
            self._output.open()
            handler = self._handler = take_over(
                self._context, self._stage, self._table, self._output, batch[0], self._stop
            )
        result = handler.handle(batch)
        assert result.gap is None
        for key, value in result.table:
            self._changelog.produce(changelog_name(self._settings, self._group), value, key, partition=0)
        assert self._changelog.flush(30) == 0
        handler.count(result.events)
        return handler


def changes(settings: Settings, group: Group) -> list[Change]:
    """Every entry of the changelog of a group's table, in order; None deletes."""
    reader = clients.reader(settings)
    try:
        topic = changelog_name(settings, group)
        low, high = clients.watermarks(reader, topic)
        read = [incoming(each) for each in clients.read_range(reader, topic, low, high)]
        return [(each.key or b"", each.value) for each in read]
    finally:
        reader.close()
