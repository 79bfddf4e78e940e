"""What ClickHouse's views say of blocks is what the alert stage read of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate
from headwater.cli.alerting import topic
from headwater.cli.history import History
from headwater.settings import Settings
from schemas import HEADER_SIZE, codec_for
from schemas.registry import register_all
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.records import HEADER, LAYOUTS
from streams.logic.alerts.rule import Comparison, Match
from tests.builders.alerts import Texts, count, rule, window
from tests.integration.sink_chain import CHAIN_ID, Block, Publisher
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess
from topics import admin

_NESTED = {"access_list", "authorization_list", "withdrawals", "amount"}


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """Of a database with its tables; the topics are there too."""
    admin.apply(settings)
    register_all(settings)
    client = connect(settings.clickhouse)
    migrate(client, settings, CHAIN_ID)
    yield client
    client.close()


@pytest.fixture
def sink(settings: Settings, client: Client, tmp_path: Path) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings, ("headwater", "sink"), tmp_path / "sink.log")
    yield process
    process.kill()


def test_history_is_what_was_published(settings: Settings, client: Client, sink: WorkerProcess) -> None:
    publisher = Publisher(settings)
    blocks, gone = [Block(1), Block(2, salt=1), Block(3)], Block(2)
    publisher.apply(blocks[0], gone)
    publisher.fork([gone], blocks[1:])
    history = History(client, settings.clickhouse.database, CHAIN_ID)
    wanted = [each.hash for each in blocks]
    until(lambda: [each.envelope.block_hash for each in history.blocks(0, 9)] == wanted, "all are there")

    found = list(history.blocks(0, 9))
    assert [each.envelope.sequence for each in found] == [1, 2, 3]
    for match, layout in LAYOUTS.items():
        published = [
            record
            for stream, value in publisher.written
            if stream == layout.stream
            for record in [codec_for(stream).read(value, HEADER_SIZE)]
            if record["block_hash"] != gone.hash
        ]
        assert published
        if match is Match.BLOCK:
            mine: list[Any] = [each.content.values[HEADER] for each in found]
        else:
            mine = [
                dict(zip(layout.codec.names, row, strict=True))
                for each in found
                for row in each.content.records[layout.array].rows(*layout.codec.names)
            ]
        names = [name for name in layout.codec.names if name not in _NESTED]
        # Records of a sample have one index all: their order among themselves is anybody's.
        key = lambda record, names=names: repr([record[name] for name in names])  # noqa: E731
        assert sorted(map(key, mine)) == sorted(map(key, published))

    texts = Texts()
    alerting = Alerting("local", texts.compile)
    rules = (
        rule("all", Match.LOG),
        rule("rush", Match.LOG, window=window(60, count(Comparison.AT_LEAST, 10))),
    )
    alerting.adopt(0, [texts.change(each) for each in rules])
    versions = [
        each.alert.rule_id
        for block in found
        for each in alerting.handle(block.envelope, (b"",), block).versions.values()
    ]
    assert versions.count("rush") == 1
    assert versions.count("all") >= 3

    hash_ = next(each.content.records["transactions"].columns["hash"][0] for each in found)
    assert isinstance(hash_, bytes)
    assert history.block_of(f"0x{hash_.hex()}") in (1, 2, 3)
    assert history.block_of("0x" + "00" * 32) is None
    assert topic.current(settings) == {}
