"""From dead letters to one request per block. Pure."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from audit.repair.history import Became
from audit.repair.letters import Letter, TopicPosition
from connectors.evm.repair.request import BlockName, Request

_LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """A letter whose block is known, and what became of it."""

    letter: Letter
    block: BlockName
    became: Became


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be made. `letters` counts the dead letters behind it; `original` is one's message."""

    block: BlockName
    refetch: bool
    reason: str
    original: TopicPosition | None = None
    letters: int = 0

    def request(self, client_id: str, now_ms: int) -> Request:
        """The request, with an id of its own."""
        original = self.original
        return Request(
            chain_id=self.block.chain_id,
            request_id=str(uuid.uuid4()),
            block_number=self.block.number,
            block_hash=self.block.hash,
            refetch=self.refetch,
            reason=self.reason[:_LONGEST_REASON],
            requested_by=client_id,
            requested_at=now_ms,
            letter_topic=None if original is None else original.topic,
            letter_partition=None if original is None else original.partition,
            letter_offset=None if original is None else original.offset,
        )


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """Which blocks are wanted; nothing given wants all. `first` and `last` are included."""

    numbers: frozenset[int] = frozenset()
    hashes: frozenset[bytes] = frozenset()
    first: int | None = None
    last: int | None = None

    @property
    def given(self) -> bool:
        """True when some blocks are not wanted."""
        return self != BlockFilter()

    def __call__(self, block: BlockName) -> bool:
        """True when the block is wanted."""
        named = not (self.numbers or self.hashes) or block.number in self.numbers or block.hash in self.hashes
        return (
            named
            and (self.first is None or block.number >= self.first)
            and (self.last is None or block.number <= self.last)
        )


def asks_of(found: Sequence[Found], *, refetch: bool, again: bool) -> list[Ask]:
    """One request for each block that has a letter which is not settled; with `again` for every block."""
    by_block: dict[BlockName, list[Found]] = defaultdict(list)
    for each in found:
        by_block[each.block].append(each)
    asks = []
    for block, group in by_block.items():
        due = [each.letter for each in group if again or not each.became.settled]
        if due:
            newest = max(due, key=lambda letter: (letter.failed_at, letter.position.offset))
            reason = f"{newest.stage}: {newest.error}"
            asks.append(Ask(block, refetch, reason, newest.original, len(group)))
    return sorted(asks, key=lambda ask: ask.block.number)


def asks_by_number(wanted: BlockFilter, found: Iterable[Found], chain_id: int, *, refetch: bool) -> list[Ask]:
    """Requests for blocks that were named by their number and have no letter: the canonical ones."""
    known = {each.block.number for each in found}
    reason = "named on the command line; no dead letter is of it"
    named = [BlockName(chain_id, number, None) for number in sorted(wanted.numbers - known)]
    return [Ask(block, refetch, reason) for block in named if wanted(block)]
