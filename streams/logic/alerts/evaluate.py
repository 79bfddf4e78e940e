"""Asks the rules about the records of a block. Nothing is remembered here, and nothing decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

from schemas import COMMON, Message, Records, Selection
from streams.logic.alerts.alert import Alert, alert_id, text_of
from streams.logic.alerts.configuration import Configuration
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
from streams.logic.alerts.index import RuleIndex
from streams.logic.alerts.records import HEADER, LAYOUTS, Row, Shared, header_of
from streams.logic.alerts.rule import ConditionError, Match, Record, Rule
from streams.logic.alerts.tally import Tally, joined, tally_of
from topics.chainlog.envelope import Envelope

_LONGEST: Final = 1_024
"""Characters of a value that an alert has: call data may be all of a block."""
_OWN_FIELDS: Final = frozenset({*COMMON, "event_id"})
"""Fields that an alert has itself. A record that is said again has another sequence: the same alert."""
_MOMENT: Final = frozenset({"sequence", "removed", "event_id"})
_ARRAYS: Final = {layout.array for layout in LAYOUTS.values()} - {HEADER}


def selection(index: RuleIndex) -> Selection:
    """What to read of an enriched block for these rules."""
    found: dict[str, Sequence[str] | None] = {"problem": None, HEADER: None}
    for match, layout in LAYOUTS.items():
        own = index.of(match)
        if own is not None and match is not Match.BLOCK:
            found[layout.array] = None if own.unindexed else own.columns
    if index.of(Match.BLOCK) is not None:
        found |= {array: () for array in _ARRAYS if array not in found}
    return found


class Evaluation:
    """The rules' answers to one event, collected."""

    def __init__(self, configuration: Configuration, envelope: Envelope) -> None:
        self._configuration = configuration
        self._shared = Shared(envelope)
        self._candidates: list[Candidate] = []
        self._tallies: dict[RuleGroup, Tally] = {}
        self._seen: dict[RuleGroup, None] = {}
        self._errors: Counter[str] = Counter()

    def block(self, parts: Sequence[Message]) -> Gives:
        """What the records of a block give, from its parts."""
        for match in LAYOUTS:
            for records in _records(match, parts):
                self._rows(match, records)
        return self.gives()

    def record(
        self,
        match: Match,
        record: Mapping[str, object],
        identity: bytes,
        about: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """A record that is none of a block's own. `about`: fields of the alert that it would make."""
        own = self._configuration.index.of(match)
        for rule in () if own is None else own.rules:
            self._ask(rule, {**self._shared.fields, **record}, identity, about)

    def gives(self) -> Gives:
        """All that was matched so far."""
        return Gives(tuple(self._candidates), self._tallies, tuple(self._seen), self._errors)

    def _rows(self, match: Match, records: Records) -> None:
        own, layout = self._configuration.index.of(match), LAYOUTS[match]
        if own is None:
            return
        for place, rules in own.candidates(records, self._configuration.raw_lists):
            row = Row(layout, self._shared, records, place)
            for rule in rules:
                self._ask(rule, row)

    def _ask(
        self,
        rule: Rule,
        record: Record,
        identity: bytes | None = None,
        about: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        try:
            if rule.where(record, self._configuration.lists):
                self._add(rule, record, identity, about)
        except ConditionError:
            self._errors[rule.id] += 1

    def _add(self, rule: Rule, record: Record, identity: bytes | None, about: Mapping[str, object]) -> None:
        owner = RuleGroup(rule.id, rule.version, tuple(text_of(record[each]) for each in rule.group_by))
        if rule.match is Match.ABSENCE:
            self._seen[owner] = None
        elif rule.window is not None:
            tally = tally_of(rule.window, record, self._configuration.lists)
            before = self._tallies.get(owner)
            self._tallies[owner] = tally if before is None else joined(rule.window, before, tally)
        else:
            until, time = cast("int | None", about.get("until")), cast("int | None", about.get("time"))
            self._candidates.append(
                Candidate(owner, self._alert(rule, owner, record, identity, about), until, time)
            )

    def _alert(
        self,
        rule: Rule,
        owner: RuleGroup,
        record: Record,
        identity: bytes | None,
        about: Mapping[str, object],
    ) -> Alert:
        without = _OWN_FIELDS if isinstance(record, Row) else _MOMENT
        values = {
            name: text_of(value)
            for name in record
            if name not in without and (value := record[name]) is not None
        }
        own: dict[str, Any] = {
            name: about.get(name) for name in ("event_id", "transaction_hash", "log_index")
        }
        if isinstance(record, Row):
            identity = record.event_id
            own = {
                "event_id": identity,
                "transaction_hash": record.transaction_hash,
                "log_index": record.log_index,
            }
        labels = self._configuration.labels
        return Alert(
            id=alert_id(rule.id, owner.group, identity or b""),
            rule_id=rule.id,
            rule_version=rule.version,
            severity=rule.severity,
            finality=rule.finality,
            shadow=rule.shadow,
            channels=() if rule.shadow else rule.channels,
            labels=labels_of(rule, values, labels),
            group=dict(zip(rule.group_by, owner.group, strict=True)),
            title=title_of(rule, record, labels),
            values={
                name: value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
                for name, value in values.items()
            },
            **own,
        )


def title_of(rule: Rule, record: Record, labels: Mapping[str, str]) -> str:
    """The title; the rule's id where it has no value for this record."""
    try:
        return rule.title(record, labels)
    except ConditionError:
        return rule.id


def labels_of(rule: Rule, values: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """The rule's labels, and those of the addresses among some values."""
    found = dict(rule.labels)
    if labels:
        found |= {f"label.{name}": labels[value] for name, value in values.items() if value in labels}
    return found


def _records(match: Match, parts: Sequence[Message]) -> Iterator[Records]:
    if match is Match.BLOCK:
        yield header_of(parts)
        return
    array = LAYOUTS[match].array
    for part in parts:
        if array in part.records:
            yield part.records[array]
