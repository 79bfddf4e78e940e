"""Rules on statistics as they were in force when each of some remembered blocks was judged.

A repair changes windows that the blocks behind it have judged too, each by the texts of its time. Of all
edits meanwhile only those count that such a rule looks at, and what they did not change is shared: a list of
a hundred thousand addresses is not made anew for each block.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from headwater.heartbeat import beat
from streams.logic.alerts.configuration import LABEL, LIST, RULE, Active, Configuration, Former
from streams.logic.alerts.decision import Block
from streams.logic.alerts.rule import Match


class Judging:
    """`former`: edits in their order; `blocks`: the first of them is the one that is said again."""

    def __init__(
        self, configuration: Configuration, former: Iterable[Former], blocks: Sequence[Block]
    ) -> None:
        self._configuration = configuration
        later = [each for each in former if each.until > blocks[0].sequence]
        self._former = {each: configuration.rule_of(each.key, each.adopted) for each in later}
        now = [active.rule for active in configuration.rules.values() if active.rule.match is Match.STAT]
        before = [
            active.rule
            for active in self._former.values()
            if active is not None and active.rule.match is Match.STAT
        ]
        keys = {RULE + rule.id for rule in (*now, *before)}
        self._lists = {name for rule in (*now, *before) for name in rule.lists}
        self._edits = [each for each in later if keys and self._concerns(each, keys)]
        self._current = {rule.id: configuration.rules[rule.id] for rule in now}
        untils = [each.until for each in self._edits]
        self._seen = {block.hash: bisect_right(untils, block.sequence) for block in blocks}
        self._rules = {seen: self._rules_at(seen) for seen in set(self._seen.values())}

    def rules(self, block: bytes) -> Mapping[str, Active]:
        """Those on statistics, by id, that judged a block."""
        return self._rules[self._seen[block]]

    def texts(self) -> Iterator[tuple[str, int]]:
        """Id and version of each of them."""
        for rules in self._rules.values():
            yield from ((active.rule.id, active.rule.version) for active in rules.values())

    def configurations(self) -> Iterator[Configuration]:
        """One after the other, those of the first block first; each is made when it is asked for."""
        for seen in dict.fromkeys(self._seen.values()):
            beat()
            yield self._at(seen)

    def _concerns(self, edit: Former, keys: set[str]) -> bool:
        if edit.key.startswith(LIST):
            return edit.key.split(":")[1] in self._lists
        return edit.key in keys or edit.key.startswith(LABEL)

    def _rules_at(self, seen: int) -> dict[str, Active]:
        rules = dict(self._current)
        for edit in reversed(self._edits[seen:]):
            if edit.key.startswith(RULE):
                rules.pop(edit.key.removeprefix(RULE), None)
                active = self._former[edit]
                if active is not None and active.rule.match is Match.STAT:
                    rules[active.rule.id] = active
        return rules

    def _at(self, seen: int) -> Configuration:
        lists: dict[str, set[bytes]] = {}
        labels = dict(self._configuration.labels)
        for edit in reversed(self._edits[seen:]):
            if edit.key.startswith(LIST):
                _, name, address = edit.key.split(":", 2)
                members = lists.setdefault(name, set(self._configuration.raw_lists.get(name, ())))
                (members.discard if edit.adopted is None else members.add)(bytes.fromhex(address[2:]))
            elif edit.key.startswith(LABEL):
                address = edit.key.removeprefix(LABEL)
                labels.pop(address, None)
                if edit.adopted is not None:
                    labels[address] = edit.adopted.value
        return self._configuration.narrowed(self._rules[seen], self._lists, lists, labels)
