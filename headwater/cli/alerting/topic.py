"""The configuration topic as the command line reads and writes it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from headwater import clock, kafka
from headwater.errors import Fatal
from headwater.settings import Settings
from schemas import codec_for, frame, version_of
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
    topic, reader = topic_name(settings, STREAM), Registry(settings).reader(STREAM)
    client = kafka.reader(settings)
    found: dict[str, Written] = {}
    try:
        low, high = kafka.watermarks(client, topic)
        for message in kafka.read_range(client, topic, low, high):
            key, value = _text(message.key()), message.value()
            if not key.startswith(prefix):
                continue
            if value is None:
                found.pop(key, None)
                continue
            record = reader.read(value)
            found[key] = Written(
                cast(int, message.offset()),
                str(record["value"]),
                cast(int, record["written_at"]),
                str(record["written_by"]),
            )
    finally:
        client.close()
    return found


def write(settings: Settings, changes: Mapping[str, str | None]) -> None:
    """Returns once the brokers have acknowledged every change, in their order; None takes a key out.

    Raises Fatal for a key that means nothing, before anything is written; Transient when brokers do not
    acknowledge: what they have stays, and the same command again completes it.
    """
    for key in changes:
        if not well_formed(key):
            raise Fatal(f"{key!r} is no key of the configuration")
    topic, codec = topic_name(settings, STREAM), codec_for(STREAM)
    head = frame(Registry(settings).id_for(STREAM))
    about = {"written_at": clock.now_ms(), "written_by": f"{_user()}@{socket.gethostname()}"}
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


def _text(key: str | bytes | None) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else key or ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for this user id, as in a container
        return "unknown"
