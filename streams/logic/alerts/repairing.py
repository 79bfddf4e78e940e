"""What a repair puts in the place of what a block gave to the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from streams.logic.alerts.decision import Block, Decision, Made
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
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
            elif each is not block or owner.rule_id in others:
                kept.append(candidate)
        each.gives = replace(each.gives, candidates=tuple(kept))
    block.gives = Gives((*block.gives.candidates, *mine.values()), new.tallies, new.seen)
    block.known, decision.blocks[block.hash] = True, block
    now = _by_owner(mine.values())
    for candidate in mine.values():
        if now[candidate.owner] != before.get(candidate.owner):
            _stand(remembered, candidate, block)
    _give(statistics, new, decision)


def replace_statistics(remembered: Remembered, new: Gives, decision: Decision) -> list[Block]:
    """A final block was repaired: what remembered blocks gave of statistics that it changes, is given anew.

    The blocks that have to join again for it, in their order: from the first that gives something else on.
    """
    blocks = list(remembered.blocks.values())
    if not new.again or not blocks:
        return []
    statistics, changed = _Statistics(remembered, blocks), set[bytes]()
    for each in blocks:
        before = each.gives.candidates
        kept = tuple(
            one for one in before if not (one.alert.event_id in new.again and statistics.taken(one, each))
        )
        if len(kept) < len(before):
            each.gives = replace(each.gives, candidates=kept)
            changed.add(each.hash)
            decision.blocks[each.hash] = each
    changed |= _give(statistics, new, decision)
    first = next((place for place, each in enumerate(blocks) if each.hash in changed), len(blocks))
    return blocks[first:]


def _by_owner(candidates: Iterable[Candidate]) -> dict[RuleGroup, set[bytes]]:
    """What the records of a block gave, as ids of alerts: what is the same was decided."""
    found: dict[RuleGroup, set[bytes]] = {}
    for each in candidates:
        if each.until is None:
            found.setdefault(each.owner, set()).add(each.alert.id)
    return found


def _stand(remembered: Remembered, candidate: Candidate, block: Block) -> None:
    """Nothing decides any more whether a text that is no longer in force holds an alert back."""
    if remembered.configuration.active(candidate.owner.rule_id, candidate.owner.version) is None:
        block.made.setdefault(candidate.alert.id, Made(candidate.alert))


def _give(statistics: _Statistics, new: Gives, decision: Decision) -> set[bytes]:
    """Blocks give what a repair makes of statistics; the hashes of those that do."""
    found: set[bytes] = set()
    for candidate, each in statistics.given(new.candidates):
        each.gives = replace(each.gives, candidates=(*each.gives.candidates, candidate))
        decision.blocks[each.hash] = each
        found.add(each.hash)
        if not statistics.held(candidate):
            _stand(statistics.remembered, candidate, each)
    return found


class _Statistics:
    """What blocks gave of statistics, and which of them gives what a repair makes of it.

    A statistic is as it stands with all of the blocks. Its alert is of the last one in the window: it rests
    on none behind, and leaves with the first that does.
    """

    def __init__(self, remembered: Remembered, blocks: Sequence[Block]) -> None:
        self._blocks, self.remembered = blocks, remembered
        self._known: set[bytes] = set()
        self._made: dict[bytes, int] = {}

    @cached_property
    def _judging(self) -> Judging:
        """Most repairs change no statistic that a rule asks for."""
        return self.remembered.judging(self._blocks)

    @cached_property
    def _judged(self) -> set[tuple[str, int]]:
        return set(self._judging.texts())

    def taken(self, candidate: Candidate, block: Block) -> bool:
        """True for one that a block gave of a statistic and that is judged again."""
        owner, own = candidate.owner, candidate.alert.id
        if candidate.until is None or (owner.rule_id, owner.version) not in self._judged:
            return False
        self._known.add(own)
        if own in block.made:
            self._made.setdefault(own, owner.version)
        return True

    def held(self, candidate: Candidate) -> bool:
        """True for one that was held back before."""
        return candidate.alert.id in self._known and candidate.alert.id not in self._made

    def given(self, candidates: Iterable[Candidate]) -> list[tuple[Candidate, Block]]:
        """One of each alert, and the block that gives it.

        What was told stays with the text that told it; else the one that judged the block has it.
        """
        found: dict[bytes, list[Candidate]] = {}
        for each in candidates:
            if each.until is not None:
                found.setdefault(each.alert.id, []).append(each)
        return [self._chosen(each) for each in found.values()]

    def _chosen(self, candidates: Sequence[Candidate]) -> tuple[Candidate, Block]:
        first = candidates[0]
        inside = [each for each in self._blocks if each.timestamp < (first.until or 0)]
        block = inside[-1] if inside else self._blocks[0]
        active = self._judging.rules(block.hash).get(first.owner.rule_id)
        wanted = (self._made.get(first.alert.id), None if active is None else active.rule.version)
        by_version = {each.owner.version: each for each in reversed(candidates)}
        chosen = next((by_version[each] for each in wanted if each in by_version), first)
        return chosen, block
