"""The writer of raw-blocks: claims the chain, numbers the events, notices when it is fenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from connectors.evm.events import STAGE, Content, Event, Head
from connectors.evm.log.branch import Link, PublishedBranch
from connectors.evm.log.codec import STREAM, EventCodec, Numbered, Stored
from connectors.evm.log.content import read_content
from connectors.evm.log.follower import Follower
from connectors.evm.log.links.linked import LinkedLog
from connectors.evm.log.links.links import Links
from connectors.evm.log.store import LogStore, Outgoing
from connectors.evm.log.stored import read_stored
from connectors.evm.log.tail import Published, load, resume
from connectors.evm.log.whole import Found
from headwater.errors import Fatal, Transient
from headwater.logging import about, get_logger
from topics.chainlog.claims import Verdict
from topics.chainlog.headers import Headers, headers
from topics.chainlog.kinds import EventKind

_log = get_logger("headwater.listen.log")


class Fenced(Fatal):
    """Another listener took the chain over: what this one writes is ignored by every reader."""


class ChainLog:
    """One chain's raw-blocks, written under a CLAIM.

    Call `open` first, and again after any Transient: what a failed write left behind is then read back
    from the log itself. `name` is what the CLAIM says of us, `now_ms` the clock. With a `follower` the first
    `open` reads only what that one has not read yet. `links` is what spares an `open` the blocks' content.
    """

    def __init__(
        self,
        store: LogStore,
        codec: EventCodec,
        name: str,
        now_ms: Callable[[], int],
        follower: Follower | None = None,
        links: Links | None = None,
    ) -> None:
        self._follower = follower
        self._links = links
        self._store = store
        self._codec = codec
        self._name = name
        self._now_ms = now_ms
        self._published: Published | None = None
        self._next_offset = 0

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self._store.topic

    @property
    def branch(self) -> PublishedBranch:
        """What is published. Raises Fatal before `open`."""
        return self._open.branch

    @property
    def finalized(self) -> Head | None:
        """The last final block published; None while there is none, and before `open`."""
        return None if self._published is None else self._published.branch.finalized

    @property
    def sequence(self) -> int:
        """The sequence of the last event published."""
        return self._open.reader.last or 0

    @property
    def claim(self) -> int:
        """The offset of the CLAIM in force, ours."""
        claim = self._open.reader.claim
        return -1 if claim is None else claim

    def repair_of(self, hash: bytes) -> Found | None:
        """The latest repair of a block, where one is known."""
        return self._open.repairs.get(hash)

    def open(self, *, finality: bool = True) -> None:
        """Read the log's tail and claim the chain; without `finality` blocks below it may be reverted.

        Raises Transient, Fatal.
        """
        self._store.renew()
        linked = LinkedLog(self._store, self._codec, self._links, writes=True)
        self._published, self._next_offset = self._followed(finality=finality) or load(
            self._store, self._codec, linked, finality=finality
        )
        linked.complete()
        self._claim()
        branch = self.branch
        _log.info(
            "chain claimed",
            stage=STAGE,
            topic=self._store.topic,
            partition=0,
            offset=self.claim,
            sequence=self.sequence,
            tip=branch.tip.number if branch.tip else None,
            finalized=branch.finalized.number if branch.finalized else None,
            read_whole=linked.read_whole,
        )

    def renew_claim(self) -> None:
        """Write another CLAIM of ours: the log's front may only be deleted up to one.

        Raises Transient, Fenced when another listener has taken the chain over.
        """
        self.check_claim()
        self._claim(renewal=True)

    def check_claim(self) -> None:
        """See that the chain is still ours. Raises Transient, Fenced when another listener took it over."""
        _, end = self._store.bounds()
        self._look_for_others(frozenset(), end)

    def publish(self, events: Sequence[Event]) -> int:
        """Write events in order, under our claim; returns the last sequence.

        Raises Transient when the log did not take them (then `open` again), Fenced when another listener
        has taken the chain over.
        """
        published = self._open
        sequence = self.sequence
        messages: list[Outgoing] = []
        owners: list[tuple[Event, Numbered, int]] = []
        for event in events:
            sequence += 1
            numbered = Numbered(sequence, self.claim, self._now_ms())
            values = self._codec.encode(event, numbered)
            own = self._headers(numbered, event)
            messages += [Outgoing(value, own) for value in values]
            owners += [(event, numbered, len(values))]
        offsets = self._store.append(messages)
        if offsets and offsets[0] < self._next_offset:
            raise Transient(f"raw-blocks went back to offset {offsets[0]}: messages were lost")
        if offsets and offsets[-1] != self._next_offset + len(offsets) - 1:
            self._look_for_others(set(offsets), offsets[-1] + 1)
        self._next_offset = offsets[-1] + 1 if offsets else self._next_offset
        start = 0
        for event, numbered, parts in owners:
            self._count(published, event, numbered, offsets[start : start + parts])
            start += parts
        return sequence

    def content(self, link: Link) -> Content:
        """What was published of a block last, read back. Raises Transient, Fatal."""
        content = read_content(self._store, self._codec, link.head, link.offset, link.end)
        if content is None:
            raise Fatal(
                f"raw-blocks no longer holds block {link.head.number} at offset {link.offset}",
                remedy="it was deleted before it was final: start with an empty topic",
            )
        return content

    def delete_older(self, time_ms: int) -> int | None:
        """Delete what is both finalized and older than a time; returns the new first offset, if it moved.

        The first message left is a CLAIM, so that a reader from there knows who is in charge: the log
        goes up to the CLAIM under which the first message of that time was written. Raises Transient.
        """
        low, _ = self._store.bounds()
        found, needed = self._store.offset_at(time_ms), self.branch.first_offset
        if found is None or needed is None:
            return None
        (stored,) = read_stored(self._store, self._codec, found, found + 1)
        before = stored.position.offset if stored.position.is_claim else stored.position.claim
        if not low < before <= needed:
            return None
        self._store.trim(before)
        self._open.forget_repairs(before)
        return before

    def interrupt(self) -> None:
        """End a blocked call with Transient; from any thread."""
        self._store.interrupt()

    def close(self) -> None:
        """Release the log."""
        self._store.close()
        if self._links is not None:
            self._links.close()

    @property
    def _open(self) -> Published:
        if self._published is None:
            raise Fatal("the chain's log was not opened")
        return self._published

    def _followed(self, *, finality: bool) -> tuple[Published, int] | None:
        known = None if self._follower is None else self._follower.give_up()
        # Without finality the log is read as nobody follows it.
        return None if known is None or not finality else resume(self._store, self._codec, *known)

    def _claim(self, *, renewal: bool = False) -> None:
        published = self._open
        while True:
            last = published.reader.last
            now = self._now_ms()
            numbered = Numbered(now if last is None else last + 1, -1, now, fresh=last is None)
            value = self._codec.claim(numbered, self._name)
            (offset,) = self._store.append([Outgoing(value, self._headers(numbered, None))])
            verdict = Verdict.REPEAT
            for stored in read_stored(self._store, self._codec, self._next_offset, offset + 1):
                if renewal and stored.kind is EventKind.CLAIM and stored.position.offset != offset:
                    raise self._fenced(stored)
                verdict = published.take(stored)
                self._note(stored)
            self._next_offset = offset + 1
            if verdict is Verdict.ACCEPT:
                return
            # Another listener's events slipped in before our CLAIM: its number was taken. It fences all
            # the same, so the next one can be beaten to it only by yet another CLAIM.

    def _look_for_others(self, own: AbstractSet[int], end: int) -> None:
        for stored in read_stored(self._store, self._codec, self._next_offset, end):
            if stored.position.offset in own:
                continue
            if stored.kind is EventKind.CLAIM:
                raise self._fenced(stored)
            self._note(stored)
            with about(partial(stored.log_fields, self._store.topic)):
                _log.warning("ignored a message of a fenced listener", source=stored.source)

    def _fenced(self, stored: Stored) -> Fenced:
        return Fenced(
            f"another listener ({stored.source}) took the chain over at offset {stored.position.offset}; "
            "what this one wrote since is ignored by every reader",
            remedy="run one listener per chain, or several with HEADWATER_CHAIN__STANDBY=true; started "
            "again, this one takes over",
        )

    def _count(self, published: Published, event: Event, numbered: Numbered, offsets: Sequence[int]) -> None:
        for part, offset in enumerate(offsets):
            stored = self._codec.stored(event, numbered, offset, part, len(offsets))
            if published.take(stored) is not Verdict.ACCEPT:
                raise Transient(f"raw-blocks does not go on with sequence {numbered.sequence}")
            self._note(stored)

    def _note(self, stored: Stored) -> None:
        if self._links is not None:
            self._links.note(stored)

    def _headers(self, numbered: Numbered, event: Event | None) -> Headers:
        block_hash = event.head.hash if event is not None and event.head is not None else None
        return headers(self._codec.chain_id, numbered.sequence, block_hash, stream=STREAM)
