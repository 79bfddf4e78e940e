"""The aggregate and the alert group as their workers run: enriched-blocks on real Kafka, everything written.

A worker handles some blocks, another one many more: what the second used beyond the first is what those
blocks cost, the start of a process not counted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bench import blocks, streams
from bench.aggregate import enriched
from bench.local_services import services
from bench.report import Row, publish
from headwater import kafka
from headwater.cli.alerting import topic as configuration
from headwater.settings import Settings, environment
from schemas import HEADER_SIZE, codec_for, frame
from schemas.registry import Registry, register_all
from topics import admin
from topics.catalog import app_id, topic_name
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of
from topics.chainlog.kinds import EventKind

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")
INPUT: Final = "enriched-blocks"
RULES: Final = 10
TARGET: Final = 100_000
"""Of the whole worker, Kafka and its transactions included."""
_FEW: Final = 4 * blocks.COUNT
_MANY: Final = 40 * blocks.COUNT
_START: Final = 1_700_002_800_000
_SECONDS: Final = 12
_FINAL_BEHIND: Final = 64
_EPOCH: Final = 32
_PATIENCE_SECONDS: Final = 300.0
# What a broker says of a group whose coordinator is not there yet: the topic of offsets is made on first use.
_NO_GROUP_YET: Final = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
_envelopes = codec_for(INPUT).split(tuple(each.name for each in fields(Envelope)))
_Message = tuple[Envelope, bytes]


def rows() -> list[Row]:
    """Records (transactions, logs, transfers) per second and core of each worker."""
    folder = blocks.folder()
    if folder is None:
        return [Row("aggregate, as a process", None, "records/s/core", note="no real-chain data")]
    with services() as settings:
        admin.apply(settings)
        register_all(settings)
        configuration.write(settings, {f"rule:rule-{number}": _rule(number) for number in range(RULES)})
        messages = list(_messages(folder, frame(Registry(settings).id_for(INPUT))))
        small = next(n for n, (each, _) in enumerate(messages) if each.block_number == _FEW)
        used: dict[str, list[float]] = {"aggregate": [], "alert": []}
        for until, some in ((small, messages[:small]), (len(messages), messages[small:])):
            _feed(settings, some)
            for group, seconds in used.items():
                seconds.append(_run(settings, group, until))
    records = blocks.RECORDS / blocks.COUNT * (_MANY - 2 * _FEW)
    return [
        Row(
            f"{group}, as a process",
            records / (more - few),
            "records/s/core",
            target=f"≥ {TARGET:,}",
            met=records / (more - few) >= TARGET,
            note=f"Kafka in, transactions out; {f'{RULES} rules; ' if group == 'alert' else ''}"
            f"start-up and the first {_FEW} blocks, {few:.2f} s CPU, not counted",
        )
        for group, (few, more) in used.items()
    ]


def _messages(folder: Path, head: bytes) -> Iterator[_Message]:
    """The 23 blocks over and over, twelve seconds apart, finalized by the epoch."""
    found = [enriched(n, *streams.answers(path)) for n, path in enumerate(sorted(folder.iterdir()))]
    # What follows the envelope says nothing of which block it is of.
    bodies = [(own, [value[HEADER_SIZE + len(_prefix(own)) :] for value in values]) for own, values in found]
    envelopes: list[Envelope] = []
    for number in range(_MANY):
        first, rest = bodies[number % len(bodies)]
        own = replace(
            first,
            sequence=_START + number + _finalized_before(number),
            block_number=number,
            block_hash=number.to_bytes(32, "big"),
            parent_hash=(number - 1).to_bytes(32, "big", signed=True),
            block_timestamp=_START + number * _SECONDS * 1_000,
        )
        envelopes.append(own)
        for each in rest:
            yield own, head + _prefix(own) + each
        if number % _EPOCH == 0 and number >= _FINAL_BEHIND:
            tag = replace(envelopes[-1 - _FINAL_BEHIND], event=EventKind.FINALIZED, sequence=own.sequence + 1)
            yield tag, head + codec_for(INPUT).write(_record(tag))


def _record(own: Envelope) -> dict[str, object]:
    return {each.name: getattr(own, each.name) for each in fields(Envelope)} | {"event": own.event.name}


def _prefix(own: Envelope) -> bytes:
    return _envelopes.prefix(*_record(own).values())


def _finalized_before(number: int) -> int:
    """How many events of finality came before a block's."""
    return sum(each >= _FINAL_BEHIND for each in range(0, number, _EPOCH))


def _rule(number: int) -> str:
    kinds = (("token-transfer", "token_address"), ("log", "address"), ("transaction", "to_address"))
    match, field = kinds[number % len(kinds)]
    return f"id: rule-{number}\nmatch: {match}\nwhere: '{field} == \"0x{number:040x}\"'\n"


def _feed(settings: Settings, some: list[_Message]) -> None:
    producer = kafka.producer(settings)
    for own, value in some:
        producer.produce(topic_name(settings, INPUT), value, b"1", headers=list(headers_of(own, INPUT)))
        producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("Kafka does not take the blocks")


def _run(settings: Settings, group: str, messages: int) -> float:
    """CPU seconds of a worker until it has acknowledged so many messages and was drained."""
    command = [HEADWATER, "work", group]
    log = settings.data_dir / f"{group}.log"
    with open(log, "ab") as sink:
        own = {**os.environ, **environment(settings)}
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=own)
    watched = psutil.Process(process.pid)
    client = kafka.consumer(settings, app_id(settings, group))
    place = TopicPartition(topic_name(settings, INPUT), 0)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while _acknowledged(client, place) < messages:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the worker of {group} does not get on: {log.read_text()[-3_000:]}")
            time.sleep(0.1)
        times = watched.cpu_times()
        return float(times.user + times.system)
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _acknowledged(client: Consumer, place: TopicPartition) -> int:
    """How far the group is; below 0 while it has not begun, or its coordinator has not."""
    try:
        (found,) = client.committed([place], timeout=10)
    except KafkaException as error:
        if error.args[0].code() in _NO_GROUP_YET:
            return -1
        raise
    return int(found.offset)


if __name__ == "__main__":
    publish("workers", rows())
