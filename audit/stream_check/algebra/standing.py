"""What the events of one block leave behind: which records stand, and whether each end was published."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from audit.stream_check.algebra.branch import BranchKind
from audit.stream_check.algebra.event import Event
from audit.stream_check.algebra.finding import Finding, of_records, some
from audit.stream_check.algebra.record import Record
from topics.coverage import BLOCKS, COUNTED

_STREAMS = (BLOCKS, *(each.stream for each in COUNTED))


class Block:
    """A block and its events, in order of sequence.

    `whole`: all that was published of it is known. `linked`: so is its place on the branch, since the
    beginning of that number. `accused`: something was found already. `unjudged`: so many of its events are
    not judged yet.
    """

    def __init__(self, number: int, block_hash: bytes) -> None:
        self.number = number
        self.block_hash = block_hash
        self.events: dict[int, Event] = {}
        self.whole = False
        self.linked: int | None = None
        self.accused = False
        self.unjudged = 0
        self._standing: dict[str, dict[bytes, Record]] = {stream: {} for stream in _STREAMS}

    @property
    def stands(self) -> list[Record]:
        """The records that a consumer keeps."""
        return [record for records in self._standing.values() for record in records.values()]

    def take(
        self, event: Event, kind: BranchKind, hidden: Collection[str], *, removed: bool
    ) -> Iterator[Finding]:
        """The breaches of a complete event, the block's latest one, against what stood before it.

        Records of the streams in `hidden` may lie before what is read.
        """
        earlier = [self.events[each] for each in sorted(self.events, reverse=True) if each < event.sequence]
        for stream in _STREAMS:
            records = event.records(stream, removed=removed)
            retracted = records if removed else event.records(stream, removed=True)
            stood = self._standing[stream]
            left = {identity: each for identity, each in stood.items() if identity not in records | retracted}
            if left and stream in hidden:
                self.whole = False
            elif left:
                yield of_records(
                    "not-retracted",
                    [*left.values()],
                    f"{len(left)} records of {stream} stay ({some(left)}): the event neither says them nor "
                    "takes them back, so a consumer keeps them",
                    event.sequence,
                )
            if self.whole:
                yield from _never_published(stream, retracted, earlier)
            # A repair may say another content, and with it another key.
            yield from _moved(stood, retracted if kind.may_repair else event.kept.get(stream, {}))
            self._standing[stream] = {} if removed else records


def _never_published(
    stream: str, retracted: Mapping[bytes, Record], earlier: Sequence[Event]
) -> Iterator[Finding]:
    unknown = {
        identity: record
        for identity, record in retracted.items()
        if not any(identity in event.kept.get(stream, ()) for event in earlier)
    }
    if unknown:
        yield of_records(
            "retraction",
            [*unknown.values()],
            f"{len(unknown)} records of {stream} are taken back that were never said ({some(unknown)}): a "
            "consumer lacks records, or has them under another event_id",
        )


def _moved(stood: Mapping[bytes, Record], records: Mapping[bytes, Record]) -> Iterator[Finding]:
    for identity, record in records.items():
        earlier = stood.get(identity)
        if earlier is not None and earlier.key != record.key:
            yield of_records(
                "key",
                [earlier, record],
                f"event_id {identity.hex()} had key {earlier.key!r} and has {record.key!r}: they lie in no "
                "order, and a consumer by key misses the second",
            )
