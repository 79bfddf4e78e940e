"""`headwater stats rebuild` on the real stack: a block that came too late is counted after all."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from connectors.clickhouse.migrations.template import view_database
from headwater.settings import Settings, environment, load_settings
from schemas import codec_for
from schemas.registry import register_all
from tests.builders.chain_answers import CHAIN_ID
from tests.integration.line import HEADWATER
from tests.integration.logged_line import LoggedLine, event
from tests.integration.statistics import check_statistics
from tests.integration.waiting import until
from tests.integration.worker_process import messages, written
from topics import admin
from topics.chainlog.kinds import EventKind

pytestmark = pytest.mark.integration
HOUR = 1_700_000_000 // 3_600 * 3_600
TIMES = {0: HOUR, 1: HOUR + 10, 2: HOUR + 20, 3: HOUR + 70, 4: HOUR + 3_605}
BROKEN = 1
GROUPS = ("normalize", "enrich", "aggregate")
STREAMS = {"chain-stats": (), "token-stats": ("token_address",), "contract-stats": ("address",)}


class Instance:
    """The line with its tables, and the command."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.line = LoggedLine(settings, folder)
        self._client = connect(settings.clickhouse)
        migrate(self._client, settings, CHAIN_ID)

    def say(self, kind: EventKind, *numbers: int) -> int:
        sequence = self.line.log.publish([event(kind, each, TIMES[each]) for each in numbers])
        self.line.wait_for(sequence, "aggregate")
        return sequence

    def rebuild(self, *words: str) -> tuple[int, dict[tuple[int, int], dict[str, Any]]]:
        """The exit code, and what is said of each window."""
        process = self._started(*words)
        output, errors = process.communicate(timeout=60)
        assert output, errors
        windows = json.loads(output)["windows"]
        return process.returncode, {
            (each["window_seconds"], each["window_start"] // 1_000): each for each in windows
        }

    def rebuild_and_die(self, seconds: float) -> None:
        """Killed after so many seconds, if it is still there then."""
        process = self._started("--yes")
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def rebuild_and_die_writing(self) -> None:
        """Killed once something that it wrote is in Kafka: in its transaction, or behind it."""
        before = self._ends()
        process = self._started("--yes")
        until(lambda: self._ends() != before or process.poll() is not None, "it writes")
        process.kill()
        process.communicate()

    def _started(self, *words: str) -> subprocess.Popen[str]:
        own = {name: each for name, each in os.environ.items() if not name.startswith("HEADWATER_")}
        return subprocess.Popen(
            [HEADWATER, "stats", "rebuild", "--json", *words],
            env={**own, **environment(self.settings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _ends(self) -> list[int]:
        return [written(self.settings, stream) for stream in STREAMS]

    def sql(self, query: str) -> list[Any]:
        views = view_database("canonical", self.settings.clickhouse.database)
        answer = self._client.raw_query(query.replace("canonical.", f"{views}."), fmt="JSONCompactEachRow")
        return [orjson.loads(line) for line in answer.splitlines()]

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        until(condition, what, seconds)

    def incomplete(self) -> set[tuple[int, int]]:
        rows = self.sql(
            "SELECT window_seconds, toUnixTimestamp(window_start) FROM canonical.chain_stats "
            "WHERE NOT complete"
        )
        return {(int(size), int(start)) for size, start in rows}

    def close(self) -> None:
        self.line.close()
        self._client.close()


@pytest.fixture
def instance(settings: Settings, tmp_path: Path) -> Iterator[Instance]:
    own = load_settings(
        {**settings.model_dump(), "chain": {"name": "local", "chain_id": CHAIN_ID}}, environ={}
    )
    admin.apply(own)
    register_all(own)
    made = Instance(own, tmp_path)
    yield made
    made.close()


def published(settings: Settings, stream: str) -> list[Mapping[str, Any]]:
    """All snapshots that were committed."""
    return [codec_for(stream).read(each.value or b"", 5) for each in messages(settings, stream)]


def held(settings: Settings, stream: str) -> dict[bytes, Mapping[str, Any]]:
    """What a consumer of the topic has: the highest sequence of each event_id, without what is removed."""
    kept: dict[bytes, Mapping[str, Any]] = {}
    for record in published(settings, stream):
        own: Any = record["event_id"]
        if own not in kept or record["sequence"] > kept[own]["sequence"]:  # type: ignore[operator]
            kept[own] = record
    return {own: each for own, each in kept.items() if not each["removed"]}


def test_a_block_repaired_after_it_was_final_is_counted(instance: Instance) -> None:
    settings, line = instance.settings, instance.line
    refusing = load_settings(
        {**settings.model_dump(), "stages": {"refuse_blocks": (f"enrich:{BROKEN}",)}}, environ={}
    )
    line.log.open()
    line.start(refusing, GROUPS, sink=True)
    instance.say(EventKind.APPLY, *TIMES)
    instance.say(EventKind.FINALIZED, 4)
    lacking = {(60, HOUR), (3_600, HOUR)}
    until(lambda: instance.incomplete() == lacking, "the windows say that they lack something")
    code, windows = instance.rebuild("--yes")
    assert (code, set(windows)) == (1, lacking)
    assert all((each["verdict"], each["missing"]) == ("lacking", [[1, 1]]) for each in windows.values())
    line.drain()

    line.start(settings, GROUPS, sink=True)
    repaired = instance.say(EventKind.REPAIR, BROKEN)
    began = time.monotonic()
    code, windows = instance.rebuild()
    took = time.monotonic() - began
    assert code == 2
    assert {own: each["verdict"] for own, each in windows.items()} == dict.fromkeys(lacking, "rebuilt")
    assert instance.incomplete() == lacking
    instance.rebuild_and_die(took * random.uniform(0.7, 1.0))
    instance.rebuild_and_die_writing()
    code, again = instance.rebuild("--yes")
    assert code == 0
    assert again.items() <= windows.items(), "what the others wrote is left alone"
    until(lambda: not instance.incomplete(), "all windows are complete")
    check_statistics(instance)
    assert instance.sql("SELECT * FROM canonical.incomplete_windows") == []

    for stream, address in STREAMS.items():
        snapshots = held(settings, stream)
        rows = instance.sql(
            "SELECT window_seconds, toUnixTimestamp64Milli(window_start), "
            f"{''.join(f'{name}, ' for name in address)}sequence, complete "
            f"FROM canonical.{stream.replace('-', '_')}"
        )
        assert sorted(map(repr, rows)) == sorted(
            repr(
                [
                    each["window_seconds"],
                    each["window_start"],
                    *(f"0x{each[name].hex()}" for name in address),
                    each["sequence"],
                    True,
                ]
            )
            for each in snapshots.values()
        )
        of_lacking = [
            each
            for each in snapshots.values()
            if (each["window_seconds"], each["window_start"] // 1_000) in lacking
        ]
        assert of_lacking
        assert all(each["complete"] and each["final"] for each in of_lacking)
        assert {each["sequence"] for each in of_lacking} == {repaired}
        made = Counter(
            each["event_id"] for each in published(settings, stream) if each["sequence"] == repaired
        )
        assert {made[each["event_id"]] for each in of_lacking} == {1}, "each once, whatever was killed"

    before = {stream: len(messages(settings, stream)) for stream in STREAMS}
    assert instance.rebuild("--yes") == (0, {})
    code, windows = instance.rebuild("--from", "0", "--to", "3", "--yes")
    assert (code, {each["verdict"] for each in windows.values()}) == (0, {"right"})
    assert set(windows) == {(60, HOUR), (60, HOUR + 60), (3_600, HOUR)}
    assert {stream: len(messages(settings, stream)) for stream in STREAMS} == before

    # A later repair is another remark, and makes the windows doubtful again.
    instance.say(EventKind.REPAIR, BROKEN)
    until(lambda: instance.incomplete() == lacking, "a later repair is remarked")
    line.drain()
