"""The configuration topic as the command line reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from confluent_kafka import Message

from headwater import clock, kafka
from headwater.author import author
from headwater.errors import Fatal
from headwater.settings import Settings
from schemas import codec_for, frame, version_of
from schemas.reader import StreamReader
from schemas.registry import Registry
from streams.logic.alerts.configuration import well_formed
from topics.catalog import topic_name
from topics.chainlog.headers import SCHEMA_VERSION

STREAM: Final = "alert-configuration"
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Written:
    """What stands under a key. `offset` is the version of a rule; `at` is milliseconds since 1970 (UTC)."""

    offset: int
    value: str
    at: int
    by: str


def current(settings: Settings, prefix: str = "") -> dict[str, Written]:
    """Key → what stands there, of keys with this beginning. Raises Fatal, or Transient without Kafka."""
    reader, client = Registry(settings).reader(STREAM), kafka.reader(settings)
    try:
        messages = kafka.latest(client, topic_name(settings, STREAM))
    finally:
        client.close()
    return {key: _written(reader, each) for key, each in messages.items() if key.startswith(prefix)}


def write(settings: Settings, changes: Mapping[str, str | None]) -> None:
    """Returns once the brokers have acknowledged every change, in their order; None takes a key out.

    Raises Fatal for a key that means nothing, before anything is written; Transient when brokers do not
    acknowledge: what they have stays, and the same command again completes it.
    """
    for key in changes:
        if not well_formed(key):
            raise Fatal(f"{key!r} is not a key of the configuration")
    topic, codec = topic_name(settings, STREAM), codec_for(STREAM)
    head = frame(Registry(settings).id_for(STREAM))
    about = {"written_at": clock.now_ms(), "written_by": author()}
    version = ((SCHEMA_VERSION, str(version_of(STREAM)).encode()),)
    kafka.publish(
        kafka.producer(settings, options={"delivery.timeout.ms": int(SECONDS * 1000)}),
        topic,
        (
            kafka.Outgoing(
                key.encode(),
                None if value is None else head + codec.write({"value": value, **about}),
                version,
            )
            for key, value in changes.items()
        ),
        seconds=SECONDS,
        remedy="run the command again: what is in place already is left out",
    )


def _written(reader: StreamReader, message: Message) -> Written:
    record = reader.read(cast(bytes, message.value()))
    return Written(
        cast(int, message.offset()),
        str(record["value"]),
        cast(int, record["written_at"]),
        str(record["written_by"]),
    )
