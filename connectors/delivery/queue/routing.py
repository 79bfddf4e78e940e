"""From a message of `alerts` to its entries in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.delivery.queue.delivery import Delivery, State, delivery_id
from schemas.jsonable import to_json


@dataclass(frozen=True, slots=True)
class AlertPosition:
    """Where an alert's message stands, and when Kafka took it (milliseconds since 1970)."""

    partition: int
    offset: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Routed:
    """The entries of an alert, and the channels that it names and nobody has applied."""

    deliveries: list[Delivery]
    unknown: list[str]


def route(alert: Mapping[str, Any], position: AlertPosition, since: Mapping[str, int], now: int) -> Routed:
    """One PENDING entry for each channel; none for a rule in shadow mode.

    `since`: channel → when it was first applied. What was published before is not for it.
    """
    routed = Routed([], [])
    if alert["shadow"]:
        return routed
    payload = orjson.dumps(to_json(alert)).decode()
    for channel in dict.fromkeys(alert["channels"]):
        if channel not in since:
            routed.unknown.append(channel)
        elif position.timestamp >= since[channel]:
            routed.deliveries.append(_pending(alert, position, channel, payload, now))
    return routed


def _pending(
    alert: Mapping[str, Any], position: AlertPosition, channel: str, payload: str, now: int
) -> Delivery:
    return Delivery(
        chain_id=alert["chain_id"],
        delivery_id=delivery_id(alert["alert_id"], alert["version"], channel),
        channel=channel,
        alert_id=alert["alert_id"],
        version=alert["version"],
        status=alert["status"],
        rule_id=alert["rule_id"],
        severity=alert["severity"],
        state=State.PENDING,
        attempts=0,
        replays=0,
        revision=0,
        alert_partition=position.partition,
        alert_offset=position.offset,
        block_timestamp=alert["block_timestamp"],
        published_at=position.timestamp,
        queued_at=now,
        updated_at=now,
        first_attempt_at=None,
        delivered_at=None,
        not_before=None,
        http_status=None,
        problem=None,
        payload=payload,
    )
