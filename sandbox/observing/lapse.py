"""The alert rules in time lapse: all of their durations divided by one factor, and nothing else changed.

What counts events within a window stays as it is: where the chain is sped up by the same factor, as many
come within the shorter window. What is compared with seconds is a duration too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_MILLISECONDS: Final[Mapping[str, int]] = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_STEP: Final = re.compile(r"(\d+)(ms|[smhdwy])")
# A string is left alone; a duration is one or several steps, as in 1h30m.
_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])(?:\d+(?:ms|[smhdwy]))+(?!\w)')
_METRIC: Final = re.compile(r"\bheadwater_\w+")
_OF_SECONDS: Final = ("_seconds", "_seconds_bucket")
_LIMIT: Final = re.compile(r"(?<=[<>] )\d+(?:\.\d+)?(?!\S)")


def duration(text: str, factor: float) -> str:
    """A duration as Prometheus writes it, divided; a millisecond at least, but for one that is 0."""
    whole = sum(int(number) * _MILLISECONDS[unit] for number, unit in _STEP.findall(text))
    return f"{max(round(whole / factor), 1 if whole else 0)}ms"


def expression(text: str, factor: float) -> str:
    """The same of windows and offsets, and of limits where all is in seconds."""
    scaled = _WORD.sub(
        lambda found: found[0] if found[0].startswith('"') else duration(found[0], factor), text
    )
    metrics = _METRIC.findall(scaled)
    if metrics and all(metric.endswith(_OF_SECONDS) for metric in metrics):
        scaled = _LIMIT.sub(lambda found: f"{float(found[0]) / factor:g}", scaled)
    return scaled


def rule(given: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """A rule of an alert, `factor` times as fast. With 1 it is what it was."""
    if factor == 1:
        return dict(given)
    return {**given, "expr": expression(given["expr"], factor), "for": duration(given["for"], factor)}
