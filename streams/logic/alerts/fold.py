"""The fold: blocks join, leave, become safe and final, and are said again; alerts follow.

A pure function of the events in the order of their sequence and of the configuration adopted before each;
what is at or below the last sequence is ignored. A block that leaves takes with it exactly what it made and
puts back what it replaced: no condition is asked, and its content need not be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from headwater.errors import Permanent
from streams.logic.alerts.alert import Alert
from streams.logic.alerts.configuration import RULE, Adopted, Change, Configuration, Former
from streams.logic.alerts.decision import Block, Decision, Made, Place, Status
from streams.logic.alerts.finality import collapse, expired
from streams.logic.alerts.gives import NOTHING, Candidate, Gives
from streams.logic.alerts.joining import Joining
from streams.logic.alerts.rule import Finality, Match
from streams.logic.alerts.tracks import State, TrackKey, Tracks
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

_OF_OTHER_FOLDS: Final = (Match.STAT, Match.TRANSACTION_STATE)
MAX_GROUPS: Final = 10_000
CHANGED: Final = "the rule was changed"
REMOVED: Final = "the rule was removed"


@dataclass(frozen=True, slots=True)
class Tip:
    """The last canonical block; hash and time are None where it was never seen."""

    number: int
    hash: bytes | None
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class Reorg:
    """Blocks that left since the last one joined: how many, and the first of them, which was the tip."""

    depth: int
    number: int
    hash: bytes


class Fold:
    """`doubts`: block times at which something is not known; windows that contain one are incomplete.

    `former`: what stood in the configuration before changes, while a block is remembered that it judged.
    """

    def __init__(self, configuration: Configuration, max_groups: int = MAX_GROUPS) -> None:
        self.configuration = configuration
        self._max_groups = max_groups
        self.last: int | None = None
        self.tip: Tip | None = None
        self.safe = -1
        self.final_time = -1
        self.reorg: Reorg | None = None
        self.doubts: set[int] = set()
        self.former: dict[tuple[int, str], Former] = {}
        self.blocks: dict[bytes, Block] = {}
        self.tracks = Tracks()

    def seen(self, sequence: int) -> bool:
        """True for a repeat."""
        return self.last is not None and sequence <= self.last

    def adopt(
        self,
        changes: Iterable[Change],
        decision: Decision,
        refused: Callable[[Change, Permanent], None] = lambda change, error: None,
    ) -> None:
        """Put changes in force before the event. A text that is refused changes nothing."""
        time = 0 if self.tip is None else self.tip.timestamp or 0
        keys = set()
        for change in changes:
            if not self.configuration.differs(change):
                continue
            try:
                rule = self.configuration.admitted(change)
            except Permanent as error:
                refused(change, error)
                continue
            if change.key.startswith(RULE):
                reason = REMOVED if change.value is None else CHANGED
                self._end_rule(change.key.removeprefix(RULE), reason, decision)
            adopted = (
                None
                if change.value is None
                else Adopted(change.offset, change.value, decision.sequence, time)
            )
            if self.blocks:
                before = self.configuration.adopted.get(change.key)
                self._remember(Former(change.key, before, decision.sequence), decision)
            self.configuration.put(change.key, adopted, rule)
            decision.configuration[change.key] = adopted
            keys.add(change.key)
        self.configuration.settle(keys)

    def add(self, envelope: Envelope, gives: Gives | None, facts: Gives, decision: Decision) -> None:
        """What an event causes that is no repeat. `gives` None: the content of its block is not known.

        `facts` are of records that no block carries: they stand from the beginning and for good.
        """
        self.last = envelope.sequence
        kind, number, own, time = (
            envelope.event,
            envelope.block_number,
            envelope.block_hash,
            envelope.block_timestamp,
        )
        if number is None or own is None:
            return
        if kind is EventKind.SAFE:
            self._secure(number, decision)
        elif kind is EventKind.FINALIZED:
            self._finalize(number, own, time, decision)
        elif time is None:
            return
        elif kind is EventKind.APPLY:
            parent = envelope.parent_hash
            block = Block(envelope.sequence, number, own, parent, time, gives or NOTHING, gives is not None)
            self._apply(block, decision)
        elif kind is EventKind.REPAIR:
            self._repair(own, time, gives, decision)
        elif kind is EventKind.REVERT:
            self._revert(envelope, number, own, time, decision)
        if facts.candidates or facts.tallies:
            self._facts(facts, Place(number, own, time), decision)

    def _remember(self, former: Former, decision: Decision) -> None:
        """Of two changes before one event the first replaced what had judged the blocks until then."""
        if (former.until, former.key) not in self.former:
            self.former[former.until, former.key] = former
            decision.former[former] = True

    def judged_by(self, own: bytes | None) -> Configuration:
        """What was in force when a remembered block was judged; what is, for any other."""
        block = self.blocks.get(own or b"")
        later = (
            [] if block is None else [each for each in self.former.values() if each.until > block.sequence]
        )
        return self.configuration.before(later) if later else self.configuration

    def contradicts(self, envelope: Envelope) -> bool:
        """True when SAFE or FINALIZED names a block that is not canonical here."""
        return envelope.block_hash not in self.blocks and any(
            each.number == envelope.block_number for each in self.blocks.values()
        )

    def restore(self, block: Block) -> None:
        """A remembered block joins again, after a restart: what it made is known."""
        self.blocks[block.hash] = block
        self._join(block, Counter())

    def _apply(self, block: Block, decision: Decision) -> None:
        if block.hash in self.blocks:
            return
        tip = self.tip
        if tip is None:
            if block.number > 0:
                self.doubts.add(block.timestamp)
        elif block.number != tip.number + 1 or (
            tip.hash is not None and block.parent_hash is not None and tip.hash != block.parent_hash
        ):
            self.doubts |= {block.timestamp, tip.timestamp or block.timestamp}
        self.tip = Tip(block.number, block.hash, block.timestamp)
        self.reorg = None
        self.blocks[block.hash] = decision.blocks[block.hash] = block
        block.made = {own: Made(alert) for own, alert in self._join(block, decision.refused).items()}
        for made in block.made.values():
            if made.alert.finality is Finality.PROVISIONAL:
                self._tell(made, block, decision)

    def _join(self, block: Block, refused: Counter[str]) -> dict[bytes, Alert]:
        block.undo = {}
        self.tracks.recording(block.undo)
        joining = Joining(self.configuration, self.tracks, self._max_groups, self._incomplete)
        made = joining.block(block)
        self.tracks.recorded()
        refused.update(joining.refused)
        return made

    def _leave(self, block: Block) -> None:
        self.tracks.undo(block.undo)
        del self.blocks[block.hash]

    def _revert(self, envelope: Envelope, number: int, own: bytes, time: int, decision: Decision) -> None:
        depth = 0 if self.reorg is None else self.reorg.depth
        first = (number, own) if self.reorg is None else (self.reorg.number, self.reorg.hash)
        self.reorg = Reorg(depth + 1, *first)
        before = self.blocks.get(envelope.parent_hash or b"")
        self.tip = Tip(number - 1, envelope.parent_hash, None if before is None else before.timestamp)
        block = self.blocks.get(own)
        if block is None:
            self.doubts.add(time)
            return
        behind = self._behind(block)
        for each in reversed(behind):
            self._leave(each)
        self._leave(block)
        decision.blocks[block.hash] = None
        for made in block.made.values():
            if made.told:
                decision.says(
                    made.alert, Status.RETRACTED, _place(block), f"block {block.number} left the chain"
                )
        self._again(behind, block, "left the chain", decision)

    def _repair(self, own: bytes, time: int, gives: Gives | None, decision: Decision) -> None:
        if gives is None:
            return  # The repair failed: what is known stands.
        block = self.blocks.get(own)
        if block is None:
            self.doubts.add(time)
            return
        behind = [block, *self._behind(block)]
        self._replace(behind, gives, decision)
        for each in reversed(behind):
            self._leave(each)
        self._again(behind, block, "was repaired", decision)

    def _replace(self, blocks: list[Block], new: Gives, decision: Decision) -> None:
        """The first block gives something else, by the rules in their texts of when it was judged.

        So do statistics that went out with it or behind it, where the repair changes them, and states of the
        transactions that it brings or drops.
        """
        block = blocks[0]
        rules = self.judged_by(block.hash).rules
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
            if self.configuration.active(candidate.owner.rule_id, candidate.owner.version) is None:
                # Nothing decides any more whether a text that is no longer in force holds an alert back.
                block.made.setdefault(candidate.alert.id, Made(candidate.alert))

    def _again(self, blocks: list[Block], cause: Block, what: str, decision: Decision) -> None:
        """Blocks join again behind a change; what they no longer make is retracted."""
        gone: dict[bytes, tuple[Made, Block]] = {}
        for block in blocks:
            before = block.made
            self.blocks[block.hash] = block
            alerts = self._join(block, decision.refused)
            block.made = {own: before.get(own, Made(alert)) for own, alert in alerts.items()}
            for own, alert in alerts.items():
                made = block.made[own]
                changed, made.alert = made.alert != alert, alert
                if changed or not made.told:
                    decision.blocks[block.hash] = block
                    if made.told or self._goes_out(alert, block):
                        self._tell(made, block, decision)
            for own, made in before.items():
                if own not in alerts:
                    decision.blocks[block.hash] = block
                    gone[own] = (made, block)
        for own, (made, block) in gone.items():
            if made.told and not any(own in each.made for each in blocks):
                decision.says(made.alert, Status.RETRACTED, _place(block), f"block {cause.number} {what}")

    def _goes_out(self, alert: Alert, block: Block) -> bool:
        """True when an alert of a block that may still leave is told."""
        return alert.finality is Finality.PROVISIONAL or (
            alert.finality is Finality.SAFE and block.number <= self.safe
        )

    def _behind(self, block: Block) -> list[Block]:
        every = list(self.blocks.values())
        return every[every.index(block) + 1 :]

    def _tell(self, made: Made, block: Block, decision: Decision) -> None:
        made.told = True
        decision.says(made.alert, Status.PROVISIONAL, _place(block))

    def _secure(self, number: int, decision: Decision) -> None:
        self.safe = number
        for block in self.blocks.values():
            for made in block.made.values() if block.number <= number else ():
                if not made.told and made.alert.finality is Finality.SAFE:
                    self._tell(made, block, decision)
                    decision.blocks[block.hash] = block

    def _finalize(self, number: int, own: bytes, time: int | None, decision: Decision) -> None:
        block = self.blocks.get(own)
        final = time if block is None else block.timestamp
        if final is None or final < self.final_time:
            return
        self.final_time = final
        for each in [each for each in self.blocks.values() if each.number <= number]:
            for made in each.made.values():
                decision.says(made.alert, Status.CONFIRMED, _place(each))
            if not each.known:
                self.doubts.add(each.timestamp)
            del self.blocks[each.hash]
            decision.blocks[each.hash] = None
            collapse(each, self.blocks.values(), self.tracks, decision)
        self._forget(decision)

    def _forget(self, decision: Decision) -> None:
        """What can decide nothing any more: windows that are over, cooldowns and silences that are told."""
        later = {key for each in self.blocks.values() for key in each.undo}
        for key in expired(self.tracks, self.configuration, self.final_time):
            if key not in later:
                self.tracks.set(key, None)
                decision.tracks[key] = None
        longest = max(
            (each.rule.window.size_ms for each in self.configuration.rules.values() if each.rule.window),
            default=0,
        )
        self.doubts = {each for each in self.doubts if each > self.final_time - longest}
        oldest = min((each.sequence for each in self.blocks.values()), default=None)
        for former in [each for each in self.former.values() if oldest is None or each.until <= oldest]:
            del self.former[former.until, former.key]
            decision.former[former] = False

    def _facts(self, facts: Gives, place: Place, decision: Decision) -> None:
        """Their cooldowns are of the log, not of a block: no block that leaves takes them back."""
        undo: dict[TrackKey, State | None] = {}
        self.tracks.recording(undo)
        joining = Joining(self.configuration, self.tracks, self._max_groups, self._incomplete)
        joining.facts(facts, place.timestamp or 0)
        self.tracks.recorded()
        decision.refused.update(joining.refused)
        decision.tracks |= {key: self.tracks.get(key) for key in undo}
        for alert in joining.made.values():
            decision.says(alert, Status.CONFIRMED, place)

    def _end_rule(self, rule_id: str, reason: str, decision: Decision) -> None:
        """A rule's text is no longer in force: what it counts is forgotten, what rests on it is resolved."""
        for key in self.tracks.of_rule(rule_id):
            self.tracks.set(key, None)
            decision.tracks[key] = None
        for block in self.blocks.values():
            for key in [each for each in block.undo if each.rule_id == rule_id]:
                del block.undo[key]
                decision.tracks[key] = None
            ending = [
                each for each in block.made.values() if each.alert.rule_id == rule_id and each.alert.resolves
            ]
            for made in ending:
                del block.made[made.alert.id]
                decision.blocks[block.hash] = block
                if made.told:
                    decision.says(made.alert, Status.RESOLVED, _place(block), reason)

    def _incomplete(self, start: int, end: int) -> bool:
        return any(start <= each < end for each in self.doubts) or any(
            not each.known and start <= each.timestamp < end for each in self.blocks.values()
        )


def _place(block: Block) -> Place:
    return Place(block.number, block.hash, block.timestamp)
