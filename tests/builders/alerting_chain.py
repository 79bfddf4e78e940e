"""A chain whose events an alerting judges, for the tests of its fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Decision, Status
from streams.logic.alerts.rule import Rule
from tests.builders.alerts import READER, Texts, envelope, value
from tests.builders.statistics import hash_of
from topics.chainlog.kinds import EventKind

K, P, C, R = EventKind, Status.PROVISIONAL, Status.CONFIRMED, Status.RETRACTED


Said = dict[str, tuple[Status, dict[str, str]]]


class Chain:
    """An alerting with some rules in force; sequences count by themselves."""

    def __init__(self, *rules: Rule, max_groups: int = 100) -> None:
        self.texts = Texts()
        self.alerting = Alerting("ethereum", self.texts.compile, max_groups=max_groups)
        self._waiting = [self.texts.change(each) for each in rules]
        self._sequence = 99
        self._parents: dict[str, str] = {}

    def change(self, *changes: Change) -> None:
        self._waiting += changes

    def event(self, kind: EventKind, number: int, body: Mapping[str, Any], name: str, at: int) -> Decision:
        self._sequence += 1
        of = envelope(kind, self._sequence, number, name, at)
        of = replace(of, parent_hash=hash_of(str(number - 1)))
        self.alerting.adopt(self._sequence, self._waiting)
        self._waiting = []
        return self.alerting.handle(of, (value(of, body),), READER)

    def tell(
        self, kind: EventKind, number: int, body: Mapping[str, Any] | None = None, name: str = "", at: int = 0
    ) -> Said:
        """Rule → status and values of what goes out."""
        decision = self.event(kind, number, body or {}, name, at)
        return {each.alert.rule_id: (each.status, each.alert.values) for each in decision.versions.values()}
