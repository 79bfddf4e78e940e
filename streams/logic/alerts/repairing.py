"""What a repair puts in the place of what a block gave to the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from msgspec.structs import replace as changed

from streams.logic.alerts.decision import Block, Decision, Made
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
from streams.logic.alerts.joining import HELD_BACK
from streams.logic.alerts.judging import Judging
from streams.logic.alerts.remembered import Remembered
from streams.logic.alerts.rule import Match

_OF_OTHER_FOLDS: Final = (Match.STAT, Match.TRANSACTION_STATE)


def replace_gives(remembered: Remembered, blocks: Sequence[Block], new: Gives, decision: Decision) -> None:
    """The first block gives something else, by the rules in their texts of when it was judged.

    So do the blocks behind it, which are given too: what they gave of states of the transactions that the
    repair brings or drops, and of statistics that it changes.
    """
    block = blocks[0]
    rules = remembered.judged_by(block.hash).rules
    others = {name for name, each in rules.items() if each.rule.match in _OF_OTHER_FOLDS}
    mine = {each.alert.id: each for each in new.candidates if each.until is None}
    statistics = _Statistics(remembered, blocks)
    before = _by_owner(block.gives.candidates)
    for each in blocks:
        kept: list[Candidate] = []
        for candidate in each.gives.candidates:
            owner, alert = candidate.owner, candidate.alert
            judged = owner.rule_id in others and owner.version == rules[owner.rule_id].rule.version
            again = alert.event_id in new.again
            if again and statistics.taken(candidate, each):
                decision.blocks[each.hash] = each
            elif again and candidate.until is None and judged:
                if alert.id in mine:
                    kept.append(mine.pop(alert.id))
                decision.blocks[each.hash] = each
            elif each is not block or candidate.until is not None or owner.rule_id in others:
                # A statistic stays with its block, also of a text that never judged that one.
                kept.append(candidate)
        each.gives = replace(each.gives, candidates=tuple(kept))
    block.gives = Gives((*block.gives.candidates, *mine.values()), new.tallies, new.seen)
    block.known, decision.blocks[block.hash] = True, block
    now = _by_owner(mine.values())
    for candidate in mine.values():
        if now[candidate.owner] != before.get(candidate.owner):
            _stand(remembered, candidate, block)
    given: dict[bytes, list[Candidate]] = {}
    for candidate, each in statistics.given(new.candidates):
        given.setdefault(each.hash, []).append(candidate)
        if not statistics.held(candidate):
            _stand(remembered, candidate, each, statistics.held_back(candidate))
    for own, candidates in given.items():
        each = decision.blocks[own] = remembered.blocks[own]
        each.gives = replace(each.gives, candidates=(*each.gives.candidates, *candidates))


def _by_owner(candidates: Iterable[Candidate]) -> dict[RuleGroup, set[bytes]]:
    """What the records of a block gave, as ids of alerts: what is the same was decided."""
    found: dict[RuleGroup, set[bytes]] = {}
    for each in candidates:
        if each.until is None:
            found.setdefault(each.owner, set()).add(each.alert.id)
    return found


def _stand(remembered: Remembered, candidate: Candidate, block: Block, held_back: str | None = None) -> None:
    """Nothing decides any more whether a text that is no longer in force holds an alert back.

    `held_back`: how many before it were, as was told with it.
    """
    if remembered.configuration.active(candidate.owner.rule_id, candidate.owner.version) is None:
        alert = candidate.alert
        if held_back is not None:
            alert = changed(alert, values={**alert.values, HELD_BACK: held_back})
        block.made.setdefault(alert.id, Made(alert))


class _Statistics:
    """What blocks gave of statistics, and which of them gives what a repair makes of it.

    A statistic is as it stands with all of the blocks. Its alert is of the last one in the window: it rests
    on none behind, and leaves with the first that does.
    """

    def __init__(self, remembered: Remembered, blocks: Sequence[Block]) -> None:
        self._blocks, self._remembered = blocks, remembered
        self._known: set[tuple[bytes, int]] = set()
        self._made: dict[bytes, tuple[int, str | None]] = {}

    @cached_property
    def _judging(self) -> Judging:
        """Most repairs change no statistic that a rule asks for."""
        return self._remembered.judging(self._blocks)

    @cached_property
    def _judged(self) -> set[tuple[str, int]]:
        return set(self._judging.texts())

    def taken(self, candidate: Candidate, block: Block) -> bool:
        """True for one of a statistic, which is judged again."""
        if candidate.until is None:
            return False
        own = candidate.alert.id
        self._known.add((own, candidate.owner.version))
        if own in block.made:
            held_back = block.made[own].alert.values.get(HELD_BACK)
            self._made.setdefault(own, (candidate.owner.version, held_back))
        return True

    def held(self, candidate: Candidate) -> bool:
        """True for one that this text held back before."""
        own = candidate.alert.id
        return (own, candidate.owner.version) in self._known and own not in self._made

    def held_back(self, candidate: Candidate) -> str | None:
        """How many before it were held back, as was told with it."""
        _, held_back = self._made.get(candidate.alert.id, (None, None))
        return held_back

    def given(self, candidates: Iterable[Candidate]) -> list[tuple[Candidate, Block]]:
        """One of each alert, and the block that gives it.

        What was told stays with the text that told it; else the one that judged the block has it.
        """
        found: dict[bytes, list[Candidate]] = {}
        for each in candidates:
            if each.until is not None and self._may_tell(each):
                found.setdefault(each.alert.id, []).append(each)
        return [self._chosen(each) for each in found.values()]

    def _may_tell(self, candidate: Candidate) -> bool:
        """True for a text that judged one of the blocks, or that told this before."""
        owner = candidate.owner
        if (owner.rule_id, owner.version) in self._judged:
            return True
        version, _ = self._made.get(candidate.alert.id, (None, None))
        return owner.version == version

    def _chosen(self, candidates: Sequence[Candidate]) -> tuple[Candidate, Block]:
        first = candidates[0]
        inside = [each for each in self._blocks if each.timestamp < (first.until or 0)]
        block = inside[-1] if inside else self._blocks[0]
        active = self._judging.rules(block.hash).get(first.owner.rule_id)
        told, _ = self._made.get(first.alert.id, (None, None))
        wanted = (told, None if active is None else active.rule.version)
        by_version = {each.owner.version: each for each in reversed(candidates)}
        chosen = next((by_version[each] for each in wanted if each in by_version), first)
        return chosen, block
