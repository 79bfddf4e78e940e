"""Prints alerts: for a first look, and for containers whose output is collected."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO

import orjson

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services
from connectors.delivery.queue.channel import Answer, Outcome
from connectors.delivery.queue.delivery import Delivery


class PrintSettings(ChannelSettings):
    """A channel on standard output: one line an alert."""

    def make(self, services: Services) -> Channel:
        return Print()


@dataclass(frozen=True, slots=True)
class Print:
    """Writes a line and flushes it."""

    output: TextIO = field(default_factory=lambda: sys.stdout)

    async def send(self, delivery: Delivery) -> Outcome:
        alert = orjson.loads(delivery.payload)
        # One line each, whatever a title has in it.
        title = " ".join(str(alert.get("title", "")).split())
        self.output.write(
            f"{delivery.severity} {delivery.status} {delivery.rule_id}: {title} "
            f"[alert 0x{delivery.alert_id.hex()} version {delivery.version}]\n"
        )
        self.output.flush()
        return Outcome(Answer.TAKEN)
