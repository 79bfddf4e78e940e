"""What a repair puts in the place of what a block gave to the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from streams.logic.alerts.decision import Block, Decision, Made
from streams.logic.alerts.gives import Candidate, Gives
from streams.logic.alerts.remembered import Remembered
from streams.logic.alerts.rule import Match

_OF_OTHER_FOLDS: Final = (Match.STAT, Match.TRANSACTION_STATE)


def replace_gives(remembered: Remembered, blocks: Sequence[Block], new: Gives, decision: Decision) -> None:
    """The first block gives something else, by the rules in their texts of when it was judged.

    So do the blocks behind it, which are given too: what they gave of statistics that the repair
    changes, and of states of the transactions that it brings or drops.
    """
    block = blocks[0]
    rules = remembered.judged_by(block.hash).rules
    others = {name for name, each in rules.items() if each.rule.match in _OF_OTHER_FOLDS}
    mine = {each.alert.id: each for each in new.candidates}
    for each in blocks:
        kept: list[Candidate] = []
        for candidate in each.gives.candidates:
            owner, alert = candidate.owner, candidate.alert
            judged = owner.rule_id in others and owner.version == rules[owner.rule_id].rule.version
            if judged and alert.event_id in new.again:
                if alert.id in mine:
                    kept.append(mine.pop(alert.id))
                decision.blocks[each.hash] = each
            elif each is not block or owner.rule_id in others:
                kept.append(candidate)
        each.gives = replace(each.gives, candidates=tuple(kept))
    block.gives = Gives((*block.gives.candidates, *mine.values()), new.tallies, new.seen)
    block.known, decision.blocks[block.hash] = True, block
    for candidate in mine.values():
        if remembered.configuration.active(candidate.owner.rule_id, candidate.owner.version) is None:
            # Nothing decides any more whether a text that is no longer in force holds an alert back.
            block.made.setdefault(candidate.alert.id, Made(candidate.alert))
