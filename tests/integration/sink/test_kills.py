"""Sinks that are killed, several of them, and a ClickHouse that goes away."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.template import view_database
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from tests.integration.sink_chain import Block, Publisher
from tests.integration.sinks import Sinks, count, rows_of, shown, until, visible
from tests.integration.stack import LocalStack


def test_the_sink_outlives_clickhouse(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher, stack: LocalStack, tmp_path: Path
) -> None:
    port_file = tmp_path / "port"
    process = sinks.start(HEADWATER_METRICS_PORT_FILE=str(port_file))
    publisher.apply(Block(1))
    until(sinks, lambda: visible(client, settings) == shown(Block(1)), "block 1 does not appear")
    os.kill(stack.pid("clickhouse"), signal.SIGKILL)
    publisher.apply(Block(2))
    publisher.fork([Block(2)], [Block(2, salt=1)])

    def paused() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text()}/metrics", timeout=5) as answer:
            return b'headwater_sink_paused{chain="local"} 1.0' in answer.read()

    until(sinks, paused, "the sink does not say that it waits")
    stack.revive("clickhouse")
    wanted = shown(Block(1), Block(2, salt=1))
    until(sinks, lambda: visible(client, settings) == wanted, "the sink does not resume")
    until(sinks, lambda: not paused(), "the sink still says that it waits")
    assert process.poll() is None
    assert count(client, settings, "dead_letters") == 0


def test_a_killed_sink_leaves_no_hole_and_no_half_block(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    chance = random.Random(7)
    blocks = [Block(number, transactions=20, logs=60, transfers=20) for number in range(1, 41)]
    process = sinks.start(HEADWATER_KAFKA__SESSION_TIMEOUT_MS="6000")
    for at in range(0, 40, 10):
        publisher.apply(*blocks[at : at + 10])
        time.sleep(chance.uniform(0.0, 1.2))
        process.kill()
        process.wait(10)
        assert not torn(client, settings, expected(*blocks))
        process = sinks.start(HEADWATER_KAFKA__SESSION_TIMEOUT_MS="6000")
    until(sinks, lambda: visible(client, settings) == shown(*blocks), "blocks are missing")
    assert rows_of(client, settings, *blocks) == {
        stream: 40 * number for stream, number in blocks[0].counts().items()
    }
    assert count(client, settings, "dead_letters") == 0


def test_two_replicas_share_and_a_reader_sees_blocks_whole_or_not_at_all(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    """One of them is paused past its session and wakes: what it still writes changes nothing."""
    session = {"HEADWATER_KAFKA__SESSION_TIMEOUT_MS": "6000"}
    sinks.start(**session)
    until(sinks, lambda: "partitions assigned" in sinks.log(0), "the first replica gets nothing")
    sinks.start(**session)
    until(sinks, lambda: "partitions assigned" in sinks.log(1), "the second replica gets nothing")
    chain = [Block(number, logs=40, transfers=10) for number in range(1, 9)]
    counts = expected(*chain)
    failures: list[object] = []
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(settings, done, counts, failures))
    watcher.start()
    try:
        publisher.apply(*chain)
        for salt in range(1, 7):
            depth = 1 + salt % 3
            new = [Block(block.number, salt, logs=35 + salt, transfers=10) for block in chain[-depth:]]
            new.append(Block(chain[-1].number + 1, salt, logs=40, transfers=10))
            counts.update(expected(*new))
            publisher.fork(chain[-depth:], new)
            chain = [*chain[:-depth], *new]
            if salt == 3:
                sinks.processes[0].send_signal(signal.SIGSTOP)
            until(
                sinks, partial(reached, client, settings, 0 if salt < 4 else chain[-1].number), "no progress"
            )
        until(sinks, lambda: visible(client, settings) == shown(*chain), "the chain is not shown")
        sinks.processes[0].send_signal(signal.SIGCONT)
        last = Block(chain[-1].number, 99)
        counts.update(expected(last))
        publisher.fork(chain[-1:], [last])
        chain[-1] = last
        until(sinks, lambda: visible(client, settings) == shown(*chain), "the last fork is not shown")
    finally:
        done.set()
        watcher.join(20)
    assert failures == []
    assert "partitions revoked" in sinks.log(1) + sinks.log(0)
    for process in sinks.processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(15) for process in sinks.processes] == [0, 0], sinks.log(0) + sinks.log(1)


def reached(client: Client, settings: Settings, height: int) -> bool:
    return max((number for number, _ in visible(client, settings)), default=0) >= height


def torn(client: Client, settings: Settings, counts: Mapping[str, dict[str, int]]) -> list[object]:
    """Blocks of which a canonical view shows some of the rows. `counts`: all blocks there may be, by hash."""
    found: list[object] = []
    canonical = view_database("canonical", settings.clickhouse.database)
    for stream in ("transactions", "logs", "token-transfers", "contracts"):
        rows = client.query(
            f"SELECT block_hash, count() FROM {canonical}.{stream.replace('-', '_')} GROUP BY block_hash"
        ).result_rows
        found += [
            (stream, *row, counts[str(row[0])]) for row in rows if counts[str(row[0])][stream] != row[1]
        ]
    return found


def expected(*blocks: Block) -> dict[str, dict[str, int]]:
    return {f"0x{block.hash.hex()}": block.counts() for block in blocks}


def watch(
    settings: Settings, done: threading.Event, counts: Mapping[str, dict[str, int]], failures: list[object]
) -> None:
    canonical = view_database("canonical", settings.clickhouse.database)
    client = connect(settings.clickhouse)
    try:
        while not done.is_set():
            failures += torn(client, settings, counts)
            heights = client.query(
                f"SELECT block_number, count() FROM {canonical}.blocks "
                "GROUP BY block_number HAVING count() > 1"
            ).result_rows
            failures += list(heights)
    except (ClickHouseError, HeadwaterError, KeyError) as error:
        failures.append(error)
    finally:
        client.close()
