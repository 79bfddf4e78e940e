"""Alerts and deliveries for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.delivery.queue.delivery import Delivery
from connectors.delivery.queue.routing import AlertPosition, route


def alert(number: int, version: int, status: str = "PROVISIONAL", **fields: Any) -> dict[str, Any]:
    """A record of `alerts`, of the alert that a number names, for channel `ops`."""
    return {
        "chain_id": 1,
        "block_number": 7,
        "block_hash": bytes(32),
        "block_timestamp": 1_700_000_000_000,
        "sequence": version,
        "removed": status == "RETRACTED",
        "event_id": bytes(16),
        "alert_id": number.to_bytes(16, "big"),
        "rule_id": "large-transfer",
        "rule_version": 3,
        "severity": "HIGH",
        "status": status,
        "version": version,
        "group": {},
        "transaction_hash": None,
        "log_index": None,
        "window_start": None,
        "window_end": None,
        "title": "a large transfer",
        "labels": {},
        "values": {"value": "1"},
        "channels": ["ops"],
        "shadow": False,
        "reason": None,
    } | fields


def pending(number: int, version: int, status: str = "PROVISIONAL", now: int = 0, **fields: Any) -> Delivery:
    """A PENDING entry on channel `ops`."""
    position = AlertPosition(0, version, now)
    (delivery,) = route(alert(number, version, status), position, {"ops": 0}, now).deliveries
    return replace(delivery, **fields)
