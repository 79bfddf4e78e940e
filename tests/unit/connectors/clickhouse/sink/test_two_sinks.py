"""Two sinks, kills, moves, inserts in any order: what shows is whole, and what is committed shows."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.sink import loop as sink_loop
from connectors.clickhouse.sink.messages import Partition
from tests.fakes.coverage import coverage
from tests.fakes.group import FakeLog
from tests.fakes.kafka import FakeMessage
from tests.fakes.sink import FakeTable
from tests.fakes.sink_thread import BLOCKS, COVERAGE, LOGS, SECONDS, SinkThread, Tables, until

PARTITIONS = (LOGS, BLOCKS, COVERAGE)


class GatedTable(FakeTable):
    """Its inserts wait while `open` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def insert(self, encoded: bytes, rows: int) -> None:
        assert self.open.wait(SECONDS)
        super().insert(encoded, rows)


@dataclass
class Applied:
    """A block of the log: its rows, where its coverage stands, and its reversal's sequence, 0 without one."""

    logs: range
    block: int
    offset: int
    reverted: int = 0


@dataclass
class World:
    """A log, a ClickHouse and two members of the group, with what must hold of them at any time."""

    logs: GatedTable = field(default_factory=GatedTable)
    blocks: GatedTable = field(default_factory=GatedTable)
    applied: dict[int, Applied] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    sequence: int = 0
    coverages: int = 0

    def __post_init__(self) -> None:
        self.log = FakeLog(PARTITIONS, on_commit=self._check_commit)
        self.tables = Tables(self.logs, self.blocks)
        self.tables.shown.on_insert = self._check_shown
        self.members = [self._member(PARTITIONS), self._member(())]
        self.owner = dict.fromkeys(PARTITIONS, 0)

    def _member(self, first: tuple[Partition, ...]) -> SinkThread:
        member = SinkThread(self.log, self.tables, first=first)
        member.thread.start()
        return member

    def apply(self, logs: int, *, coverage_first: bool) -> None:
        """A block whose coverage may come before its rows."""
        number, self.sequence = len(self.applied), self.sequence + 1
        first, place = self.log.end(LOGS), self.log.end(BLOCKS)
        rows: list[FakeMessage] = [
            FakeMessage(LOGS.topic, LOGS.number, n, b"%d" % n) for n in range(first, first + logs)
        ]
        rows.append(FakeMessage(BLOCKS.topic, BLOCKS.number, place, b"%d" % place))
        shows = coverage(
            self.coverages, self.sequence, number=number, logs=logs, upto=first + logs, blocks_upto=place + 1
        )
        self.applied[number] = Applied(range(first, first + logs), place, self.coverages)
        self.coverages += 1
        self.log.append(*([shows, *rows] if coverage_first else [*rows, shows]))

    def revert(self, back: int) -> None:
        """The newest block that is not reverted leaves the chain, or one `back` blocks before it."""
        numbers = [n for n in sorted(self.applied, reverse=True) if not self.applied[n].reverted]
        if back < len(numbers):
            number = numbers[back]
            self.sequence += 1
            self.applied[number].reverted = self.sequence
            message = coverage(self.coverages, self.sequence, removed=True, number=number)
            self.coverages += 1
            self.log.append(message)

    def move(self, partition: Partition, *, lost: bool) -> None:
        """To the other member; where it is lost, the one that had it hears of it too late."""
        source = self.owner[partition]
        old, new = self.members[source].group, self.members[1 - source].group
        self.owner[partition] = 1 - source
        if lost:
            new.gain(partition)
            until(new.settled)
            old.lose(partition)
        else:
            old.give_back(partition)
            until(old.settled)
            new.gain(partition)
        until(lambda: old.settled() and new.settled())

    def bounce(self, partition: Partition) -> None:
        """Lost, and back at the same member."""
        group = self.members[self.owner[partition]].group
        group.lose(partition)
        group.gain(partition)
        until(group.settled)

    def interrupt(self, *, back: bool) -> None:
        """Coverage goes away while a row of it is written and a block waits, and comes `back` or does not."""
        self.apply(1, coverage_first=False)
        self.gates(logs=False, blocks=True, shown=True)
        self.apply(1, coverage_first=True)
        self.steps()
        self.gates(logs=False, blocks=True, shown=False)
        self.revert(1)
        self.steps()
        if back:
            self.bounce(COVERAGE)
        else:
            self.move(COVERAGE, lost=True)
        self.gates(logs=False, blocks=True, shown=True)
        self.steps()

    def steps(self) -> None:
        """Each loop goes round a few times."""
        seen = [member.group.received for member in self.members]
        until(lambda: all(m.group.received > n + 2 for m, n in zip(self.members, seen, strict=True)))

    def kill(self, member: int) -> None:
        """Killed, and another process in its place with its partitions."""
        self.members[member].kill()
        mine = tuple(each for each in PARTITIONS if self.owner[each] == member)
        self.members[member] = self._member(mine)

    def gates(self, *, logs: bool, blocks: bool, shown: bool) -> None:
        """Which tables take rows."""
        for gate, is_open in (
            (self.logs.open, logs),
            (self.blocks.open, blocks),
            (self.tables.shown.open, shown),
        ):
            if is_open:
                gate.set()
            else:
                gate.clear()

    def finish(self) -> None:
        """Everything gets where it belongs, and nothing was wrong on the way."""
        try:
            self.gates(logs=True, blocks=True, shown=True)
            until(lambda: bool(self.wrong) or self._is_done())
        finally:
            for member in self.members:
                member.kill()
        assert self.wrong == []
        assert [member.error for member in self.members] == [None, None]

    def _is_done(self) -> bool:
        shown = self._shown()
        return self.log.committed.get(COVERAGE, 0) == self.coverages and all(
            (number, False) in shown or block.reverted for number, block in self.applied.items()
        )

    def _shown(self) -> set[tuple[int, bool]]:
        return {
            (row["block_number"], row["removed"])
            for insert in list(self.tables.shown.inserts)
            for row in insert
        }

    def _check_shown(self, number: int) -> None:
        block = self.applied[number]
        if not set(block.logs) <= set(self.logs.rows) or block.block not in self.blocks.rows:
            self.wrong.append(f"block {number} shows without all of its rows")

    def _check_commit(self, positions: Mapping[Partition, int]) -> None:
        shown = self._shown()
        for number, block in self.applied.items():
            if block.offset < positions.get(COVERAGE, 0) and not (
                (number, False) in shown or (number, True) in shown
            ):
                self.wrong.append(f"coverage is committed up to {positions[COVERAGE]} past block {number}")
        for partition, rows in ((LOGS, self.logs.rows), (BLOCKS, self.blocks.rows)):
            if not set(range(positions.get(partition, 0))) <= set(rows):
                self.wrong.append(f"{partition} is committed up to {positions[partition]} without its rows")


