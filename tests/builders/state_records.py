"""Lives of a chain as events of blocks, and `transaction-states` as the stage writes it of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audit.stream_check.algebra.asked import Range, Tally
from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import StreamPosition
from audit.stream_check.states.check import StateCheck
from audit.stream_check.states.life import Facts
from audit.stream_check.states.record import STATES, StateRecord
from headwater.evm.identity import RecordKind, event_id
from streams.logic.state.facts import Fact
from streams.logic.state.fold import Change, Fold
from tests.builders.state_chains import CHAIN
from topics.chainlog.kinds import EventKind

PARTITIONS = 3
NEVER = 10_000
_KINDS = {
    EventKind.APPLY: BranchKind.APPLY,
    EventKind.REVERT: BranchKind.REVERT,
    EventKind.REPAIR: BranchKind.REPAIR,
    EventKind.REPAIR_REVERT: BranchKind.REPAIR_REVERT,
}


@dataclass
class Published:
    """What was published: events of blocks, and states in the order in which they were written."""

    events: list[Facts] = field(default_factory=list)
    states: list[StateRecord] = field(default_factory=list)

    def findings(
        self,
        states: Sequence[StateRecord] | None = None,
        *,
        asked: Range | None = None,
        events: Sequence[Facts] | None = None,
        at_once: bool = False,
    ) -> list[Finding]:
        """What the check finds of it, of other states, or of other events."""
        found: list[Finding] = []
        check = StateCheck(PARTITIONS, found.append, Tally(), asked=asked, at_once=at_once)
        for facts in self.events if events is None else events:
            check.take(facts)
        for record in self.states if states is None else states:
            check.add(record)
        check.settle(10**9, below=0)
        check.close()
        return found


def published(facts: Sequence[Fact]) -> Published:
    """What the stages publish of these facts, in order."""
    life, fold = Published(), Fold(NEVER)
    held: dict[bytes, frozenset[bytes]] = {}
    end_offsets = [0] * PARTITIONS
    for fact in facts:
        if fact.is_block:
            life.events.append(_event(fact, held))
        for change in fold.add(fact):
            for record in _records(change):
                partition = partition_of(record.key, PARTITIONS)
                position = StreamPosition(STATES, partition, end_offsets[partition])
                life.states.append(record._replace(position=position))
                end_offsets[partition] += 1
    return life


def _event(fact: Fact, held: dict[bytes, frozenset[bytes]]) -> Facts:
    assert fact.hash is not None
    assert fact.number is not None
    own = frozenset(() if fact.content is None else fact.content.hashes())
    gone = frozenset() if fact.replaced is None else frozenset(fact.replaced.hashes())
    gone |= held.get(fact.hash, frozenset()) if fact.event.repairs else frozenset()
    if fact.content is not None:
        held[fact.hash] = own
    removed = fact.event in (EventKind.REVERT, EventKind.REPAIR_REVERT)
    return Facts(
        fact.sequence,
        _KINDS[fact.event],
        fact.number,
        fact.hash,
        frozenset() if removed else own,
        own | gone if removed else gone - own,
        fact.content is not None,
        judged=True,
        time_ms=fact.sequence,
    )


def _records(change: Change) -> Iterator[StateRecord]:
    current, state = change.state.current, change.state
    hashes = change.content.hashes()
    for place in change.places:
        name = hashes[place]
        own = event_id(CHAIN, change.block.hash, RecordKind.TRANSACTION, place, 0)
        yield StateRecord(
            StreamPosition(STATES, 0, 0),
            current.sequence,
            b"0x" + name.hex().encode(),
            name,
            current.sequence,
            current.state.name,
            current.version,
            change.block.number,
            change.block.hash,
            current.state.name == "REORGED",
            own,
            own,
            state.epoch,
            state.retracts,
            hash((name, current.version, state.epoch, state.retracts)),
        )
