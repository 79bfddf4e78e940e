"""A stage that gets nothing of what waits: its lag, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from headwater import standstill
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.kafka.bounds import Bounds
from headwater.settings import load_settings
from headwater.standstill import Standstill
from streams.runtime import process as process_module
from streams.runtime.process import StageProcess
from streams.runtime.standing import Standing
from streams.stage import StageContext, StageSpec
from tests.fakes.bounds import MemoryBounds
from tests.fakes.sink_thread import until
from tests.fakes.stage import current
from topics.groups import group_of

SETTINGS = load_settings({"chain": {"name": "reading"}}, environ={})
GROUP = group_of("enrich")
SOURCE = TP(f"{SETTINGS.topic_prefix}reading.normalized-blocks", 0)


class Stage:
    """What a stage's process looks at: Faust's consumer, the runner, the brokers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = MemoryBounds()
        self.now = 0.0
        self.assigned = {SOURCE}
        self.fetched: int | None = None
        self.idle = asyncio.Event()
        self.idle.set()
        self.runner = SimpleNamespace(positions={}, idle=self.idle)
        consumer = SimpleNamespace(assignment=lambda: self.assigned, highwater=lambda partition: self.fetched)
        self.app: Any = SimpleNamespace(consumer=consumer, rebalancing=False)
        still = Standstill("reading normalized-blocks", self.asked, lambda: self.now, float("inf"))
        monkeypatch.setattr(process_module, "standstill", lambda *of: still)
        monkeypatch.setattr(process_module, "topic_name", lambda *of: SOURCE.topic)
        monkeypatch.setattr(process_module, "_LOOK_SECONDS", 0.0)
        context = StageContext(SETTINGS, GROUP, lambda stream: b"", current)
        process = StageProcess(SETTINGS, StageSpec(GROUP, lambda context: None), context)  # type: ignore[arg-type,return-value]
        self.looking = asyncio.ensure_future(process._look(self.app, self.runner, Standing()))  # type: ignore[arg-type]

    def lag(self) -> float | None:
        labels = {"chain": "reading", "group": "enrich", "topic": SOURCE.topic, "partition": "0"}
        return REGISTRY.get_sample_value("headwater_consumer_lag", labels)

    async def until(self, true: Callable[[], bool]) -> None:
        await asyncio.to_thread(until, true)

    async def end(self) -> None:
        self.looking.cancel()
        await asyncio.gather(self.looking, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(standstill, "ASK_SECONDS", 0.01)
    yield
    HEALTH.report("reading normalized-blocks", True)
    HEALTH.fail("")


async def test_a_fetch_that_gets_nothing_is_behind_the_brokers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.fetched, stage.runner.positions[SOURCE] = 100, 100
    stage.asked.bounds[SOURCE] = Bounds(90, 100)
    await stage.until(lambda: stage.lag() == 0)
    stage.asked.bounds[SOURCE] = Bounds(90, 100_000)
    await stage.until(lambda: stage.lag() == 99_900)
    stage.assigned = set()
    await stage.until(lambda: stage.lag() is None)
    await stage.end()


async def test_lag_is_told_before_the_first_event_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.asked.bounds[SOURCE] = Bounds(7, 107)
    await stage.until(lambda: stage.lag() == 100)
    await stage.end()


async def test_a_stage_that_gets_nothing_ends_unless_it_has_something_in_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch)
    stage.asked.bounds[SOURCE] = Bounds(7, 107)
    stage.idle.clear()
    await stage.until(lambda: stage.lag() == 100)
    for _ in range(200):
        stage.now += 5
        await asyncio.sleep(0)
    assert not stage.looking.done()
    stage.idle.set()
    await asyncio.sleep(0)
    while not stage.looking.done():
        stage.now += 1
        await asyncio.sleep(0)
    with pytest.raises(Fatal, match="gave no message for 120 s although 100 offsets wait"):
        stage.looking.result()
    assert not HEALTH.alive()
