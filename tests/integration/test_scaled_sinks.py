"""The sink is scaled up and down while it works and while sinks die: nothing is lost, doubled or torn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate
from headwater.settings import Settings
from tests.integration.aftermath import prove_undisturbed
from tests.integration.blows import strike
from tests.integration.line import Line, pause
from tests.integration.sink_chain import CHAIN_ID, Block, Publisher
from tests.integration.sink_group import SinkGroup, shares
from tests.integration.sinks import Sinks, count, rows_of, shown, until, visible
from topics import admin

SIZES = (1, 2, 4, 1)
KILLS = 3


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    admin.apply(settings)
    client = connect(settings.clickhouse)
    migrate(client, settings, CHAIN_ID)
    yield client
    client.close()


@pytest.fixture
def sinks(settings: Settings, client: Client, tmp_path: Path) -> Iterator[Sinks]:
    sinks = Sinks(settings, tmp_path)
    yield sinks
    sinks.stop()


def test_one_two_four_one_with_a_kill_at_each_size(client: Client, settings: Settings, sinks: Sinks) -> None:
    """Ten blocks and a fork wait when a size is asked for, and ten more come while one of them is dead."""
    chance, publisher, chain = random.Random(4), Publisher(settings), [Block(1)]
    publisher.apply(*chain)
    for salt, size in enumerate(SIZES, 1):
        fork = [Block(block.number, salt, logs=40, transfers=10) for block in chain[-3:]]
        publisher.fork(chain[-3:], fork)
        chain[-3:] = fork
        _extend(publisher, chain)
        sinks.scale(size)
        victim = chance.choice(sinks.alive)
        victim.kill()
        victim.wait(10)
        _extend(publisher, chain)
        sinks.scale(size)
        until(sinks, lambda: visible(client, settings) == shown(*chain), f"not whole with {size} sinks")
        until(sinks, lambda size=size: _shared(settings, size), f"{size} do not share")  # type: ignore[misc]
    for stream, total in rows_of(client, settings, *chain).items():
        assert total == sum(block.counts()[stream] for block in chain), stream
    assert count(client, settings, "blocks", "NOT removed") == len(chain)
    assert count(client, settings, "dead_letters") == 0


def _extend(publisher: Publisher, chain: list[Block]) -> None:
    new = [Block(chain[-1].number + 1 + each, transactions=20, logs=60, transfers=20) for each in range(10)]
    publisher.apply(*new)
    chain.extend(new)


def _shared(settings: Settings, size: int) -> bool:
    found = shares(settings)
    return len(found) == size and min(found) > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [9])
def test_scaled_twice_under_traffic_forks_outages_and_kills(tmp_path: Path, seed: int) -> None:
    """Up over an outage of ClickHouse, whose backlog waits; down once by SIGTERM and once by SIGKILL."""
    chance = random.Random(seed)
    line = Line(tmp_path / "line", "--traffic", "25", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        with SinkGroup(line) as sinks:
            for gracefully in (True, False):
                for size in SIZES[1:-1]:
                    strike(line, ("clickhouse",), f"before there are {size} sinks")
                    sinks.grow(size)
                    _work_under_kills(line, sinks, chance)
                if gracefully:
                    assert sinks.leave() == [0] * (SIZES[-2] - 1)
                else:
                    sinks.die()
                _work_under_kills(line, sinks, chance)
        prove_undisturbed(line, tmp_path / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _work_under_kills(line: Line, sinks: SinkGroup, chance: random.Random) -> None:
    """Sinks die, also before the group has settled; then all share, and a block is shown that is new."""
    line.note(f"{sinks.size} sinks")
    for _ in range(KILLS):
        pause(chance.uniform(0, 4))
        line.reorg(chance.randint(1, 6))
        sinks.kill_one(chance)
    sinks.wait_shared()
    before = line.visible()
    line.wait_until(lambda: line.visible() not in (None, before), "another block is visible", 120)
