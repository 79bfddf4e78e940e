"""A moment as a person types it: `2h`, or `2026-11-28T13:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from headwater.errors import Fatal

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment(text: str, option: str, now_ms: int) -> int:
    """Milliseconds since 1970 of a time (UTC where it names no zone), or of so long ago. Raises Fatal."""
    if ago := _AGO.match(text):
        return now_ms - int(ago[1]) * _SECONDS[ago[2]] * 1_000
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Fatal(
            f"{option} {text} is not a time",
            remedy="give how long ago (90s, 30m, 2h, 7d) or a time (2026-11-28T13:00, UTC unless it says "
            "otherwise)",
        ) from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000)
