"""The fold: blocks join, leave, become safe and final, and are said again; alerts follow.

A pure function of the events in the order of their sequence and of the configuration adopted before each;
what is at or below the last sequence is ignored. A block that leaves takes with it exactly what it made and
puts back what it replaced: no condition is asked, and its content need not be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from headwater.errors import Permanent
from streams.logic.alerts.adopting import adopt
from streams.logic.alerts.alert import Alert
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Block, BlockRef, Decision, Made, Status
from streams.logic.alerts.finality import collapse, forget, make_room
from streams.logic.alerts.gives import NOTHING, Gives
from streams.logic.alerts.incomplete import incomplete, lacks, mark_given
from streams.logic.alerts.joining import Joining
from streams.logic.alerts.remembered import Remembered, Reorg, Tip
from streams.logic.alerts.repairing import replace_gives
from streams.logic.alerts.rule import Finality
from streams.logic.alerts.tracks import CONFIRMED, Confirmed, State, TrackKey
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind


class Fold(Remembered):
    """What is remembered, and what events and changes of the configuration do to it."""

    def adopt(
        self,
        changes: Iterable[Change],
        decision: Decision,
        refused: Callable[[Change, Permanent], None] = lambda change, error: None,
    ) -> None:
        """Put changes in force before the event. A text that is refused changes nothing."""
        adopt(self, changes, decision, refused)

    def add(self, envelope: Envelope, gives: Gives | None, facts: Gives, decision: Decision) -> None:
        """What an event causes that is not a repeat. `gives` None: the content of its block is not known.

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
            self._repair(number, own, time, gives, decision)
        elif kind is EventKind.REVERT:
            self._revert(envelope, number, own, time, decision)
        if facts.candidates or facts.tallies:
            if kind is EventKind.FINALIZED:
                # What is over by now takes none of their room.
                times = [each.time for each in facts.candidates if each.time is not None]
                make_room(self, decision, min([*times, self.final_time]))
            self._facts(facts, BlockRef(number, own, time), decision)
        if kind is EventKind.FINALIZED:
            forget(self, decision)  # Whether the final snapshots were told before, is asked above.

    def _apply(self, block: Block, decision: Decision) -> None:
        if block.hash in self.blocks:
            return
        tip = self.tip
        if tip is None:
            if block.number > 0:
                self.unknown_times.add(block.timestamp)
        elif block.number != tip.number + 1 or (
            tip.hash is not None and block.parent_hash is not None and tip.hash != block.parent_hash
        ):
            self.unknown_times |= {block.timestamp, tip.timestamp or self.time or block.timestamp}
        self.tip = Tip(block.number, block.hash, block.timestamp)
        self.reorg = None
        self.blocks[block.hash] = decision.blocks[block.hash] = block
        block.made = {own: Made(alert) for own, alert in self.join(block, decision.refused).items()}
        for made in block.made.values():
            if made.alert.finality is Finality.PROVISIONAL:
                self._publish(made, block, decision)

    def _revert(self, envelope: Envelope, number: int, own: bytes, time: int, decision: Decision) -> None:
        depth = 0 if self.reorg is None else self.reorg.depth
        first = (number, own) if self.reorg is None else (self.reorg.number, self.reorg.hash)
        self.reorg = Reorg(depth + 1, *first)
        before = self.blocks.get(envelope.parent_hash or b"")
        self.tip = Tip(number - 1, envelope.parent_hash, None if before is None else before.timestamp)
        self.safe = min(self.safe, number - 1)
        block = self.blocks.get(own)
        if block is None:
            self.unknown_times.add(time)
            return
        behind = self.behind(block)
        for each in reversed(behind):
            self.leave(each)
        self.leave(block)
        decision.blocks[block.hash] = None
        for made in block.made.values():
            if made.published:
                decision.says(made.alert, Status.RETRACTED, block.ref, f"block {block.number} left the chain")
        self._again(behind, f"block {block.number} left the chain", decision)

    def _repair(self, number: int, own: bytes, time: int, gives: Gives | None, decision: Decision) -> None:
        if gives is None:
            return  # The repair failed: what is known stands.
        block = self.blocks.get(own)
        if block is None:
            # What it gave is part of sums by now: windows that it is in say so, those that stand at once.
            self.unknown_times.add(time)
            for each in self.blocks.values():
                if mark_given(each, time):
                    decision.blocks[each.hash] = each
                for made in each.made.values():
                    self._mark_incomplete(made, each, time, decision)
            self._mark_confirmed_incomplete(time, decision)
            return
        again = [block, *self.behind(block)]
        replace_gives(self, again, gives, decision)
        for each in reversed(again):
            self.leave(each)
        self._again(again, f"block {number} was repaired", decision)

    def _mark_incomplete(self, made: Made, block: Block, time: int, decision: Decision) -> None:
        """Mark an alert whose span contains a time at which something is not known.

        Nothing is judged anew, as it would be with a label or with room that came later.
        """
        if lacks(made.alert, block.timestamp, time):
            made.alert = incomplete(made.alert)
            decision.blocks[block.hash] = block
            if made.published:
                self._publish(made, block, decision)

    def _mark_confirmed_incomplete(self, time: int, decision: Decision) -> None:
        """The same of alerts that are final, while their windows are not over."""
        for key, state in list(self.tracks.items().items()):
            if isinstance(state, Confirmed) and lacks(state.alert, state.timestamp or 0, time):
                marked = replace(state, alert=incomplete(state.alert))
                self.tracks.set(key, marked)
                decision.tracks[key] = marked
                decision.says(
                    marked.alert, Status.CONFIRMED, BlockRef(state.number, state.hash, state.timestamp)
                )

    def _again(self, blocks: list[Block], reason: str, decision: Decision) -> None:
        """Blocks join again behind a change; what they no longer make is retracted for this reason.

        Labels are not judged anew: an alert that differs by them alone stays as it was told.
        """
        gone: dict[bytes, tuple[Made, Block]] = {}
        for block in blocks:
            # As when they joined first: those behind a block are not there yet.
            self.blocks.pop(block.hash, None)
        for block in blocks:
            before, denied = block.made, block.denied
            self.blocks[block.hash] = block
            alerts = self.join(block, decision.refused)
            if block.denied != denied:
                decision.blocks[block.hash] = block
            block.made = {own: before.get(own, Made(alert)) for own, alert in alerts.items()}
            for own, alert in alerts.items():
                made = block.made[own]
                changed = made.alert != replace(alert, labels=made.alert.labels, title=made.alert.title)
                made.alert = alert if changed else made.alert
                if changed or not made.published:
                    decision.blocks[block.hash] = block
                    if made.published or self._goes_out(alert, block):
                        self._publish(made, block, decision)
            for own, made in before.items():
                if own not in alerts:
                    decision.blocks[block.hash] = block
                    gone[own] = (made, block)
        for own, (made, block) in gone.items():
            # One that makes it and is not safe has not told it yet.
            if made.published and not any(own in each.made and each.made[own].published for each in blocks):
                decision.says(made.alert, Status.RETRACTED, block.ref, reason)

    def _goes_out(self, alert: Alert, block: Block) -> bool:
        """True when an alert of a block that may still leave is published."""
        return alert.finality is Finality.PROVISIONAL or (
            alert.finality is Finality.SAFE and block.number <= self.safe
        )

    def _publish(self, made: Made, block: Block, decision: Decision) -> None:
        made.published = True
        decision.says(made.alert, Status.PROVISIONAL, block.ref)

    def _secure(self, number: int, decision: Decision) -> None:
        self.safe = number
        for block in self.blocks.values():
            for made in block.made.values() if block.number <= number else ():
                if not made.published and made.alert.finality is Finality.SAFE:
                    self._publish(made, block, decision)
                    decision.blocks[block.hash] = block

    def _finalize(self, number: int, own: bytes, time: int | None, decision: Decision) -> None:
        block = self.blocks.get(own)
        final = time if block is None else block.timestamp
        if final is None or final < self.final_time:
            return
        self.final_time = final
        for each in [each for each in self.blocks.values() if each.number <= number]:
            for made in each.made.values():
                self._confirm(made.alert, each.ref, decision)
            if not each.known:
                self.unknown_times.add(each.timestamp)
            del self.blocks[each.hash]
            decision.blocks[each.hash] = None
            collapse(each, self.blocks.values(), self.tracks, decision)

    def _confirm(self, alert: Alert, block: BlockRef, decision: Decision) -> None:
        """It stands for good, unless its rule ends before the window does."""
        decision.says(alert, Status.CONFIRMED, block)
        if alert.resolves and (alert.window_end or 0) > self.final_time:
            group, start = tuple(alert.group.values()), alert.window_start or 0
            key = TrackKey(alert.rule_id, alert.rule_version, group, CONFIRMED, start)
            state = Confirmed(alert, block.number, block.hash, block.timestamp)
            self.tracks.set(key, state)
            decision.tracks[key] = state

    def _facts(self, facts: Gives, block: BlockRef, decision: Decision) -> None:
        """Their counts and cooldowns are of the log, not of a block: no block that leaves takes them back.

        Blocks that judged a window which they are counted in judge it again; one that was not there when it
        ended is judged by the first block behind its end, as it is after a restart.
        """
        time = block.timestamp or 0
        joining = Joining(self.configuration, self.tracks, self.max_groups, self.incomplete)
        counted = joining.counted_in(facts, time)
        end = min(counted.values(), default=None)
        first = next(
            (
                each
                for each in self.blocks.values()
                if not counted.keys().isdisjoint(each.undo) or (end is not None and end <= each.timestamp)
            ),
            None,
        )
        again = [] if first is None else [first, *self.behind(first)]
        for each in reversed(again):
            self.tracks.undo(each.undo)
        undo: dict[TrackKey, State | None] = {}
        self.tracks.recording(undo)
        joining.facts(facts, time)
        self.tracks.recorded()
        decision.refused.update(joining.refused)
        decision.tracks |= {key: self.tracks.get(key) for key in undo}
        for alert in joining.made.values():
            self._confirm(alert, block, decision)
        self._again(again, f"transactions of block {block.number} came to another state", decision)
