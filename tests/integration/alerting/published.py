"""What the alert stage has published."""

from __future__ import annotations

from typing import Any, Final

from headwater.errors import Transient
from headwater.settings import Settings
from schemas import HEADER_SIZE, codec_for
from tests.integration.line import Line
from tests.integration.worker_process import messages

STATUSES: Final = {"PROVISIONAL", "CONFIRMED", "RETRACTED", "RESOLVED"}


def published_alerts(settings: Settings) -> list[dict[str, Any]]:
    """All versions, those of an alert in their order."""
    codec = codec_for("alerts")
    return [codec.read(each.value or b"", HEADER_SIZE) for each in messages(settings, "alerts")]


def fork_until_every_status(line: Line) -> None:
    """Whether the forks before took an alert back, was chance."""

    def all_occur() -> bool:
        try:
            if {each["status"] for each in published_alerts(line.settings)} == STATUSES:
                return True
        except Transient:
            return False
        line.reorg(3)
        return False

    line.wait_until(all_occur, "every status occurs", 120)
