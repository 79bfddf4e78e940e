"""Titles: text with `{{ field | filter }}`. What stands between the braces is looked up, never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.logic.alerts.cel import Type
from streams.logic.alerts.rule import ConditionError, Record
from streams.logic.alerts.rules.filters import FILTERS, Apply
from streams.logic.alerts.rules.problem import nearest, shown

MAX_TITLE: Final = 256
_LONGEST: Final = 512
"""Characters that one field adds: call data may be all of a block."""
_HOLE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME: Final = re.compile(r"([a-z_][a-z0-9_]*(?:\([a-z0-9_]+\))?)(?:\[([0-9]{1,4})\])?")
_FILTER: Final = re.compile(r"([a-z]+)(?:\(([0-9]{1,2})\))?")


class TitleProblem(Exception):  # noqa: N818 - it is the text that is at fault
    """`offset`: the character of the title where the hole begins."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset, self.message = offset, message


@dataclass(frozen=True, slots=True)
class _Hole:
    name: str
    place: int | None
    filters: tuple[tuple[Apply, int], ...]

    def text(self, record: Record, labels: Mapping[str, str]) -> str:
        try:
            value: Any = record[self.name]
            if self.place is not None:
                value = value[self.place]
        except LookupError as error:
            raise ConditionError(f"the record has no {error}") from error
        if value is None:
            return "none"
        for apply, argument in self.filters:
            value = apply(value, labels, argument)
        return _printed(value)


def compile_title(text: str, names: Mapping[str, Type]) -> Callable[[Record, Mapping[str, str]], str]:
    """What writes the title of a record's alert; that raises ConditionError. Raises TitleProblem."""
    if len(text) > MAX_TITLE:
        raise TitleProblem(0, f"a title of {len(text):,} characters, {MAX_TITLE} is the limit")
    parts: list[str | _Hole] = []
    end = 0
    for found in _HOLE.finditer(text):
        parts += [text[end : found.start()], _hole(found[1], names, found.start())]
        end = found.end()
    parts.append(text[end:])
    for part in parts:
        if isinstance(part, str) and ("{{" in part or "}}" in part):
            raise TitleProblem(text.index(part), "{{ and }} come in pairs, around a field")

    def title(record: Record, labels: Mapping[str, str]) -> str:
        return "".join(part if isinstance(part, str) else part.text(record, labels) for part in parts)

    return title


def _hole(inside: str, names: Mapping[str, Type], offset: int) -> _Hole:
    first, *rest = (each.strip() for each in inside.split("|"))
    parts = _NAME.fullmatch(first)
    if parts is None or parts[1] not in names:
        raise TitleProblem(offset, f"{shown(first)} is not a field{nearest(first, names)}")
    name, place = parts[1], parts[2]
    type_ = names[name]
    if (place is not None) != type_.list:
        hint = f"one element of it is: {name}[0]" if type_.list else "it has no elements"
        raise TitleProblem(offset, f"{name} cannot be written so; {hint}")
    kind = type_.kind
    filters: list[tuple[Apply, int]] = []
    for each in rest:
        found = _FILTER.fullmatch(each)
        known = None if found is None else FILTERS.get(found[1])
        if found is None or known is None:
            raise TitleProblem(
                offset,
                f"{shown(each)} is not a filter{nearest(each, FILTERS)}; there are {', '.join(FILTERS)}",
            )
        if known.argument != (found[2] is not None):
            raise TitleProblem(
                offset, f"{found[1]} takes {'a number: units(6)' if known.argument else 'nothing'}"
            )
        if known.takes is not kind:
            raise TitleProblem(offset, f"{found[1]} takes {known.takes.value}, {first} is {kind.value} here")
        kind = known.gives
        filters.append((known.apply, int(found[2] or 0)))
    return _Hole(name, None if place is None else int(place), tuple(filters))


def _printed(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
