"""What records of a group in a window add up to, measure by measure, and whether thresholds hold.

A tally is never changed: a block that leaves gives the one before back.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from streams.logic.alerts.rule import (
    Comparison,
    ConditionError,
    Function,
    Lists,
    Record,
    Threshold,
    Window,
)

_HOLDS: Final[Mapping[Comparison, Callable[[int, int], bool]]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.UNEQUAL: operator.ne,
}
MOST_VALUES: Final = 50_000
"""Different values that are told apart: a count of so many may be of more. What is kept of them goes into one
message of the state topic, eight measures at most."""
_LONGEST: Final = 66
"""Characters of a value that is kept as it is: those of a hash. Call data may be all of a block."""
Distinct: TypeAlias = tuple[frozenset[str], ...]
"""Values in sets that share none; sets of a size are joined, so that a window adds a value in few steps."""
Measure: TypeAlias = tuple[int, int | None] | Distinct
"""Number and sum (or least, or greatest) of the values; for `distinct` the values."""


class Tally(msgspec.Struct, frozen=True):
    """`records`: how many there are. `measures`: one a threshold, in the window's order."""

    records: int
    measures: tuple[Measure, ...]


def tally_of(window: Window, record: Record, lists: Lists) -> Tally:
    """What one record gives. Raises ConditionError where a measure has no value for it."""
    return Tally(1, tuple(_measure(each, record, lists) for each in window.thresholds))


def joined(window: Window, one: Tally, other: Tally) -> Tally:
    """What both give together."""
    return Tally(
        one.records + other.records,
        tuple(map(_joined, window.thresholds, one.measures, other.measures)),
    )


def eager(window: Window) -> bool:
    """True when more records can never undo that all thresholds hold, so that nothing need be waited for."""
    return all(
        each.function in (Function.COUNT, Function.SUM)
        and each.comparison in (Comparison.ABOVE, Comparison.AT_LEAST)
        for each in window.thresholds
    )


def holds(window: Window, tally: Tally) -> bool:
    """True when all thresholds hold. One without a single value does not."""
    return all(map(_threshold_holds, window.thresholds, [tally] * len(tally.measures), tally.measures))


def shown(window: Window, tally: Tally) -> dict[str, int]:
    """Name of each measure → its value; averages are cut to an integer."""
    found: dict[str, int] = {"count": tally.records}
    for each, measure in zip(window.thresholds, tally.measures, strict=True):
        value = _value(each, tally, measure)
        if value is not None:
            numerator, denominator = value
            found[name_of(each)] = numerator // denominator
    return found


def name_of(threshold: Threshold) -> str:
    """The measure as the rule writes it: `count`, `sum(value)`."""
    name = threshold.function.value
    return name if threshold.of is None else f"{name}({threshold.of})"


def _measure(threshold: Threshold, record: Record, lists: Lists) -> Measure:
    if threshold.value is None:
        return (1, 1)
    value = threshold.value(record, lists)
    if threshold.function is Function.DISTINCT:
        return () if value is None else (frozenset({_kept(str(value))}),)
    if threshold.function is Function.COUNT:
        return (0, 0) if value is None else (1, 1)
    if value is None:
        return (0, None)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConditionError(f"{name_of(threshold)} needs an integer, not {value!r}")
    return (1, value)


def _joined(threshold: Threshold, one: Measure, other: Measure) -> Measure:
    if threshold.function is Function.DISTINCT:
        return _together(_sets(one), _sets(other))
    (count, first), (more, second) = _numbers(one), _numbers(other)
    if first is None or second is None:
        return (count + more, first if second is None else second)
    match threshold.function:
        case Function.MIN:
            return (count + more, min(first, second))
        case Function.MAX:
            return (count + more, max(first, second))
        case _:
            return (count + more, first + second)


def _kept(text: str) -> str:
    return text if len(text) <= _LONGEST else blake2b(text.encode(), digest_size=16).hexdigest()


def _together(one: Distinct, other: Distinct) -> Distinct:
    room = MOST_VALUES - sum(map(len, one))
    if not room:
        return one
    new = frozenset().union(*other)
    for each in one:
        new -= each
    if not new:
        return one
    if len(new) > room:
        new = frozenset(sorted(new)[:room])
    sets = [*one, new]
    while len(sets) > 1 and len(sets[-2]) <= 2 * len(sets[-1]):
        last = sets.pop()
        sets[-1] |= last
    return tuple(sets)


def _threshold_holds(threshold: Threshold, tally: Tally, measure: Measure) -> bool:
    value = _value(threshold, tally, measure)
    if value is None:
        return False
    numerator, denominator = value
    return _HOLDS[threshold.comparison](numerator, threshold.bound * denominator)


def _value(threshold: Threshold, tally: Tally, measure: Measure) -> tuple[int, int] | None:
    """The measure as a fraction: an average is compared exactly."""
    if threshold.function is Function.DISTINCT:
        return sum(map(len, _sets(measure))), 1
    count, value = _numbers(measure)
    if threshold.function is Function.COUNT:
        return count, 1
    if value is None:
        return (0, 1) if threshold.function is Function.SUM else None
    return (value, count if threshold.function is Function.AVG else 1)


def _numbers(measure: Measure) -> tuple[int, int | None]:
    first, second = measure
    if isinstance(first, frozenset) or isinstance(second, frozenset):
        raise TypeError("the values of a distinct count are not numbers")
    return first, second


def _sets(measure: Measure) -> Distinct:
    found = tuple(each for each in measure if isinstance(each, frozenset))
    if len(found) != len(measure):
        raise TypeError("numbers are not values of a distinct count")
    return found


def packed(tally: Tally) -> tuple[int, list[list[str | None]]]:
    """The tally in types that MessagePack has: sums exceed 64 bits."""
    measures: list[list[str | None]] = []
    for each in tally.measures:
        if all(isinstance(part, frozenset) for part in each):
            measures.append(["d", *sorted(frozenset().union(*_sets(each)))])
        else:
            count, value = _numbers(each)
            measures.append(["n", str(count), None if value is None else str(value)])
    return tally.records, measures


def unpacked(records: int, measures: Iterable[Sequence[str | None]]) -> Tally:
    """The tally that was packed."""
    found: list[Measure] = []
    for kind, *parts in measures:
        if kind == "d":
            values = frozenset(each for each in parts if each is not None)
            found.append((values,) if values else ())
        else:
            count, value = parts
            found.append((int(count or 0), None if value is None else int(value)))
    return Tally(records, tuple(found))
