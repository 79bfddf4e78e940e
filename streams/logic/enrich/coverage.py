"""The coverage record of a block: what it consists of, and up to where its messages reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.evm.identity import RecordKind, event_id
from schemas import codec_for
from streams.logic.enrich.block import BlockFacts
from streams.logic.enrich.public import Counts, common_prefix
from streams.logic.event import Messages, Position
from topics.chainlog.headers import Headers
from topics.coverage import COUNTED, COVERAGE

_coverage = codec_for(COVERAGE).split()


@dataclass(frozen=True, slots=True)
class CoverageDraft:
    """All of a coverage record but the offsets, which are known once the brokers have the messages.

    `problem` says why the block's content is in the dead letters; None for a complete block. `retractions`
    is the number of records that a repair takes back.
    """

    block: BlockFacts
    counts: Counts
    problem: str | None = None
    retractions: int = 0

    def message(
        self, positions: Sequence[Position], frame: Callable[[str], bytes], headers: Headers
    ) -> Messages:
        """The record with the positions after the block's last message, one per partition that holds any."""
        block = self.block
        offsets = [
            {"topic": each.topic, "partition": each.partition, "next_offset": each.next_offset}
            for each in positions
        ]
        rest = _coverage.rest(
            event_id(block.chain_id, block.block_hash, RecordKind.BLOCK, 0),
            block.parent_hash,
            *(self.counts.get(counted.stream, 0) for counted in COUNTED),
            block.verified,
            self.problem is None,
            self.problem,
            offsets,
            block.observed_at,
            self.retractions,
        )
        key = f"{block.block_number}:0x{block.block_hash.hex()}".encode()
        return Messages(COVERAGE, [key], [frame(COVERAGE) + common_prefix(block) + rest], headers)
