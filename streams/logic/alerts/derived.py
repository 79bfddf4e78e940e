"""Statistics and states of transactions, where rules ask about them: by the folds of those stages, in here.

No topic of another stage is read: which of its messages came before an event would not be defined. A fold
begins when the first rule asks for it, and is forgotten with the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol, cast

import msgspec

from schemas import Message, Selection, codec_for, version_of
from streams.logic.aggregate.decision import Snapshots
from streams.logic.aggregate.entries import STREAM as STATISTICS
from streams.logic.aggregate.entries import Entries as StatisticsEntries
from streams.logic.aggregate.fold import Fact as StatisticsFact
from streams.logic.aggregate.fold import Fold as StatisticsFold
from streams.logic.aggregate.input import contribution_of
from streams.logic.aggregate.measures import CHAIN
from streams.logic.aggregate.records import CHAIN_STATS, CONTRACT_STATS, TOKEN_STATS
from streams.logic.aggregate.records import messages_of as snapshots_of
from streams.logic.aggregate.windows import Block
from streams.logic.alerts.records import Convert, converters_of
from streams.logic.event import Messages
from streams.logic.state.facts import Fact, key_of, pack
from streams.logic.state.fold import Fold as StatesFold
from streams.logic.state.input import block_fact, fact_of, undecided
from streams.logic.state.records import STREAM as STATES
from streams.logic.state.records import messages_of as states_of
from streams.logic.state.window import restored
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

Entry = tuple[bytes, bytes | None]
Record = Mapping[str, object]
Added = tuple[list[Record], list[Entry]]
"""The records that an event makes, and the entries that it changes."""
_STREAMS: Final = (CHAIN_STATS, TOKEN_STATS, CONTRACT_STATS, STATES)
_CONVERTERS: Final[Mapping[str, Mapping[str, Convert | None]]] = {
    stream: converters_of(stream) for stream in _STREAMS
}
_NULLS: Final = {
    name: None for stream in (CHAIN_STATS, TOKEN_STATS, CONTRACT_STATS) for name in codec_for(stream).names
}
_statistics = codec_for(STATISTICS)


class Reader(Protocol):
    """Reads the values of enriched-blocks."""

    def message(self, value: bytes, fields: Selection) -> Message:
        """The chosen fields of one."""

    def to_current_schema(self, value: bytes) -> bytes:
        """The value in our version of the schema."""


class Statistics:
    """The statistics as the aggregate stage makes them."""

    def __init__(self) -> None:
        self._fold, self._entries = StatisticsFold(), StatisticsEntries()

    def prepare(
        self, envelope: Envelope, values: Sequence[bytes], reader: Reader | None
    ) -> Callable[[], Added]:
        """Reads what an event carries, which may raise; the result takes it in. `reader` None: unknown."""
        contribution = None
        if reader is not None and envelope.event in (EventKind.APPLY, EventKind.REPAIR):
            contribution = contribution_of(envelope, values, reader.message)
        fact = StatisticsFact(
            envelope.event,
            envelope.sequence,
            envelope.block_number,
            envelope.block_hash,
            envelope.parent_hash,
            envelope.block_timestamp,
            contribution,
        )
        return partial(self._add, envelope, fact)

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """The fold that made these entries."""
        self._fold = self._entries.restored(entries, lambda body: _statistics.read(body))

    def _add(self, envelope: Envelope, fact: StatisticsFact) -> Added:
        before = self._fold.blocks.get(fact.hash or b"")
        decision = self._fold.add(fact)
        found: Iterable[Snapshots] = decision.snapshots()
        if fact.kind is EventKind.REPAIR and before is not None:
            found = _changed(found, before, self._fold.blocks[before.hash])
        records: list[Record] = [
            {**_NULLS, **record, "statistic": stream.removesuffix("-stats")}
            for snapshots in found
            for stream, record in _read(snapshots_of(envelope, snapshots, _no_frame))
        ]
        return records, list(self._entries.changes(self._fold, decision))


class States:
    """The states of transactions as the state stage makes them; of a repair those that it brings or drops."""

    def __init__(self) -> None:
        self._fold = StatesFold()

    def prepare(
        self, envelope: Envelope, values: Sequence[bytes], reader: Reader | None
    ) -> Callable[[], Added]:
        """Reads what an event carries, which may raise; the result takes it in. `reader` None: unknown."""
        return partial(self._add, self._fact(envelope, values, reader))

    def _add(self, fact: Fact) -> Added:
        own = fact.hash or b""
        before = self._fold.holds(own)
        changes = self._fold.add(fact)
        records: list[Record] = [
            record for change in changes for _, record in _read([states_of(change, b"", ())])
        ]
        if fact.event.repairs:
            # The others' states are said again, as they were.
            other = frozenset() if before is None else before ^ (self._fold.holds(own) or frozenset())
            records = [each for each in records if bytes.fromhex(str(each["hash"])[2:]) in other]
        entries: list[Entry] = [(key_of(fact.sequence), pack(fact))]
        if fact.kind == EventKind.FINALIZED:
            old = self._fold.prunable()
            self._fold.forget(old)
            entries += [(key_of(each), None) for each in old]
        return records, entries

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """The fold that made these entries."""
        self._fold = restored(entries).fold

    def _fact(self, envelope: Envelope, values: Sequence[bytes], reader: Reader | None) -> Fact:
        fact = fact_of(envelope)
        if reader is None:
            return undecided(fact) if fact.is_tag or envelope.event.repairs else fact
        if fact.is_block and (envelope.event.repairs or not self._fold.knows(envelope.block_hash or b"")):
            fact = block_fact(envelope, [reader.to_current_schema(value) for value in values])
        return fact


class Derived:
    """Both, each where it is wanted. An entry's key begins with the name of its fold."""

    def __init__(self) -> None:
        self._folds: dict[str, Statistics | States] = {}
        self._keys: dict[str, set[bytes]] = {}
        self._dropped: list[Entry] = []

    def want(self, names: Iterable[str]) -> None:
        """These folds are wanted, and no others."""
        wanted = set(names)
        for name in wanted - self._folds.keys():
            self._folds[name] = _MAKE[name]()
        for name in self._folds.keys() - wanted:
            del self._folds[name]
            self._dropped += [(_key(name, key), None) for key in self._keys.pop(name, ())]

    def add(
        self, envelope: Envelope, values: Sequence[bytes], reader: Reader | None
    ) -> tuple[dict[str, list[Record]], list[Entry]]:
        """Fold → records that an event makes, and the entries that it changes. Raises before all of it."""
        found: dict[str, list[Record]] = {}
        prepared = {name: fold.prepare(envelope, values, reader) for name, fold in self._folds.items()}
        entries, self._dropped = self._dropped, []
        for name, add in prepared.items():
            found[name], changes = add()
            keys = self._keys.setdefault(name, set())
            for key, body in changes:
                (keys.discard if body is None else keys.add)(key)
                entries.append((_key(name, key), None if body is None else _packed(body)))
        return found, entries

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """The folds that are wanted, from their entries; those of another version begin anew."""
        for name, fold in self._folds.items():
            prefix = _key(name, b"")
            own = {key.removeprefix(prefix): each for key, each in entries.items() if key.startswith(prefix)}
            self._keys[name] = {_unkeyed(key) for key in own}
            bodies = {_unkeyed(key): _unpacked(each) for key, each in own.items()}
            if all(body is not None for body in bodies.values()) and bodies:
                fold.restore(cast("dict[bytes, bytes]", bodies))


