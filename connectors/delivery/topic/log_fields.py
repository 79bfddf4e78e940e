"""What log lines say of an attempt: the alert's message, the event that decided it, and the block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from connectors.delivery.queue.delivery import Delivery
from connectors.delivery.queue.notification import Notification
from topics.chainlog.headers import trace_id
from topics.groups import DELIVER

ALERTS: Final = "alerts"
"""The stream that deliveries are of."""
STAGE: Final = DELIVER
"""What this process calls itself where stages are told apart."""


def notification_fields(topic: str, notification: Notification) -> Mapping[str, object]:
    """For `headwater.logging.about`: of several alerts in one request the first one, and their number.

    `topic` is the alerts' own, where `partition` and `offset` name the message. `sequence` is the version.
    """
    first = notification.deliveries[0]
    return {
        "stage": STAGE,
        "topic": topic,
        "partition": first.alert_partition,
        "offset": first.alert_offset,
        "sequence": first.version,
        "trace_id": _trace_id(first),
        "channel": first.channel,
        "id": notification.id,
        "alert": f"0x{first.alert_id.hex()}",
        "version": first.version,
        "alerts": len(notification.deliveries),
    }


def _trace_id(delivery: Delivery) -> str | None:
    """The trace of the alert's block; None for one that is of no block."""
    try:
        alert: dict[str, Any] = orjson.loads(delivery.payload)
        return trace_id(bytes.fromhex(alert["block_hash"].removeprefix("0x")))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Of a window's alert there may be no block, and a stranger's entry may hold anything.
        return None
