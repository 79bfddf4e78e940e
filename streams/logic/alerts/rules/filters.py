"""What a title does with a value before it is written: a closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from streams.logic.alerts.cel import ScalarType
from streams.logic.alerts.cel.runtime import address
from streams.logic.alerts.rule import ConditionError

Labels: TypeAlias = Mapping[str, str]
Apply: TypeAlias = Callable[[Any, Labels, int], Any]
_SUFFIXES: Final = ("", "k", "M", "B", "T")
_PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class Filter:
    """From a value of one kind to one of another. `argument`: it takes a number, as in units(6)."""

    takes: ScalarType
    gives: ScalarType
    argument: bool
    apply: Apply


def units(value: int, decimals: int) -> str:
    """A raw amount in whole units: 1500000 with 6 decimals is 1.5; cut to four places."""
    whole, fraction = divmod(abs(value), 10**decimals)
    digits = f"{fraction:0{decimals}d}"[:_PLACES].rstrip("0") if decimals else ""
    return f"{'-' if value < 0 else ''}{whole:,}{f'.{digits}' if digits else ''}"


def human(value: int) -> str:
    """Three digits and a suffix: 1234567 is 1.23M; powers of ten beyond."""
    size, step = abs(value), 0
    while size >= 10 ** (3 * step + 3) and step < len(_SUFFIXES):
        step += 1
    sign = "-" if value < 0 else ""
    if step == 0:
        return str(value)
    if step == len(_SUFFIXES):
        digits = str(size)
        return f"{sign}{digits[0]}.{digits[1:3]}e{len(digits) - 1}"
    hundredths = size * 100 // 10 ** (3 * step)
    text = f"{hundredths / 100:.2f}" if hundredths < 1_000 else f"{hundredths / 100:.1f}"
    text = text if hundredths < 10_000 else str(hundredths // 100)
    return f"{sign}{text.rstrip('0').rstrip('.') if '.' in text else text}{_SUFFIXES[step]}"


def short(value: str) -> str:
    """The ends of a hash or an address: 0x1234…abcd."""
    return value if len(value) <= 13 else f"{value[:6]}…{value[-4:]}"


def time(value: int) -> str:
    """Milliseconds since 1970 as a date and time in UTC. Raises ConditionError for what no date is."""
    try:
        return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError) as error:
        raise ConditionError(f"{value} milliseconds are not a date") from error


FILTERS: Final[Mapping[str, Filter]] = {
    "label": Filter(
        ScalarType.STRING, ScalarType.STRING, False, lambda value, labels, _: labels.get(value, value)
    ),
    "short": Filter(ScalarType.STRING, ScalarType.STRING, False, lambda value, labels, _: short(value)),
    "address": Filter(ScalarType.STRING, ScalarType.STRING, False, lambda value, labels, _: address(value)),
    "human": Filter(ScalarType.INT, ScalarType.STRING, False, lambda value, labels, _: human(value)),
    "units": Filter(
        ScalarType.INT, ScalarType.STRING, True, lambda value, labels, decimals: units(value, decimals)
    ),
    "ether": Filter(ScalarType.INT, ScalarType.STRING, False, lambda value, labels, _: units(value, 18)),
    "gwei": Filter(ScalarType.INT, ScalarType.STRING, False, lambda value, labels, _: units(value, 9)),
    "time": Filter(ScalarType.INT, ScalarType.STRING, False, lambda value, labels, _: time(value)),
}