STEPS = st.one_of(
    st.builds(lambda n, early: ("apply", n, early), st.integers(0, 3), st.booleans()),
    st.builds(lambda back: ("revert", back), st.integers(0, 2)),
    st.builds(lambda back: ("interrupt", back), st.booleans()),
    st.builds(lambda p, lost: ("move", p, lost), st.sampled_from(PARTITIONS), st.booleans()),
    st.builds(lambda p: ("bounce", p), st.sampled_from((COVERAGE, *PARTITIONS))),
    st.builds(lambda n: ("kill", n), st.integers(0, 1)),
    st.builds(
        lambda a, b, c: ("gates", a, b, c),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_loop, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(sink_loop, "PACE_SECONDS", 0.0)
    monkeypatch.setattr("connectors.clickhouse.sink.buffer.PACE_SECONDS", 0.0)
    monkeypatch.setattr("connectors.clickhouse.sink.stream.PUBLISH_SECONDS", 0.0)


@given(st.lists(STEPS, min_size=4, max_size=16))
def test_what_shows_is_whole_and_what_is_committed_shows(steps: list[tuple[object, ...]]) -> None:
    world = World()
    try:
        for step in steps:
            match step:
                case ("apply", int(logs), bool(early)):
                    world.apply(logs, coverage_first=early)
                case ("revert", int(back)):
                    world.revert(back)
                case ("interrupt", bool(back)):
                    world.interrupt(back=back)
                case ("move", Partition() as partition, bool(lost)):
                    world.move(partition, lost=lost)
                case ("bounce", Partition() as partition):
                    world.bounce(partition)
                case ("kill", int(member)):
                    world.kill(member)
                case ("gates", bool(logs), bool(blocks), bool(shown)):
                    world.gates(logs=logs, blocks=blocks, shown=shown)
            world.steps()
    finally:
        world.finish()
