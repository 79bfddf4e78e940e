"""Single values of a rule: names, durations, comparisons, words of a closed list."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, TypeVar

from yaml.nodes import Node

from streams.logic.alerts.rule import Comparison
from streams.logic.alerts.rules.document import text
from streams.logic.alerts.rules.problem import at, nearest, shown

DAY_MS: Final = 86_400_000
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
_COMPARISON: Final = re.compile(r"(>=|<=|==|!=|>|<) *(-?[0-9][0-9_]{0,99})")
_BOUND: Final = (1 << 256) - 1
E = TypeVar("E", bound=Enum)


def name(node: Node, what: str) -> str:
    """A word in lower case, as ids, chains and channels have. Raises RuleError."""
    found = text(node, what)
    if _ID.fullmatch(found) is None:
        raise at(node, f"{what} is a-z, 0-9, '-', '_' and '.', 64 at most, not {shown(found)}")
    return found


def word(node: Node, what: str, words: type[E]) -> E:
    """A word of a closed list. Raises RuleError."""
    found = text(node, what)
    known = [each.value for each in words]
    if found not in known:
        raise at(node, f"{what} is one of {', '.join(known)}, not {shown(found)}{nearest(found, known)}")
    return words(found)


def flag(node: Node, what: str) -> bool:
    """true or false. Raises RuleError."""
    found = text(node, what)
    if found not in ("true", "false"):
        raise at(node, f"{what} is true or false, not {shown(found)}")
    return found == "true"


def duration(node: Node, what: str, least_ms: int, most_ms: int) -> int:
    """Milliseconds of a text such as 30s, 10m, 1h, 7d. Raises RuleError."""
    found = text(node, what)
    parts = _DURATION.fullmatch(found)
    if parts is None:
        raise at(node, f"{what} is a number and a unit (30s, 10m, 1h, 7d), not {shown(found)}")
    value = int(parts[1]) * _UNITS[parts[2]]
    if not least_ms <= value <= most_ms:
        raise at(node, f"{what} is from {_written(least_ms)} to {_written(most_ms)}, not {found}")
    return value


def comparison(node: Node, what: str) -> tuple[Comparison, int]:
    """Of a text such as ">= 3". Raises RuleError."""
    found = text(node, what)
    parts = _COMPARISON.fullmatch(found.strip())
    if parts is None:
        raise at(node, f'{what} is compared with an integer (">= 3"), not {shown(found)}')
    bound = int(parts[2].replace("_", ""))
    if abs(bound) > _BOUND:
        raise at(node, f"{what} is compared with a number beyond 256 bits")
    return Comparison(parts[1]), bound


def _written(milliseconds: int) -> str:
    for unit, size in reversed(_UNITS.items()):
        if milliseconds % size == 0 and (milliseconds or unit == "s"):
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
