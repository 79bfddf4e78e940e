"""Rules and lists that are edited while everything else happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from headwater.cli.alerting import topic
from headwater.errors import Transient
from sandbox.traffic.deployment import places
from tests.integration import recorded_alerts
from tests.integration.alerting.published import published_alerts
from tests.integration.alerting.rules import BUSY, GOLD, RULES, keyed
from tests.integration.line import Line

_LISTED: Final = "list:watched:{}"


class Editor:
    """Changes rules and lists as the commands do, again and again until Kafka takes them."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._last: dict[str, str | None] = {_LISTED.format(places().silver): None}

    def first(self) -> None:
        self._write(keyed(RULES, BUSY.format(bound=5), GOLD) | {_LISTED.format(places().silver): ""})

    def second(self) -> None:
        """A rule has another threshold, one is taken out, and the list has another address.

        While an alert stands that rests on what the first text counted: it is resolved. Where that alert left
        before the threshold was adopted, the rule is edited again.
        """
        gone: dict[str, str | None] = {"rule:few-senders": None, _LISTED.format(places().gold): ""}
        for bound in range(6, 16):
            self._line.wait_until(partial(self._knows, _stands), "a token is busy", 60)
            edit = keyed(BUSY.format(bound=bound))
            self._write(edit | gone)
            self._wait_for(edit)
            if self._knows(lambda found: any(each["status"] == "RESOLVED" for each in found)):
                return
        raise AssertionError("no edit met an alert that rested on what it changed")

    def third(self) -> None:
        """One comes back, one has another cooldown, and an address is taken out."""
        self._write(keyed(RULES, GOLD.replace("4s", "1s")) | self._last)

    def finish(self) -> None:
        """Wait until all of it is in force: what was adopted, and when, is no other from then on."""
        self._wait_for(self._last)

    def _knows(self, fact: Callable[[list[dict[str, Any]]], bool]) -> bool:
        """Whether it is true of the alerts; not while Kafka is away."""
        try:
            return fact(published_alerts(self._line.settings))
        except Transient:
            return False

    def _wait_for(self, edit: Mapping[str, str | None]) -> None:
        self._line.wait_until(partial(self._adopted, edit), f"{', '.join(edit)}: adopted", 90)

    def _adopted(self, edit: Mapping[str, str | None]) -> bool:
        try:
            found = recorded_alerts.recorded(self._line.settings)
        except Transient:
            return False
        adopted = {(each.key, each.value) for changes in found.values() for each in changes}
        return adopted >= edit.items()

    def _write(self, changes: Mapping[str, str | None]) -> None:
        self._line.note(f"edit {', '.join(changes)}")

        def taken() -> bool:
            try:
                topic.write(self._line.settings, changes)
            except Transient:
                return False
            return True

        self._line.wait_until(taken, "the edit is taken", 90)


def _stands(alerts: list[dict[str, Any]]) -> bool:
    """True when there is an alert that an edit of the rule about busy tokens resolves."""
    latest = {each["alert_id"]: each for each in alerts}
    return any(
        each["rule_id"] == "busy-token" and each["status"] == "PROVISIONAL" for each in latest.values()
    )
