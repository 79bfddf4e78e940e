"""The window of a rule: its size, and what is measured in it and compared with what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from yaml.nodes import Node, ScalarNode

from streams.logic.alerts.cel import ScalarType, Type
from streams.logic.alerts.rule import Function, Lists, Record, Threshold, Value, Window
from streams.logic.alerts.rules.document import entries
from streams.logic.alerts.rules.problem import at, nearest, shown
from streams.logic.alerts.rules.values import DAY_MS, comparison, duration
from streams.logic.alerts.tally import MOST_VALUES

MAX_THRESHOLDS: Final = 8
MAX_OVERLAP: Final = 60
"""Windows that a record may be in."""
_MEASURE: Final = re.compile(r"([a-z]+)(?:\(([a-z0-9_]+)\))?")
_INTEGERS: Final = frozenset({Function.SUM, Function.MIN, Function.MAX, Function.AVG})
_KNOWN: Final = ("size", "every", *(each.value for each in Function))


def window_of(node: Node, fields: Mapping[str, Type]) -> Window:
    """The window that a mapping says. Raises RuleError for the first thing wrong with it."""
    size = every = None
    thresholds: list[Threshold] = []
    for key, value in entries(node, "window"):
        if key.value == "size":
            size = duration(value, "window.size", 1_000, 7 * DAY_MS)
        elif key.value == "every":
            every = duration(value, "window.every", 1_000, 7 * DAY_MS)
        else:
            thresholds.append(_threshold(key, value, fields))
    if size is None:
        raise at(node, 'a window has a size ("size: 10m")')
    every = size if every is None else every
    if size % every or size // every > MAX_OVERLAP:
        raise at(node, f"window.every divides window.size without rest, into {MAX_OVERLAP} parts at most")
    if not thresholds:
        raise at(node, 'a window has a threshold (count: ">= 3")')
    if len(thresholds) > MAX_THRESHOLDS:
        raise at(node, f"{len(thresholds)} thresholds, {MAX_THRESHOLDS} is the limit")
    return Window(size, every, tuple(thresholds))


def _threshold(key: ScalarNode, value: Node, fields: Mapping[str, Type]) -> Threshold:
    parts = _MEASURE.fullmatch(key.value)
    functions = {each.value: each for each in Function}
    if parts is None or parts[1] not in functions:
        hint = nearest(key.value, _KNOWN)
        raise at(key, f"{shown(key.value)} is not a key of a window{hint}; there are size, every, count, "
                 "sum(FIELD), min(FIELD), max(FIELD), avg(FIELD), distinct(FIELD)")  # fmt: skip
    function, of = functions[parts[1]], parts[2]
    relation, bound = comparison(value, key.value)
    if function is Function.COUNT:
        if of is not None:
            raise at(key, "count counts records and names no field; distinct(FIELD) counts values")
        return Threshold(function, None, None, relation, bound)
    if of is None:
        raise at(key, f"{function.value} names a field: {function.value}(value)")
    _check_field(key, function, of, fields)
    if function is Function.DISTINCT and bound >= MOST_VALUES:
        raise at(value, f"{key.value} is compared with less than {MOST_VALUES:,}: more are not told apart")
    return Threshold(function, of, _reads(of), relation, bound)


def _check_field(key: ScalarNode, function: Function, of: str, fields: Mapping[str, Type]) -> None:
    type_ = fields.get(of)
    if type_ is None:
        raise at(key, f"{shown(of)} is not a field{nearest(of, fields)}")
    if type_.list:
        raise at(key, f"{of} is a list, {function.value} takes one value per record")
    if function in _INTEGERS and type_.kind is not ScalarType.INT:
        raise at(key, f"{function.value} takes an integer, {of} is {type_.kind.value}")


def _reads(name: str) -> Value:
    def value(record: Record, lists: Lists) -> int | str | bool | None:
        found = record[name]
        assert found is None or isinstance(found, int | str)
        return found

    return value


def measures_of(window: Window) -> tuple[str, ...]:
    """What a title can say of a window, beside its group: `count`, `sum(value)` …"""
    named = {
        each.function.value if each.of is None else f"{each.function.value}({each.of})"
        for each in window.thresholds
    }
    return ("count", *sorted(named - {"count"}), "window_start", "window_end")
