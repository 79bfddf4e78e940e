"""Holding a block's coverage back until all of the block is in: pure, one thread."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.clickhouse.sink.messages import Message, Partition

Block = tuple[int, int, bytes]  # chain id, number, hash


@dataclass(frozen=True, slots=True)
class Held:
    """The coverage message of an applied block. `needs`: how far partitions must have come, next offsets.

    `timely`: it tells how late the line is (`Timely`).
    """

    message: Message
    partition: Partition
    offset: int
    block: Block
    sequence: int
    needs: tuple[tuple[Partition, int], ...]
    timely: bool = False


class Holdback:
    """Coverage messages that wait. Positions only grow: each message costs one heap entry per partition."""

    def __init__(self) -> None:
        self._positions: dict[Partition, int] = {}
        self._waiting: dict[Partition, list[tuple[int, int]]] = {}
        self._missing: dict[int, int] = {}
        self._held: dict[int, Held] = {}
        self._ready: dict[int, Held] = {}
        self._places: dict[tuple[Partition, int], int] = {}
        self._blocks: dict[Block, set[int]] = {}
        self._counts: Counter[Partition] = Counter()
        self._number = 0

    def __len__(self) -> int:
        return len(self._held)

    def counts(self) -> Mapping[Partition, int]:
        """How many messages of each partition wait or are ready."""
        return +self._counts

    def add(self, held: Held) -> None:
        """Hold a message; one that was read before (a rebalance) takes the former's place."""
        known = self._places.get((held.partition, held.offset))
        if known is not None:
            self._drop(known)
        self._number += 1
        number = self._number
        self._held[number] = held
        self._counts[held.partition] += 1
        self._places[held.partition, held.offset] = number
        self._blocks.setdefault(held.block, set()).add(number)
        missing = 0
        for partition, position in held.needs:
            if self._positions.get(partition, -1) < position:
                heapq.heappush(self._waiting.setdefault(partition, []), (position, number))
                missing += 1
        if missing:
            self._missing[number] = missing
        else:
            self._ready[number] = held

    def advance(self, positions: Mapping[Partition, int]) -> None:
        """Partitions have come this far, in this process or in another."""
        for partition, position in positions.items():
            if position <= self._positions.get(partition, -1):
                continue
            self._positions[partition] = position
            waiting = self._waiting.get(partition, [])
            while waiting and waiting[0][0] <= position:
                number = heapq.heappop(waiting)[1]
                if number in self._missing:
                    self._missing[number] -= 1
                    if not self._missing[number]:
                        del self._missing[number]
                        self._ready[number] = self._held[number]

    def retract(self, block: Block, sequence: int) -> list[Held]:
        """A block left the chain at `sequence`: its older applications need not be shown any more."""
        numbers = [n for n in self._blocks.get(block, ()) if self._held[n].sequence < sequence]
        return [self._drop(number) for number in numbers]

    def ready(self) -> list[Held]:
        """Messages whose block is wholly in, in the order of the chain."""
        return sorted(self._ready.values(), key=lambda held: held.sequence)

    def done(self, held: Iterable[Held]) -> list[Held]:
        """These were shown. Returns those that waited here; one that was read again since still waits."""
        dropped = []
        for each in held:
            number = self._places.get((each.partition, each.offset))
            if number is not None and self._held[number] is each:
                dropped.append(self._drop(number))
        return dropped

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Coverage partitions went to another process, which reads their messages again."""
        gone = set(partitions)
        for number in [n for n, held in self._held.items() if held.partition in gone]:
            self._drop(number)

    def wanted(self) -> set[Partition]:
        """Partitions that some held message waits for."""
        return {
            partition
            for partition, waiting in self._waiting.items()
            if any(number in self._missing for _, number in waiting)
        }

    def _drop(self, number: int) -> Held:
        held = self._held.pop(number)
        self._counts[held.partition] -= 1
        self._missing.pop(number, None)
        self._ready.pop(number, None)
        del self._places[held.partition, held.offset]
        self._blocks[held.block].discard(number)
        if not self._blocks[held.block]:
            del self._blocks[held.block]
        return held
