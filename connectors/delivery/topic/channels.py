"""The channels that were applied: a compacted topic of one partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from connectors.delivery.channels.channel import ChannelSettings
from connectors.delivery.channels.text import Written, checked
from connectors.delivery.topic.log_fields import STAGE
from headwater import clock, kafka
from headwater.errors import Permanent
from headwater.logging import get_logger
from headwater.settings import Settings
from schemas import MalformedRecord, codec_for, frame, version_of
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.headers import SCHEMA_VERSION

STREAM: Final = "delivery-channels"
_HEADERS: Final = ((SCHEMA_VERSION, str(version_of(STREAM)).encode()),)
_log = get_logger("connectors.delivery")


@dataclass(frozen=True, slots=True)
class Applied:
    """A channel that was applied; `since` in milliseconds since 1970.

    `problem` says why this version of Headwater cannot use it; then there are no `settings`.
    """

    id: str
    kind: str
    text: str
    since: int
    applied_by: str
    settings: ChannelSettings | None
    problem: str = ""


class ChannelTopic:
    """What stands on the topic. Of one thread."""

    def __init__(self, settings: Settings, registry: Registry | None = None) -> None:
        self._settings = settings
        self._registry = registry or Registry(settings)
        self._topic = topic_name(settings, STREAM)
        self._reader = self._registry.reader(STREAM)
        self._client = kafka.reader(settings)
        self._end = 0
        self._channels: dict[str, Applied] = {}

    def refresh(self) -> Mapping[str, Applied]:
        """Every channel by id, up to the topic's end as it is now. Raises Transient or Fatal."""
        low, high = kafka.watermarks(self._client, self._topic)
        if high > self._end:
            for message in kafka.read_range(self._client, self._topic, max(low, self._end), high):
                self._take(
                    (message.key() or b"").decode(errors="replace"), message.value(), message.timestamp()[1]
                )
            self._end = high
        return self._channels

    def close(self) -> None:
        """Release the client."""
        self._client.close()

    def _take(self, channel: str, value: bytes | None, timestamp: int) -> None:
        if value is None:
            self._channels.pop(channel, None)
            return
        try:
            applied = _applied(self._reader.read(value), timestamp)
        except MalformedRecord as error:
            _log.warning("not a channel", stage=STAGE, topic=self._topic, key=channel, error=str(error))
            return
        self._channels[applied.id] = applied


def _applied(record: Mapping[str, Any], timestamp: int) -> Applied:
    since = record["since"] if record["since"] is not None else timestamp
    known = Applied(record["channel"], record["kind"], record["settings"], since, record["applied_by"], None)
    try:
        settings = checked(known.kind, orjson.loads(known.text), f"channel {known.id}")
    except (Permanent, orjson.JSONDecodeError) as error:
        return replace(known, problem=str(error))
    return replace(known, settings=settings)


def settings_text(settings: ChannelSettings) -> str:
    """The settings of a channel as they stand on the topic: `Applied.text`."""
    return settings.model_dump_json(exclude_defaults=True)


def apply(settings: Settings, channels: Sequence[Written], known: Mapping[str, Applied]) -> None:
    """Write channels; those that are known go on where they are. Raises Transient."""
    codec, head = codec_for(STREAM), frame(Registry(settings).id_for(STREAM))
    messages = []
    for each in channels:
        record = {
            "channel": each.id,
            "kind": each.kind,
            "settings": settings_text(each.settings),
            "since": known[each.id].since if each.id in known else None,
            "applied_by": settings.client_id,
            "applied_at": clock.now_ms(),
        }
        messages.append(kafka.Outgoing(each.id.encode(), head + codec.write(record), _HEADERS))
    kafka.publish(kafka.producer(settings), topic_name(settings, STREAM), messages)


def remove(settings: Settings, channel: str) -> None:
    """Write that a channel is removed. Raises Transient."""
    removal = kafka.Outgoing(channel.encode(), None, _HEADERS)
    kafka.publish(kafka.producer(settings), topic_name(settings, STREAM), [removal])
