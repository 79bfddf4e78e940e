"""What a listener learns from its own topic: the published branch, the last sequence, the claim in force."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.codec import EventCodec, Stored
from connectors.evm.log.links.linked import LinkedLog
from connectors.evm.log.store import LogStore
from connectors.evm.log.stored import read_stored
from connectors.evm.log.whole import Found, WholeEvents
from headwater.errors import Fatal
from topics.chainlog.claims import LOOK_BACK, ClaimFilter, LogPosition, Verdict, claim_in_force
from topics.chainlog.kinds import EventKind

FIRST_WINDOW: Final = 256


class Published:
    """The fold of the log from some place on: which listener is in charge, and which blocks are canonical.

    `covered` turns false when the log speaks of a block that lies before the place where the fold began.
    Without `heeds_finality` FINALIZED events are passed over, so that blocks below them may be reverted.
    `repairs` are the latest repair of each block that had one, by hash.
    """

    def __init__(self, claim: int | None, *, whole: bool, finality: bool = True) -> None:
        self.repairs: dict[bytes, Found] = {}
        self._events = WholeEvents(claim)
        self.heeds_finality = finality
        self.branch = PublishedBranch(whole=whole)
        self.covered = True
        self.claimed_by = ""

    @property
    def reader(self) -> ClaimFilter:
        """Which events count."""
        return self._events.reader

    def take(self, stored: Stored) -> Verdict:
        """Judge the next message and take it into account. Raises Fatal on a gap or a broken branch."""
        verdict, event = self._events.take(stored)
        if stored.kind is EventKind.CLAIM:
            self.claimed_by = stored.source
        if verdict is Verdict.GAP:
            raise Fatal(
                f"raw-blocks has a gap before offset {stored.position.offset}: "
                f"sequence {stored.position.sequence} "
                f"follows {self.reader.last}",
                remedy="restore the topic, or start with an empty one",
            )
        if event is not None:
            self._whole(event)
        return verdict

    def forget_repairs(self, before: int) -> None:
        """The log was deleted below an offset."""
        self.repairs = {hash_: each for hash_, each in self.repairs.items() if each.offset >= before}

    def _whole(self, event: Found) -> None:
        head, branch = event.head, self.branch
        if event.kind is EventKind.APPLY:
            if not branch.follows(head):
                raise Fatal(
                    f"raw-blocks offset {event.end - 1} applies block {head.number}, "
                    "which does not follow the block before it",
                    remedy="restore the topic, or start with an empty one",
                )
            branch.applied(Link(head, event.offset, event.end, event.offset))
        elif event.kind is EventKind.REVERT:
            if branch.tip is not None and branch.tip.hash == head.hash:
                branch.reverted()
            elif branch.tip is None:
                self.covered = False
                branch.floor = head.number
            else:
                raise Fatal(f"raw-blocks offset {event.end - 1} reverts a block that is not the tip")
        elif event.kind.repairs:
            self.repairs[head.hash] = event
            if event.kind is EventKind.REPAIR:
                branch.repaired(head, event.offset, event.end)
        elif event.kind is EventKind.SAFE:
            branch.moved_safe(head)
        elif event.kind is EventKind.FINALIZED and self.heeds_finality:
            # From a finalized block on that is known, everything is.
            self.covered = branch.holds(head.hash)
            branch.moved_finalized(head)


def load(
    store: LogStore, codec: EventCodec, linked: LinkedLog | None = None, *, finality: bool = True
) -> tuple[Published, int]:
    """The fold of the log's end back to the finalized block, and the offset up to which it was read.

    Reads ever more of the log, through `linked` where there is one, until the finalized block is in it;
    without `finality` all of it. Raises Transient, and Fatal when the log is of another chain or has a gap.
    """
    if linked is None:
        linked = LinkedLog(store, codec, None, writes=False)
    try:
        return _load(store, codec, linked, finality=finality)
    except Fatal:
        if not linked.distrust():
            raise
    # What raw-links has may have been wrong; what raw-blocks has itself is not.
    return _load(store, codec, linked, finality=finality)


def _load(store: LogStore, codec: EventCodec, linked: LinkedLog, *, finality: bool) -> tuple[Published, int]:
    low, end = store.bounds()
    window = FIRST_WINDOW if finality else end - low
    while True:
        start = max(low, end - window)
        messages = linked.read(max(low, start - LOOK_BACK), end)
        published = fold(messages, start, low, codec.chain_id, finality=finality)
        branch = published.branch
        finality_known = branch.finalized is not None and branch.holds(branch.finalized.hash)
        if start == low or (published.covered and finality_known):
            published.heeds_finality = True
            return published, end
        window *= 4


def resume(
    store: LogStore, codec: EventCodec, published: Published, offset: int
) -> tuple[Published, int] | None:
    """A fold that was read up to `offset`, gone on with to the log's end, and the offset of that.

    None when it cannot go on, so that the log has to be loaded anew. Raises Transient, and Fatal on a gap.
    """
    low, end = store.bounds()
    if not low <= offset <= end:
        return None
    covered = published.covered
    for stored in read_stored(store, codec, offset, end):
        published.take(stored)
    return None if covered and not published.covered else (published, end)


def fold(
    messages: Iterable[Stored], start: int, low: int, chain_id: int, *, finality: bool = True
) -> Published:
    """The fold of messages from `start` on; those before it only tell the claim in force there.

    `low` is the first offset that the log keeps.
    """
    before: list[LogPosition] = []
    published: Published | None = None
    for stored in messages:
        if stored.chain_id != chain_id:
            raise Fatal(
                f"raw-blocks is of chain {stored.chain_id}, the node of chain {chain_id}",
                remedy="give the chain another name (HEADWATER_CHAIN__NAME) or correct --rpc",
            )
        if stored.position.offset < start:
            before.append(stored.position)
            continue
        if published is None:
            published = _begin(before, low, finality)
        published.take(stored)
    return published or _begin(before, low, finality)


def _begin(before: list[LogPosition], low: int, finality: bool) -> Published:
    return Published(claim_in_force(before), whole=low == 0 and not before, finality=finality)
