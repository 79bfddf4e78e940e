"""Which rules could match a record: looked up by a field's value, or by the list that a field must be in.

Columns are compared as the codec reads them, so that no hex text is made for a record that meets no rule. A
rule that cannot be looked up is tried with every record of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from schemas import Records
from schemas.codec.model import Array, Fixed, Node, Record, Union
from streams.logic.alerts.records import LAYOUTS, RecordLayout, raw_of
from streams.logic.alerts.rule import Match, Requirement, Rule

_SHARED: Final = frozenset(
    {"chain_id", "block_number", "block_hash", "block_timestamp", "sequence", "removed", "event_id"}
)
RawLists = Mapping[str, frozenset[bytes]]
"""Name of a list → its addresses, 20 bytes each."""
_BEFORE_ADDRESS: Final = 12
"""Zero bytes before the address in a word of 32."""

_MANY: Final = (Match.TRANSACTION, Match.LOG, Match.TOKEN_TRANSFER, Match.CONTRACT_CREATION)
_ELEMENT: Final = re.compile(r"([a-z_]+)\[([0-9]{1,3})\]")


@dataclass(slots=True)
class _Column:
    """The rules that are looked up by one field, or by one element of a field that is a list."""

    name: str
    element: int | None
    values: dict[object, list[Rule]] = field(default_factory=dict)
    lists: dict[str, list[Rule]] = field(default_factory=dict)
    words: dict[str, list[Rule]] = field(default_factory=dict)

    def hits(self, raw: Sequence[object], lists: RawLists) -> Iterator[tuple[int, Sequence[Rule]]]:
        """Places of a column's values with rules that could match there.

        Most columns meet no rule: asked of the whole column first, which costs half as much.
        """
        values = self.values
        if not values.keys().isdisjoint(raw):
            for place, value in [(n, each) for n, each in enumerate(raw) if each in values]:
                yield place, values[value]
        for name, rules in self.lists.items():
            yield from _members(raw, lists.get(name), rules)
        if self.words:
            words = [each[_BEFORE_ADDRESS:] if isinstance(each, bytes) else None for each in raw]
            for name, rules in self.words.items():
                yield from _members(words, lists.get(name), rules)


class KindIndex:
    """The rules of one kind. `columns` are the fields that `candidates` reads."""

    def __init__(self, layout: RecordLayout | None) -> None:
        self._layout = layout
        self._columns: dict[str, _Column] = {}
        self.unindexed: list[Rule] = []
        self.rules: list[Rule] = []

    @property
    def columns(self) -> tuple[str, ...]:
        """Fields to read of every record."""
        return tuple(dict.fromkeys(each.name for each in self._columns.values()))

    def add(self, rule: Rule) -> None:
        """Enter a rule by the first of its requirements that can be looked up."""
        self.rules.append(rule)
        for each in rule.requirements:
            if self._enter(rule, each):
                return
        self.unindexed.append(rule)

    def candidates(self, records: Records, lists: RawLists) -> Iterable[tuple[int, Sequence[Rule]]]:
        """Places of records, ascending, with the rules that could match each."""
        hits: dict[int, list[Rule]] = {}
        for column in self._columns.values():
            raw = records.columns[column.name]
            if column.element is not None:
                raw = _elements(cast("list[list[object]]", raw), column.element)
            for place, rules in column.hits(raw, lists):
                hits.setdefault(place, []).extend(rules)
        if self.unindexed:
            every = self.unindexed
            return ((n, [*every, *hits[n]] if n in hits else every) for n in range(records.count))
        return sorted(hits.items())

    def _enter(self, rule: Rule, required: Requirement) -> bool:
        layout = self._layout
        element = _ELEMENT.fullmatch(required.field)
        name = required.field if element is None else element[1]
        if layout is None or name in _SHARED or name not in layout.codec.names:
            return False
        node = layout.nodes[name]
        if element is not None:
            if not isinstance(node, Array):
                return False
            node = node.items
        if _nested(node) or (required.word and not isinstance(node, Fixed)):
            return False
        place = None if element is None else int(element[2])
        column = self._columns.setdefault(required.field, _Column(name, place))
        if required.list is not None:
            (column.words if required.word else column.lists).setdefault(required.list, []).append(rule)
        for value in required.values or ():
            try:
                raw = raw_of(node, name, value)
            except ValueError:
                continue  # No record has it: the rule does not match by it.
            column.values.setdefault(raw, []).append(rule)
        return True


class RuleIndex:
    """All rules, by the kind of record that they look at."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._kinds: dict[Match, KindIndex] = {}
        for rule in rules:
            match = looks_at(rule)
            if match not in self._kinds:
                self._kinds[match] = KindIndex(LAYOUTS.get(match))
            self._kinds[match].add(rule)

    def of(self, match: Match) -> KindIndex | None:
        """The rules of a kind; None when there are none."""
        return self._kinds.get(match)

    @property
    def unindexed(self) -> int:
        """Number of rules that are tried with every record of a kind of which a block has many."""
        return sum(len(each.unindexed) for match, each in self._kinds.items() if match in _MANY)


def unindexed(rule: Rule) -> bool:
    """True for a rule that is tried with every record of a kind of which a block has many."""
    return RuleIndex([rule]).unindexed > 0


def looks_at(rule: Rule) -> Match:
    """The kind of record that a rule's condition is asked about."""
    return rule.of if rule.match is Match.ABSENCE and rule.of is not None else rule.match


def _members(
    raw: Sequence[object], members: frozenset[bytes] | None, rules: Sequence[Rule]
) -> Iterator[tuple[int, Sequence[Rule]]]:
    """The places of what is in a list."""
    if members and not members.isdisjoint(raw):
        yield from ((n, rules) for n, each in enumerate(raw) if each in members)


def _elements(column: list[list[object]], place: int) -> list[object]:
    """One element of each; None where there is none."""
    return [each[place] if len(each) > place else None for each in column]


def _nested(node: Node) -> bool:
    inner = node.optional[1] if isinstance(node, Union) and node.optional is not None else node
    return isinstance(inner, Array | Record)
