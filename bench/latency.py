"""Alert latency on the whole local stack: from a block's APPLY in Kafka to its webhook at a receiver.

A block a second, a rule that every block meets, provisional finality. Where the time goes is told by the
times that Kafka has of each message on the way.
"""

from __future__ import annotations

import base64
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from bench.report import Row, publish
from headwater import kafka
from headwater.settings import Settings, load_settings
from sandbox.receiver.checker import Arrival
from sandbox.receiver.server import Receiver
from sandbox.stack.endpoints import settings as settings_of_a_stack
from schemas import HEADER_SIZE, codec_for
from topics.catalog import topic_name
from topics.chainlog.envelope import read_envelope
from topics.chainlog.kinds import EventKind
from topics.partitions import partitions_of

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")
BLOCKS: Final = 100
_WARM_UP_MS: Final = 10_000
_TARGET: Final = 1.5
_LONGEST_SECONDS: Final = 400.0
_RULE: Final = """\
id: every-block
match: block
where: gas_used >= 0
channels: [bench]
title: "block {{ block_number }}"
"""
_LOGS: Final = ("raw-blocks", "normalized-blocks", "enriched-blocks")
_Times = dict[bytes, int]
"""A block's hash → milliseconds since 1970."""


def rows(blocks: int = BLOCKS) -> list[Row]:
    """Percentiles of the whole way, and the median of each part of it."""
    arrived: _Times = {}
    started = 0
    enough = threading.Event()

    def shown(arrival: Arrival, alert: Mapping[str, Any]) -> None:
        nonlocal started
        if arrival.status == "PROVISIONAL":
            now = time.time_ns() // 1_000_000
            started = started or now
            arrived.setdefault(bytes.fromhex(alert["block_hash"][2:]), now)
            if sum(each > started + _WARM_UP_MS for each in arrived.values()) >= blocks:
                enough.set()

    secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    receiver = Receiver(secret, shown=shown)
    receiver.start()
    try:
        with _stack(receiver.url, secret) as settings:
            if not enough.wait(_LONGEST_SECONDS):
                raise RuntimeError(f"{len(arrived)} webhooks came within {_LONGEST_SECONDS:.0f} s")
            on_the_way = {stream: _written(settings, stream, _applied) for stream in _LOGS}
            on_the_way["alerts"] = _written(settings, "alerts", _alerted)
    finally:
        receiver.stop()
    on_the_way["webhook"] = arrived
    applied = on_the_way["raw-blocks"]
    # What came while the stack was starting waited for it.
    own = [
        each
        for each in arrived
        if all(each in times for times in on_the_way.values()) and applied[each] > started + _WARM_UP_MS
    ]
    own.sort(key=lambda each: arrived[each] - applied[each])
    middle, worst = own[len(own) // 2], own[min(len(own) - 1, int(len(own) * 0.99))]
    p50, p99 = ((arrived[each] - applied[each]) / 1_000 for each in (middle, worst))
    about = f"{len(own)} blocks, one a second; ms to {_parts(on_the_way, own)}"
    return [
        Row("alert latency, APPLY to webhook, p50", p50, "s", note=about),
        Row(
            "alert latency, p99",
            p99,
            "s",
            target=f"≤ {_TARGET} s",
            met=p99 <= _TARGET,
            note=f"ms to {_parts(on_the_way, [worst])}",
        ),
    ]


def _parts(on_the_way: Mapping[str, _Times], blocks: Sequence[bytes]) -> str:
    """The median of each part of the way."""
    found = []
    for before, later in pairwise(on_the_way):
        own = statistics.median(on_the_way[later][each] - on_the_way[before][each] for each in blocks)
        found.append(f"{later} {own:.0f}")
    return ", ".join(found)


@contextmanager
def _stack(url: str, secret: str) -> Iterator[Settings]:
    """The local stack with the rule in force and a channel to the receiver."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rule.yaml").write_text(_RULE)
        (folder / "channels.yaml").write_text(
            f"- {{id: bench, kind: webhook, url: {url}/bench, secret_env: BENCH_SECRET}}\n"
        )
        data = folder / "data"
        environment = {each: text for each, text in os.environ.items() if not each.startswith("HEADWATER_")}
        environment["BENCH_SECRET"] = secret
        words = ("up", "--plain", "--data-dir", str(data), "--channels", str(folder / "channels.yaml"))
        with open(folder / "up.log", "wb") as log:
            process = subprocess.Popen([HEADWATER, *words], stdout=log, stderr=log, env=environment)
        try:
            while not (data / "endpoints.json").exists():
                if process.poll() is not None:
                    raise RuntimeError("headwater up stopped: " + (folder / "up.log").read_text()[-3_000:])
                time.sleep(0.2)
            _apply(data, folder / "rule.yaml", environment)
            yield load_settings({"data_dir": str(data)}, environ={}, local=settings_of_a_stack)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _apply(data: Path, rule: Path, environment: Mapping[str, str]) -> None:
    """Put the rule in force, once its topic is there."""
    words = ("rules", "apply", str(rule), "--data-dir", str(data))
    deadline = time.monotonic() + 120
    while True:
        done = subprocess.run([HEADWATER, *words], capture_output=True, text=True, env=dict(environment))
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"the rule is not in force: {done.stderr}")
        time.sleep(0.5)


def _written(settings: Settings, stream: str, of: Callable[[bytes], bytes | None]) -> _Times:
    """When the first message about each block was written, by its producer's clock."""
    topic, client = topic_name(settings, stream), kafka.reader(settings)
    found: _Times = {}
    try:
        for partition in partitions_of(settings, client, topic):
            low, high = kafka.watermarks(client, topic, partition)
            for message in kafka.read_range(client, topic, low, high, partition):
                block = of(message.value() or b"")
                if block is not None:
                    found.setdefault(block, int(message.timestamp()[1]))
    finally:
        client.close()
    return found


def _applied(value: bytes) -> bytes | None:
    envelope = read_envelope(value, "raw-blocks")
    return envelope.block_hash if envelope.event is EventKind.APPLY else None


def _alerted(value: bytes) -> bytes | None:
    record = codec_for("alerts").read(value, HEADER_SIZE)
    block = record["block_hash"]
    return block if record["status"] == "PROVISIONAL" and isinstance(block, bytes) else None


if __name__ == "__main__":
    publish("latency", rows())
