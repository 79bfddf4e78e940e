"""Changed states as `transaction-states` messages: a block's share of the bytes is made once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.codec.varint import encode
from streams.logic.event import Messages
from streams.logic.state.fold import Change
from streams.logic.state.history import LifeState
from topics.chainlog.headers import Headers

STREAM: Final = "transaction-states"
_NULL: Final = b"\x00"


PORTION_RECORDS: Final = 20_000
"""States of one event in a Kafka transaction, some ten megabytes: a record of this stream has no part that a
block could make large. A block is never divided."""


def portions(changes: Iterable[Change], records: int = PORTION_RECORDS) -> list[list[Change]]:
    """The changes of one event in order: one portion as a rule, more where finality came after weeks."""
    found: list[list[Change]] = [[]]
    size = 0
    for change in changes:
        if size and size + len(change.places) > records:
            found.append([])
            size = 0
        found[-1].append(change)
        size += len(change.places)
    return found


def messages_of(change: Change, frame: bytes, headers: Headers) -> Messages:
    """One message per transaction, keyed by its hash in 0x hex. The schema's field order is written here."""
    prefix, middle, end = _shared(change)
    prefix = frame + prefix
    heads, tails, hashes = change.content.heads, change.content.tails, change.content.hashes()
    return Messages(
        STREAM,
        [b"0x" + hashes[place].hex().encode() for place in change.places],
        [b"".join((prefix, heads[place], middle, tails[place], end)) for place in change.places],
        headers,
    )


def _shared(change: Change) -> tuple[bytes, bytes, bytes]:
    """The bytes before event_id, from state to version, and from first_seen to evidence."""
    block, state = change.block, change.state
    current, fact = state.current, state.current.fact
    timestamp = _optional_long(block.timestamp)
    prefix = b"".join(
        (
            encode(fact.chain_id),
            _optional_long(block.number),
            b"\x02" + block.hash,
            timestamp,
            encode(fact.sequence),
            b"\x01" if current.state is LifeState.REORGED else b"\x00",
        )
    )
    previous = state.previous
    middle = b"".join(
        (
            encode(current.state),
            _NULL if previous is None else b"\x02" + encode(previous.state),
            encode(current.version),
        )
    )
    final = current.tag if current.state is LifeState.FINALIZED else None
    finalized_at = None if final is None else final.observed_at
    end = b"".join(
        (
            _NULL,  # first_seen
            timestamp,  # included_at
            _optional_long(finalized_at),
            _NULL,  # replaced_by
            _NULL,  # replaces
            encode(state.epoch),
            _optional_long(state.retracts),
            _strings(_evidence(change)),
        )
    )
    return prefix, middle, end


def _evidence(change: Change) -> list[str]:
    """The node that told it and, where it rests on a tag, which block that named."""
    fact, tag = change.state.current.fact, change.state.current.tag
    evidence = [] if fact.source is None else [fact.source]
    if tag is not None and tag.hash is not None:
        evidence.append(f"{tag.event.name.lower()} 0x{tag.hash.hex()}")
    return evidence


def _optional_long(number: int | None) -> bytes:
    return _NULL if number is None else b"\x02" + encode(number)


def _strings(texts: list[str]) -> bytes:
    if not texts:
        return _NULL
    pieces = [text.encode() for text in texts]
    return b"".join((encode(len(pieces)), *(encode(len(each)) + each for each in pieces), _NULL))
