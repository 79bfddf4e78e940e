"""Lives of a chain as the public topics have them: forks, repairs, failures, and repeats after a kill."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import BlockSummary, Partition, Record, StreamPosition
from topics.coverage import BLOCKS, COUNTED, COVERAGE

COUNTED_STREAMS = tuple(each.stream for each in COUNTED)
PARTITIONS = {BLOCKS: 2, COVERAGE: 2, **dict.fromkeys(COUNTED_STREAMS, 3)}
SECOND = 1_000

Content = dict[str, dict[bytes, tuple[bytes, int]]]
"""Of a block: stream → event_id → key and content."""


@dataclass
class LifeBlock:
    """A block, what was last published of it, and whether its latest event failed in a stage."""

    number: int
    block_hash: bytes
    parent_hash: bytes
    content: Content
    failed: bool = False
    published: bool = False


@dataclass
class Happened:
    """An event: its messages before they have places, coverage last."""

    sequence: int
    kind: str
    block: LifeBlock
    messages: list[Record]
    fails: bool


@dataclass
class Life:
    """What happened to a chain, and the topics that came of it, by partition."""

    events: list[Happened] = field(default_factory=list)
    topics: dict[Partition, list[Record]] = field(
        default_factory=lambda: {
            (stream, n): [] for stream, count in PARTITIONS.items() for n in range(count)
        }
    )
    blocks: list[LifeBlock] = field(default_factory=list)

    @property
    def incomplete(self) -> set[bytes]:
        """Blocks whose latest event failed, where something is missing or left over because of it."""
        return {block.block_hash for block in self.blocks if block.failed}

    def changed(self, change: Callable[[Record], Iterable[Record]]) -> dict[Partition, list[Record]]:
        """The topics with every message put through `change`; offsets stay as they are."""
        return {
            partition: [each for record in records for each in change(record)]
            for partition, records in self.topics.items()
        }


def live(seed: int, events: int, *, repeats: bool = True, failures: bool = True) -> Life:
    """A life of so many events."""
    return _Writer(random.Random(seed), repeats=repeats, failures=failures).life(events)


class _Writer:
    def __init__(self, chance: random.Random, *, repeats: bool, failures: bool) -> None:
        self._chance = chance
        self._repeats = repeats
        self._failures = failures
        self._life = Life()
        self._sequence = 1_000
        self._branch: list[LifeBlock] = []
        self._orphans: list[LifeBlock] = []
        self._offsets = dict.fromkeys(self._life.topics, 0)

    def life(self, events: int) -> Life:
        while len(self._life.events) < events:
            self._step()
        self._publish()
        return self._life

    def _step(self) -> None:
        choice = self._chance.random()
        if not self._branch or choice < 0.6:
            self._apply()
        elif choice < 0.8:
            for _ in range(self._chance.randint(1, min(3, len(self._branch)))):
                self._revert()
            self._apply()
        elif choice < 0.9:
            self._repair(self._chance.choice(self._branch[-5:]))
        elif self._orphans:
            self._say("repair-revert", self._chance.choice(self._orphans[-5:]), removed=True)

    def _apply(self) -> None:
        if self._orphans and self._chance.random() < 0.2:
            again = self._orphans[-1]
            tip = self._branch[-1].block_hash if self._branch else None
            if again.parent_hash == tip and not again.failed:
                self._orphans.pop()
                self._branch.append(again)
                self._say("apply", again, removed=False)
                return
        parent = self._branch[-1] if self._branch else None
        number = 100 if parent is None else parent.number + 1
        own = self._chance.randbytes(32)
        block = LifeBlock(number, own, parent.block_hash if parent else b"\0" * 32, self._content(own))
        self._life.blocks.append(block)
        self._branch.append(block)
        self._say("apply", block, removed=False)

    def _revert(self) -> None:
        if len(self._branch) < 2:
            return
        block = self._branch.pop()
        self._orphans.append(block)
        self._say("revert", block, removed=True)

    def _repair(self, block: LifeBlock) -> None:
        before = block.content
        if block.published and not block.failed and self._chance.random() < 0.5:
            block.content = self._content(block.block_hash)
            back = {
                stream: {
                    identity: each for identity, each in before[stream].items() if identity not in content
                }
                for stream, content in block.content.items()
            }
            self._say("repair", block, removed=False, back=back, fails=False)
        else:
            self._say("repair", block, removed=False)

    def _content(self, block_hash: bytes) -> Content:
        return {
            stream: {
                b"%b%d" % (block_hash[:12], 10 * place + index): (
                    b"0x%038x" % self._chance.randrange(20) + b"%d" % place,
                    self._chance.getrandbits(60),
                )
                for index in range(self._chance.choice((0, 1, 2, 4)))
            }
            for place, stream in enumerate(COUNTED_STREAMS)
        }

    def _say(
        self,
        kind: str,
        block: LifeBlock,
        *,
        removed: bool,
        back: Content | None = None,
        fails: bool | None = None,
    ) -> None:
        self._sequence += self._chance.choice((1, 1, 1, 2, 5))
        if fails is None:
            fails = self._failures and self._chance.random() < 0.1
        if fails and kind.startswith("repair"):
            return  # A repair that fails publishes nothing.
        counts = tuple(len(block.content[stream]) for stream in COUNTED_STREAMS)
        summary = BlockSummary(
            block.parent_hash, (0,) * len(counts) if fails else counts, not fails, "bad" if fails else None
        )
        messages: list[Record] = []
        if not fails:
            for stream in COUNTED_STREAMS:
                messages += self._records(stream, block, block.content[stream], removed=removed)
                messages += self._records(stream, block, (back or {}).get(stream, {}), removed=True)
            messages.append(
                self._record(BLOCKS, block, block.block_hash[:16], b"%d" % block.number, 1, removed, summary)
            )
        key = b"%d:0x%b" % (block.number, block.block_hash.hex().encode())
        messages.append(self._record(COVERAGE, block, block.block_hash[:16], key, 2, removed, summary))
        self._life.events.append(Happened(self._sequence, kind, block, messages, fails))
        # Where neither the block nor its removal was published, nothing is wrong.
        block.failed = fails and (block.published or not removed)
        block.published = (not removed) if not fails else block.published

    def _records(
        self, stream: str, block: LifeBlock, content: dict[bytes, tuple[bytes, int]], *, removed: bool
    ) -> Iterator[Record]:
        for identity, (key, value) in content.items():
            yield self._record(stream, block, identity, key, value, removed, None)

    def _record(
        self,
        stream: str,
        block: LifeBlock,
        identity: bytes,
        key: bytes,
        value: int,
        removed: bool,
        summary: BlockSummary | None,
    ) -> Record:
        if stream == "contracts":
            key += b"%b:%b" % (identity[-2:], block.block_hash.hex().encode())
        position = StreamPosition(stream, partition_of(key, PARTITIONS[stream]), -1)
        content = hash((value, removed, self._sequence))
        return Record(
            position,
            0,
            key,
            key,
            identity,
            identity,
            block.number,
            block.block_hash,
            self._sequence,
            removed,
            content,
            summary,
        )

    def _publish(self) -> None:
        """In transactions of one to four events. After a kill, some that were written are written again."""
        at, time = 0, 0
        while at < len(self._life.events):
            size = self._chance.randint(1, 4)
            time += SECOND
            self._transaction(self._life.events[at : at + size], time)
            at += size
            if self._repeats and self._chance.random() < 0.2:
                at -= self._chance.randint(1, min(3, size, at))

    def _transaction(self, events: list[Happened], time: int) -> None:
        if self._chance.random() < 0.1:
            self._marked()  # One that was aborted: its offsets are taken.
        reaches: list[dict[Partition, int]] = []
        for event in events:
            reach: dict[Partition, int] = {}
            for message in event.messages[:-1]:
                partition = message.position.stream, message.position.partition
                reach[partition] = self._write(message, time) + 1
            reaches.append(reach)
        for event, reach in zip(events, reaches, strict=True):
            coverage = event.messages[-1]
            summary = coverage.summary
            assert summary is not None
            self._write(coverage._replace(summary=summary._replace(offsets=reach)), time)
        self._marked()

    def _write(self, message: Record, time: int) -> int:
        partition = message.position.stream, message.position.partition
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        self._life.topics[partition].append(
            message._replace(position=StreamPosition(*partition, offset), time_ms=time)
        )
        return offset

    def _marked(self) -> None:
        for partition in self._offsets:
            self._offsets[partition] += 1
