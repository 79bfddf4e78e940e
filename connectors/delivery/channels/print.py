"""Prints alerts: for a first look, and for containers whose output is collected."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO

import orjson

from connectors.delivery.channels.channel import Channel, ChannelSettings, Services
from connectors.delivery.queue.attempt import Answer, Outcome
from connectors.delivery.queue.notification import Notification


class PrintSettings(ChannelSettings):
    """A channel on standard output: one line per alert."""

    def make(self, services: Services) -> Channel:
        return Print()


@dataclass(frozen=True, slots=True)
class Print:
    """Writes a line and flushes it."""

    output: TextIO = field(default_factory=lambda: sys.stdout)

    async def send(self, notification: Notification) -> Outcome:
        for each in notification.deliveries:
            # One line each, whatever a title has in it.
            title = " ".join(str(orjson.loads(each.payload).get("title", "")).split())
            self.output.write(
                f"{each.severity} {each.status} {each.rule_id}: {title} "
                f"[alert 0x{each.alert_id.hex()} version {each.version}]\n"
            )
        self.output.flush()
        return Outcome(Answer.TAKEN)
