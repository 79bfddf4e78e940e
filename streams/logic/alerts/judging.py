"""Rules on statistics as they were in force when each of some remembered blocks was judged.

A repair changes windows that the blocks behind it have judged too, each by the texts of its time. Of all
edits meanwhile only those count that such a rule looks at, and what they did not change is shared: a list of
a hundred thousand addresses is not made anew for each block.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
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
        self._configuration, self._blocks = configuration, blocks
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
        self._edits_of: defaultdict[str, list[int]] = defaultdict(list)
        for place, each in enumerate(self._edits):
            if each.key.startswith(LIST):
                self._edits_of[each.key.split(":")[1]].append(place)
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

    def knows_who_told(self) -> bool:
        """False when one of the blocks gives what a text told that judged none of them."""
        judged = set(self.texts())
        return all(
            each.until is None or (each.owner.rule_id, each.owner.version) in judged
            for block in self._blocks
            for each in block.gives.candidates
        )

    def configurations(self) -> Iterator[Configuration]:
        """One after the other, those of the first block first; each is made when it is asked for.

        A rule is in the first in which it has this text and these lists: it says the same of a record by the
        others. Labels decide nothing.
        """
        asked: set[tuple[str, int, tuple[int, ...]]] = set()
        for seen in sorted(set(self._seen.values())):
            beat()
            new: dict[str, Active] = {}
            for name, active in self._rules[seen].items():
                rule = active.rule
                key = (name, rule.version, tuple(self._edits_behind(each, seen) for each in rule.lists))
                if key not in asked:
                    asked.add(key)
                    new[name] = active
            if new:
                yield self._at(seen, new)

    def _edits_behind(self, name: str, seen: int) -> int:
        """How many edits of a list came later."""
        places = self._edits_of[name]
        return len(places) - bisect_left(places, seen)

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

    def _at(self, seen: int, rules: Mapping[str, Active]) -> Configuration:
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
        return self._configuration.narrowed(rules, self._lists, lists, labels)
