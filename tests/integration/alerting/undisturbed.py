"""The application that reads the same events and adopts the same edits, and that nobody disturbs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from headwater import kafka
from headwater.settings import Settings
from schemas import HEADER_SIZE, codec_for
from streams.runtime.state_topic import committed_state
from tests.integration import recorded_alerts
from tests.integration.second_application import INPUT, SecondApplication
from tests.integration.worker_process import committed, messages, written
from topics.catalog import topic_name

GROUPS: Final = ("aggregate", "alert")
SAID: Final = ("chain-stats", "token-stats", "contract-stats", "incomplete-windows", "alerts")
KEPT: Final = ("aggregate-state", "alert-state")


def keep_the_record(settings: Settings) -> None:
    """Compaction leaves the record of what was adopted alone: the second application needs all of it."""
    own = ConfigResource(ResourceType.TOPIC, topic_name(settings, "alert-state"))
    lag = ConfigEntry("min.compaction.lag.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    own.add_incremental_config(lag)
    client = kafka.admin(settings)  # its futures never end once it is gone
    for done in client.incremental_alter_configs([own]).values():
        done.result(30)


def caught_up(settings: Settings) -> bool:
    return all(committed(settings, group, INPUT) == written(settings, INPUT) for group in GROUPS)


@contextmanager
def undisturbed(first: Settings, folder: Path) -> Iterator[SecondApplication]:
    """The application that nobody disturbs, which has yet to be given its input."""
    second = SecondApplication(first, "second", folder)
    recorded_alerts.write(folder, recorded_alerts.recorded(first))
    try:
        second.start("aggregate")
        second.start("alert", recorded_alerts.MODULE)
        yield second
    finally:
        second.end()


def compare(first: Settings, second: Settings) -> None:
    """Every message of every key, in its order, and all that both remember."""
    for stream in SAID:
        mine, theirs = _published(first, stream), _published(second, stream)
        assert mine.keys() == theirs.keys(), f"{stream}: {list(mine.keys() ^ theirs.keys())[:5]}"
        codec = codec_for(stream)
        for key, own in mine.items():
            for one, other in zip(own, theirs[key], strict=False):
                assert one == other, f"{stream}, {key!r}: {codec.read(one)} and {codec.read(other)}"
            assert len(own) == len(theirs[key]), f"{stream}, {key!r}: {len(own)} and {len(theirs[key])}"
    for stream in KEPT:
        ours, others = (
            {
                key: _compared(stream, key, value[HEADER_SIZE:])
                for key, value in committed_state(settings, stream).items()
            }
            for settings in (first, second)
        )
        different = sorted(key for key in ours.keys() | others.keys() if ours.get(key) != others.get(key))
        assert not different, f"{stream}: {different[:5]}"


def _compared(stream: str, key: bytes, entry: bytes) -> bytes:
    """Up to where the first application decided on its configuration topic, refused texts included, is no
    part of what the second one is given."""
    if (stream, key) != ("alert-state", b"progress"):
        return entry
    codec = codec_for(stream)
    record = codec.read(entry)
    *content, _ = msgspec.msgpack.decode(record["content"])
    return codec.write(record | {"content": msgspec.msgpack.encode(content)})


def _published(settings: Settings, stream: str) -> dict[bytes, list[bytes]]:
    """Key → its messages. In which order an event's messages of different keys stand says nothing."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for each in messages(settings, stream):
        found[each.key or b""].append((each.value or b"")[HEADER_SIZE:])
    return found
