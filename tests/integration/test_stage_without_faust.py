"""Each stage, hosted by a loop over a plain Kafka consumer, writes what its Faust worker writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from schemas import HEADER_SIZE, codec_for
from schemas.registry import register_all
from streams.runtime.progress import STREAM as PROGRESS
from tests.integration.plain_host import PlainHost, changes
from tests.integration.raw_log import Log, publish
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages
from topics import admin, dead_letters
from topics.catalog import TOPICS, topic_name
from topics.coverage import COVERAGE
from topics.groups import GROUPS, NAMES, Group, group_of

pytestmark = pytest.mark.integration


def _made(kafka: str, registry_url: str, folder: Path) -> Settings:
    """Settings with topics of their own, which exist."""
    settings = load_settings(
        {
            "topic_prefix": f"t{uuid.uuid4().hex[:8]}",
            "data_dir": str(folder / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(settings)
    register_all(settings)
    return settings


@pytest.fixture
def settings(kafka: str, registry_url: str, tmp_path: Path) -> Settings:
    return _made(kafka, registry_url, tmp_path)


@pytest.fixture(scope="module")
def by_faust(kafka: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A chain that the Faust workers of all groups have gone through."""
    folder = tmp_path_factory.mktemp("faust")
    settings = _made(kafka, registry_url, folder)
    publish(Log(settings))
    started: list[WorkerProcess] = []
    try:
        for group in GROUPS:
            words = ("headwater", "work", group.name)
            started.append(WorkerProcess(settings, words, folder / f"{group.name}.log"))
        # In the order of the list each finds all its input written when the one before has finished.
        for group in GROUPS:
            until(
                lambda group=group: committed(settings, group.name, group.input) == _end(settings, group),  # type: ignore[misc]
                f"{group.name} has finished",
            )
        yield settings
    finally:
        for worker in started:
            worker.kill()


def _end(settings: Settings, group: Group) -> int:
    """The offset after the group's last input."""
    reader = clients.reader(settings)
    try:
        return clients.watermarks(reader, topic_name(settings, group.input))[1]
    finally:
        reader.close()


def _copy(source: Settings, target: Settings, stream: str) -> None:
    """The messages of a stream, byte for byte at the same offsets."""
    producer = clients.producer(target)
    topic = topic_name(target, stream)
    for each in messages(source, stream):
        producer.produce(topic, each.value, each.key, partition=0, headers=list(each.headers))
    assert producer.flush(30) == 0


def _written(settings: Settings, group: Group) -> dict[str, list[Any]]:
    """What the group wrote: (partition, key, value, headers) of each message, stream by stream.

    Which steps are told as progress depends on what was read at once.
    """
    own = settings.topic_prefix.encode()
    found: dict[str, list[Any]] = {}
    for stream in (
        each.stream for each in TOPICS if group.name in each.producers and each.stream != PROGRESS
    ):
        found[stream] = [
            (each.partition, each.key, _content(settings, stream, each.value), _without(own, each.headers))
            for each in messages(settings, stream)
            if dict(each.headers).get(dead_letters.STAGE, group.name.encode()) == group.name.encode()
        ]
    if group.table is not None:
        found["changelog"] = list(changes(settings, group))
    return found


def _content(settings: Settings, stream: str, value: bytes | None) -> object:
    if stream != COVERAGE or value is None:
        return value
    record: dict[str, Any] = codec_for(COVERAGE).read(value, HEADER_SIZE)
    # Where a block's messages end depends on how many blocks shared a transaction: its marker has an offset.
    ends = [
        (each["topic"].removeprefix(settings.topic_prefix), each["partition"]) for each in record["offsets"]
    ]
    return record | {"offsets": ends}


def _without(prefix: bytes, headers: tuple[tuple[str, bytes], ...]) -> list[tuple[str, bytes]]:
    return [(name, value.replace(prefix, b"")) for name, value in headers]


@pytest.mark.parametrize("name", NAMES)
def test_another_host_writes_the_same(name: str, by_faust: Settings, settings: Settings) -> None:
    group = group_of(name)
    _copy(by_faust, settings, group.input)
    end = _end(settings, group)
    # Its first life ends before anything is acknowledged: the second is given everything again.
    first = PlainHost(settings, group)
    first.run(end // 2, at_once=2, commits=False)
    first.close()
    second = PlainHost(settings, group)
    second.run(end, at_once=3)
    second.close()

    expected = _written(by_faust, group)
    assert _written(settings, group) == expected
    assert sum(map(len, expected.values())) >= end // 2, "there is something to compare"
    assert committed(settings, name, group.input) == end
