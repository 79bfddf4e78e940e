"""Checks a range of blocks; what differs is looked at again for a while, since the chain moves meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from audit.verify.compare import CoverageRow, Difference, Height, NodeBlock, TableBlock, compare
from headwater.retry import Backoff

# Blocks whose rows are asked of ClickHouse at once.
CHUNK: Final = 50_000
# Rows come within seconds; a retraction that Kafka still carries needs no longer either.
AGAIN_SECONDS: Final = 1.0


class Tables(Protocol):
    """Coverage and the canonical views."""

    def coverage(self, first: int, last: int) -> Mapping[int, Sequence[CoverageRow]]: ...

    def shown(self, first: int, last: int) -> Mapping[int, Mapping[bytes, TableBlock]]: ...


class Node(Protocol):
    """The node's canonical chain."""

    async def blocks(self, numbers: Sequence[int]) -> Mapping[int, NodeBlock | None]: ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. `checked` counts blocks; `again` those that differed at first and agreed later."""

    first: int
    last: int
    checked: int
    again: int
    seconds: float
    differences: tuple[Difference, ...]

    @property
    def clean(self) -> bool:
        """Does everything agree?"""
        return not self.differences


async def verify(
    node: Node,
    tables: Tables,
    first: int,
    last: int,
    *,
    patience_seconds: float = 30.0,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Compare blocks first..last. Differences that last longer than `patience_seconds` are reported.

    Raises what the two sides raise: NodeFailure, ClickHouseError.
    """
    started = clock()
    differences: list[Difference] = []
    for low in range(first, last + 1, CHUNK):
        high = min(low + CHUNK - 1, last)
        differences += await _check(node, tables, range(low, high + 1))
        progress(high - low + 1)
    differed = {difference.number for difference in differences}
    deadline = clock() + patience_seconds
    pauses = Backoff(AGAIN_SECONDS, AGAIN_SECONDS, jitter=False)
    while differences and clock() < deadline:
        await sleep(pauses.next())
        differences = [
            difference
            for numbers in _runs(sorted({each.number for each in differences}))
            for difference in await _check(node, tables, numbers)
        ]
    lasting = {difference.number for difference in differences}
    return Report(
        first, last, max(0, last - first + 1), len(differed - lasting), clock() - started, tuple(differences)
    )


async def _check(node: Node, tables: Tables, numbers: range) -> list[Difference]:
    low, high = numbers[0], numbers[-1]
    # ClickHouse's client blocks: the node is asked meanwhile.
    blocks, coverage, shown = await asyncio.gather(
        node.blocks(numbers),
        asyncio.to_thread(tables.coverage, max(0, low - 1), high),
        asyncio.to_thread(tables.shown, low, high),
    )
    found: list[Difference] = []
    for number in numbers:
        before = coverage.get(number - 1, ())
        parent = before[0].block_hash if len(before) == 1 else None
        height = Height(number, blocks[number], coverage.get(number, ()), shown.get(number, {}))
        found += compare(height, parent)
    return found


def _runs(numbers: Sequence[int]) -> Iterator[range]:
    """Consecutive numbers as ranges, with gaps of up to 100 bridged."""
    start = end = numbers[0]
    for number in numbers[1:]:
        if number > end + 100:
            yield range(start, end + 1)
            start = number
        end = number
    yield range(start, end + 1)
