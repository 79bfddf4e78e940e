"""Replicas come and go while one of them dies; `test_scaled_sinks.py` is the long form, on a whole line."""

from __future__ import annotations

import random

from connectors.clickhouse.client import Client
from headwater.settings import Settings
from tests.integration.sink_chain import Block, Publisher
from tests.integration.sink_group import shares
from tests.integration.sinks import Sinks, count, rows_of, shown, until, visible

SIZES = (1, 2, 4, 1)


def test_one_two_four_one_with_a_kill_at_each_size(
    client: Client, settings: Settings, sinks: Sinks, publisher: Publisher
) -> None:
    """Ten blocks and a fork wait when a size is asked for, and ten more come while one of them is dead."""
    chance, chain = random.Random(4), [Block(1)]
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
