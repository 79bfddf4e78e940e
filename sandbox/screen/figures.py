"""Figures as people read them."""

from __future__ import annotations


def number(value: int | None) -> str:
    """A count for people; a dash when not known."""
    return "–" if value is None else f"{value:,}"


def seconds(value: float | None) -> str:
    """A short time for people: ms below a second."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def duration(value: float) -> str:
    """A long time for people: 75 → 1:15."""
    whole = int(value)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def address(value: str) -> str:
    """0x1234…abcd."""
    return f"{value[:6]}…{value[-4:]}" if len(value) > 12 else value


def shorten(value: str, width: int) -> str:
    """At most `width` characters."""
    return value if len(value) <= width else value[: max(1, width - 1)] + "…"