STATISTICS_FOLD: Final = "statistics"
STATES_FOLD: Final = "states"
_MAKE: Final[Mapping[str, Callable[[], Statistics | States]]] = {
    STATISTICS_FOLD: Statistics,
    STATES_FOLD: States,
}


def _changed(found: Iterable[Snapshots], before: Block, after: Block) -> Iterator[Snapshots]:
    """Of the snapshots that a repair makes, those that differ by it."""
    old, new = before.contribution.entities, after.contribution.entities
    every = before.known != after.known or before.contribution.base_fees != after.contribution.base_fees
    for each in found:
        changed = {
            entity: measures
            for entity, measures in each.entities.items()
            if old.get(entity) != new.get(entity) or (every and entity == CHAIN)
        }
        yield replace(each, entities=changed)


def _no_frame(stream: str) -> bytes:
    return b""


def _read(messages: Iterable[Messages]) -> Iterator[tuple[str, dict[str, object]]]:
    """Messages as the records that rules see."""
    for each in messages:
        codec, converters = codec_for(each.stream), _CONVERTERS[each.stream]
        for value in each.values:
            raw: dict[str, Any] = codec.read(value or b"")
            yield (
                each.stream,
                {name: one if (own := converters[name]) is None else own(one) for name, one in raw.items()},
            )


def _key(name: str, key: bytes) -> bytes:
    return f"{name}:".encode() + (key.hex().encode() if key else b"")


def _unkeyed(key: bytes) -> bytes:
    return bytes.fromhex(key.decode())


def _packed(body: bytes) -> bytes:
    return msgspec.msgpack.encode((version_of(STATISTICS), body))


def _unpacked(content: bytes) -> bytes | None:
    version, body = msgspec.msgpack.decode(content, type=tuple[int, bytes])
    return body if version == version_of(STATISTICS) else None
