"""Rules, lists and labels as adopted: from a sequence on, which is recorded before they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from headwater.errors import Permanent
from streams.logic.alerts.index import RuleIndex, unindexed
from streams.logic.alerts.records import hex_text
from streams.logic.alerts.rule import Match, Rule

RULE: Final = "rule:"
LIST: Final = "list:"
LABEL: Final = "label:"
CompileRule: TypeAlias = Callable[[str, int], Rule]
"""A rule's text and its version → the rule. Raises Permanent that says what is wrong with it, and where."""
MAX_UNINDEXED: Final = 50
_ADDRESS: Final = 20
_FORMER_TEXTS: Final = 1024


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A message of the configuration topic; no value: the key is taken out."""

    offset: int
    key: str
    value: str | None


class Adopted(msgspec.Struct, frozen=True, array_like=True):
    """A key of the configuration that is in force, and since when.

    `sequence` is the event that it was adopted before; `time` the block time of the tip then.
    """

    offset: int
    value: str
    sequence: int
    time: int


class Former(msgspec.Struct, frozen=True, array_like=True):
    """What stood under a key until it changed, before the event `until`; None where nothing did."""

    key: str
    adopted: Adopted | None
    until: int


@dataclass(frozen=True, slots=True)
class Active:
    """A rule in force."""

    rule: Rule
    since: int
    since_time: int


class Configuration:
    """What is in force on one chain. `compile_rule` is the only thing here that may refuse."""

    def __init__(self, chain: str, compile_rule: CompileRule, max_unindexed: int = MAX_UNINDEXED) -> None:
        self._chain, self._compile, self._max_unindexed = chain, compile_rule, max_unindexed
        self.adopted: dict[str, Adopted] = {}
        self.rules: dict[str, Active] = {}
        self.labels: dict[str, str] = {}
        self.raw_lists: dict[str, frozenset[bytes]] = {}
        self.lists: dict[str, frozenset[str]] = {}
        self.index = RuleIndex(())
        self.absences: tuple[Active, ...] = ()
        # A text that is no longer in force is asked for again at each repair while a block remembers it.
        self._former: dict[tuple[str, Adopted], Rule | None] = {}

    def differs(self, change: Change) -> bool:
        """True when a change is one: the same text again leaves a rule's version as it is."""
        before = self.adopted.get(change.key)
        return (None if before is None else before.value) != change.value

    def missing(self, latest: Mapping[str, Change], end: int) -> Iterator[Change]:
        """Keys that are in force and not in the topic any more, whose deletion was compacted away.

        `end`: the offset behind all of the topic.
        """
        return (Change(end - 1, key, None) for key in self.adopted if key not in latest)

    def offered(self, latest: Mapping[str, Change], end: int, decided: int | None) -> list[Change]:
        """Of the topic as it stands, what a stage that starts has not decided yet, in the topic's order.

        `decided`: the offset behind what was adopted or refused, None where that is not known. A text that
        was refused is not offered again: it could be adopted now, which no worker that lives does. A topic
        that ends before is another one.
        """
        after = 0 if decided is None or decided > end else decided
        return sorted(
            (each for each in latest.values() if each.offset >= after), key=lambda change: change.offset
        )

    def compiled(self, change: Change) -> Rule | None:
        """The rule of a change that brings one. Raises Permanent: the earlier text stays in force."""
        if change.value is None or not change.key.startswith(RULE):
            return None
        rule = self._compile(change.value, change.offset)
        if rule.id != change.key.removeprefix(RULE):
            raise Permanent(f"the text under {change.key} is of rule {rule.id}")
        return rule

    def admitted(self, change: Change) -> Rule | None:
        """The rule of a change that brings one, if there is room for it. Raises Permanent."""
        rule = self.compiled(change)
        if rule is None or not self._concerns(rule) or not unindexed(rule):
            return rule
        others = sum(unindexed(each.rule) for each in self.rules.values() if each.rule.id != rule.id)
        if others >= self._max_unindexed:
            raise Permanent(
                f"rule {rule.id} would be tried with every record of its kind, as {others} others are",
                remedy="let it ask for an address, a topic or a list, or raise alerts.max_unindexed",
            )
        return rule

    def put(self, key: str, adopted: Adopted | None, rule: Rule | None = None) -> None:
        """A change is in force; `settle` makes what is looked up. `rule` is its compiled text."""
        if adopted is None:
            self.adopted.pop(key, None)
        else:
            self.adopted[key] = adopted
        if key.startswith(RULE):
            self.rules.pop(key.removeprefix(RULE), None)
            if adopted is not None and rule is not None and self._concerns(rule):
                self.rules[rule.id] = Active(rule, adopted.sequence, adopted.time)
        elif key.startswith(LABEL):
            address = key.removeprefix(LABEL)
            if adopted is None:
                self.labels.pop(address, None)
            else:
                self.labels[address] = adopted.value

    def settle(self, keys: set[str]) -> None:
        """Make the lists and the index anew where these keys have changed."""
        changed = {each.split(":")[1] for each in keys if each.startswith(LIST)}
        if changed:
            members: dict[str, set[bytes]] = {name: set() for name in changed}
            for key in self.adopted:
                if key.startswith(LIST):
                    _, name, address = key.split(":", 2)
                    if name in changed:
                        members[name].add(bytes.fromhex(address[2:]))
            for name, found in members.items():
                self.raw_lists[name] = frozenset(found)
                self.lists[name] = frozenset(map(hex_text, found))
        if any(each.startswith(RULE) for each in keys):
            self.rules = dict(sorted(self.rules.items()))
            self.index = RuleIndex(each.rule for each in self.rules.values())
            self.absences = tuple(each for each in self.rules.values() if each.rule.match is Match.ABSENCE)
            for each in self.rules.values():
                for name in each.rule.lists:
                    self.lists.setdefault(name, frozenset())

    def before(self, changes: Iterable[Former]) -> Configuration:
        """As it was before some changes, which are given in their order."""
        adopted: dict[str, Adopted | None] = {**self.adopted}
        for each in reversed(list(changes)):
            adopted[each.key] = each.adopted
        found = Configuration(self._chain, self._compile, self._max_unindexed)
        for key, one in adopted.items():
            if one is not None:
                found.put(key, one, self._rule_of(key, one))
        found.settle(set(adopted))
        return found

    def narrowed(
        self,
        rules: Mapping[str, Active],
        names: Iterable[str],
        lists: Mapping[str, Iterable[bytes]],
        labels: dict[str, str],
    ) -> Configuration:
        """Some rules alone, with the lists of these names as they are, or as `lists` has them."""
        found = Configuration(self._chain, self._compile, self._max_unindexed)
        found.rules, found.labels = dict(sorted(rules.items())), labels
        for name in names:
            if name in lists:
                found.raw_lists[name] = frozenset(lists[name])
                found.lists[name] = frozenset(map(hex_text, found.raw_lists[name]))
            else:
                found.lists[name] = self.lists.get(name, frozenset())
                if name in self.raw_lists:
                    found.raw_lists[name] = self.raw_lists[name]
        found.index = RuleIndex(each.rule for each in found.rules.values())
        return found

    def rule_of(self, key: str, adopted: Adopted | None) -> Active | None:
        """What an entry brought into force; None where it is of no rule, or of none of this chain."""
        rule = None if adopted is None or not key.startswith(RULE) else self._rule_of(key, adopted)
        if adopted is None or rule is None or not self._concerns(rule):
            return None
        return Active(rule, adopted.sequence, adopted.time)

    def active(self, rule_id: str, version: int) -> Active | None:
        """The rule, where that version of it is in force."""
        found = self.rules.get(rule_id)
        return found if found is not None and found.rule.version == version else None

    def _rule_of(self, key: str, adopted: Adopted) -> Rule | None:
        if self.adopted.get(key) == adopted:
            active = self.rules.get(key.removeprefix(RULE))
            return None if active is None else active.rule
        if not key.startswith(RULE):
            return None
        if (key, adopted) not in self._former:
            if len(self._former) >= _FORMER_TEXTS:
                self._former.clear()
            self._former[key, adopted] = self._former_rule(key, adopted)
        return self._former[key, adopted]

    def _former_rule(self, key: str, adopted: Adopted) -> Rule | None:
        try:
            return self.compiled(Change(adopted.offset, key, adopted.value))
        except Permanent:
            return None  # An earlier version took the text: this one cannot judge anything by it.

    def _concerns(self, rule: Rule) -> bool:
        return not rule.chains or self._chain in rule.chains


def well_formed(key: str) -> bool:
    """True for a key of the configuration topic that means something."""
    if key.startswith(RULE):
        return len(key) > len(RULE)
    if key.startswith(LIST):
        parts = key.split(":")
        return len(parts) == 3 and bool(parts[1]) and _is_address(parts[2])
    return key.startswith(LABEL) and _is_address(key.removeprefix(LABEL))


def _is_address(text: str) -> bool:
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        return False
    return len(raw) == _ADDRESS and hex_text(raw) == text
