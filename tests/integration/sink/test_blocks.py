"""The sink on real Kafka, registry and ClickHouse engine: blocks come and leave whole."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from datetime import datetime

from connectors.clickhouse.client import Client
from connectors.clickhouse.migrations.template import view_database
from headwater.settings import Settings
from schemas import codec_for
from tests.integration.sink_chain import Block, Publisher
from tests.integration.sinks import Sinks, rows_of, shown, until, visible


def test_blocks_appear_with_all_their_rows_and_leave(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    process = sinks.start()
    old = [Block(1), Block(2), Block(3)]
    publisher.apply(*old)
    until(sinks, lambda: visible(client, settings) == shown(*old), "the blocks do not appear")
    assert rows_of(client, settings, *old) == {
        stream: 3 * number for stream, number in Block(1).counts().items()
    }
    new = [Block(2, salt=1), Block(3, salt=1), Block(4, salt=1)]
    publisher.fork(old[1:], new)
    until(sinks, lambda: visible(client, settings) == shown(old[0], *new), "the fork is not followed")
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(15) == 0, sinks.log()
    assert time.monotonic() - started < 10


def test_a_fork_never_shows_two_blocks_at_one_height(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    """The record that hides the old block comes late; its place is taken all the same."""
    sinks.start()
    old, new = Block(5), Block(5, salt=1)
    publisher.apply(old)
    until(sinks, lambda: visible(client, settings) == shown(old), "the block does not appear")
    publisher.revert(old, coverage=False)
    publisher.apply(new)
    until(sinks, lambda: visible(client, settings) == shown(old, new), "the new block does not appear")
    canonical = view_database("canonical", settings.clickhouse.database)
    rows = client.query(f"SELECT block_hash FROM {canonical}.blocks").result_rows
    assert [str(row[0]) for row in rows] == [f"0x{new.hash.hex()}"]


def test_rows_hold_what_the_messages_said(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    sinks.start()
    block = Block(7, transactions=1, logs=1, transfers=1, contracts=1)
    publisher.apply(block)
    until(sinks, lambda: visible(client, settings) == shown(block), "the block does not appear")
    for stream in block.counts():
        codec = codec_for(stream)
        (value,) = [value for name, value in publisher.written if name == stream]
        result = client.query(
            f"SELECT {', '.join(codec.names)} FROM {settings.clickhouse.database}.{stream.replace('-', '_')}"
        )
        (row,) = result.result_rows
        for name, stored in zip(codec.names, row, strict=True):
            assert plain(stored) == plain(codec.read(value, 5)[name]), (stream, name)


def plain(value: object) -> object:
    """A value without what Avro and ClickHouse say in their own ways: numbers as text, text as bytes."""
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        text = value.decode(errors="ignore")
        return text if text.encode() == value else value.hex()
    if isinstance(value, Mapping):
        return [plain(each) for each in value.values()]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
