"""The sink with a backlog at one, two and four replicas: what they store, and whose the machine's time is.

The replicas share the partitions before the backlog is there, and see all of it at once. Kafka and ClickHouse
have the same cores. So there are two groups of figures: of replicas that take what they get, and of replicas
that run a tenth of the time each, which leaves room beside them as a cluster's machines do.

Run alone with `python -m bench.scaling [--loops N]`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psutil

from bench import backlog, blocks
from bench.backlog import Backlog
from bench.local_services import services
from bench.processes import cpu_seconds, listener
from bench.replicas import replicas, wait
from bench.report import Row, publish
from bench.slowed import slowed
from connectors.clickhouse.client import Client
from headwater.settings import Settings

REPLICAS: Final = (1, 2, 4)
SLOWED: Final = 0.1
ROUNDS: Final = 2
_SERVICES: Final = ("sinks", "ClickHouse", "Kafka")


@dataclass(frozen=True, slots=True)
class Run:
    """One backlog stored: records a second, and of all CPU time of the machine whose share is what."""

    rate: float
    shares: Mapping[str, float]


def rows(loops: int = 10) -> list[Row]:
    """Records a second at each number of replicas, against one replica; the best of two runs each."""
    folder = blocks.folder()
    if folder is None:
        return [Row("sink, replicas", None, "records/s", note="skipped: the 23 mainnet blocks are absent")]
    with services() as settings:
        client = backlog.prepared(settings)
        bench = _Bench(settings, client, Backlog(settings, folder))
        bench.run(1, 1, 1.0)  # what is made on first use
        found = [
            row
            for share, amount, name in (
                (1.0, loops, "sink, {}"),
                (SLOWED, max(1, loops // 4), "sink, {} a tenth of the time each"),
            )
            for row in _group(bench, share, amount, name)
        ]
        client.close()
    return found


def _group(bench: _Bench, share: float, loops: int, name: str) -> Iterator[Row]:
    runs: dict[int, list[Run]] = {count: [] for count in REPLICAS}
    for _ in range(ROUNDS):
        for count, own in runs.items():
            own.append(bench.run(count, loops, share))
    best = {count: max(own, key=lambda each: each.rate) for count, own in runs.items()}
    for count, run in best.items():
        whose = ", ".join(f"{who} {part:.0%}" for who, part in run.shares.items())
        yield Row(
            name.format("one replica" if count == 1 else f"{count} replicas"),
            run.rate,
            "records/s",
            "" if count == 1 else "one replica",
            None if count == 1 else best[1].rate,
            note=f"of {psutil.cpu_count()} cores: {whose}; other run "
            f"{min(each.rate for each in runs[count]):,.0f} records/s",
        )


class _Bench:
    """Services, and a backlog that can be written again and again."""

    def __init__(self, settings: Settings, client: Client, made: Backlog) -> None:
        self._settings = settings
        self._client = client
        self._backlog = made
        server = listener(settings.clickhouse.url)
        broker = listener(f"kafka://{settings.kafka.bootstrap_servers}")
        self._services = {"ClickHouse": [server], "Kafka": [broker]}

    def run(self, count: int, loops: int, share: float) -> Run:
        """Store the blocks `loops` times with so many replicas."""
        with replicas(self._settings, count) as sinks:
            wait(self._quiet, "ClickHouse still merges")
            parts = {"sinks": sinks, **self._services}
            with slowed(sinks, share):
                with self._backlog.transaction():
                    self._backlog.write(loops)
                    before, idle = _used(parts), psutil.cpu_times()
                start = time.monotonic()
                wait(lambda: self._backlog.stored(self._client), f"{count} sinks do not get through")
                seconds = time.monotonic() - start
            after, total = _used(parts), _busy(psutil.cpu_times()) - _busy(idle)
        machine = seconds * (psutil.cpu_count() or 1)
        used = {who: after[who] - before[who] for who in _SERVICES}
        used["the rest"] = max(0.0, total - sum(used.values()))
        return Run(blocks.RECORDS * loops / seconds, {who: own / machine for who, own in used.items()})

    def _quiet(self) -> bool:
        return backlog.count(self._client, "SELECT count() FROM system.merges") == 0


def _used(parts: Mapping[str, list[psutil.Process]]) -> dict[str, float]:
    """CPU seconds of each until now."""
    return {who: sum(map(cpu_seconds, processes)) for who, processes in parts.items()}


def _busy(times: psutil._ntuples.scputimes) -> float:
    """Seconds of all cores in which anything ran."""
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def main() -> None:
    """Print the rows and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=10, help="how often the 23 blocks are looped")
    publish("scaling", rows(parser.parse_args().loops))


if __name__ == "__main__":
    main()
