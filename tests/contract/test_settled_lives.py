"""Random lives of a chain against the plain definition of what is canonical, with moves at random points."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from connectors.clickhouse.migrations.runner import migrate
from headwater.settings import load_settings
from tests.builders.covered_chain import Chain
from tests.builders.settled_life import Life
from tests.contract.clickhouse_process import ClickHouseProcess

pytestmark = pytest.mark.integration

STEPS = 14
SEEDS = [(0, STEPS), *(pytest.param(seed, 3 * STEPS, marks=pytest.mark.soak) for seed in range(1, 6))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.mark.parametrize(("seed", "count"), SEEDS)
def test_views_show_what_is_canonical_whatever_happens_when(
    server: ClickHouseProcess, seed: int, count: int
) -> None:
    client = server.client()
    database = f"life_{seed}"
    section = {**server.settings, "database": database}
    migrate(client, load_settings({"clickhouse": section, "chain": {"name": "ethereum"}}, environ={}), 1)
    random = Random(seed)
    life = Life(Chain(client, database), random)
    steps = [life.grow, life.fork, life.repair, life.take_an_orphan_back, life.replay, life.settle, life.move]
    for _ in range(3):
        life.grow()
    life.settle()
    life.move()
    done = []
    for _ in range(count):
        step = random.choices(steps, (3, 1, 2, 1, 2, 3, 4))[0]
        done.append(step.__name__)
        step()
        assert life.chain.visible() == life.expected(), done
    life.settle()
    life.mover.tick()
    life.mover.tick()
    assert life.mover.moved().version > 0
    assert life.chain.visible() == life.expected()
    client.close()
