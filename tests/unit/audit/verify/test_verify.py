"""Verify compares node, coverage and tables, and gives what moves time to settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from audit.verify.compare import CoverageRow, Difference, Height, NodeBlock, TableBlock, compare
from audit.verify.run import verify


def name(number: int, branch: str = "a") -> bytes:
    return f"{branch}{number}".encode().ljust(32, b"\0")


NODE = {"transactions": 2, "logs": 3, "token_transfers": 1}
COUNTS = {**NODE, "contracts": 1}


def node_block(number: int) -> NodeBlock:
    return NodeBlock(name(number), name(number - 1), NODE)


def coverage_row(number: int, branch: str = "a") -> CoverageRow:
    return CoverageRow(name(number, branch), name(number - 1), COUNTS, True, None)


def table_block() -> TableBlock:
    return TableBlock({"blocks": 1, **COUNTS}, 2, 0)


def height(number: int = 7) -> Height:
    return Height(number, node_block(number), [coverage_row(number)], {name(number): table_block()})


def kinds(found: Sequence[Difference]) -> list[str]:
    return [difference.kind for difference in found]


def test_agreement() -> None:
    assert compare(height(), name(6)) == []
    assert compare(height(), None) == []
    assert compare(Height(9, None, [], {}), None) == []


@pytest.mark.parametrize("kind", ["transactions", "logs", "token_transfers", "contracts"])
def test_each_count_is_compared(kind: str) -> None:
    tables = table_block()
    tables.rows[kind] += 1
    found = compare(replace(height(), tables={name(7): tables}), None)
    assert kinds(found) == [kind]
    assert f"tables {COUNTS[kind] + 1}" in found[0].detail
    counts = {**COUNTS, kind: 0}
    found = compare(replace(height(), coverage=[replace(coverage_row(7), counts=counts)]), None)
    assert kinds(found) == [kind]


def test_missing_incomplete_and_broken() -> None:
    assert kinds(compare(replace(height(), coverage=[]), None)) == ["missing"]
    incomplete = replace(coverage_row(7), complete=False, problem="two logs are in the dead letters")
    (found,) = compare(replace(height(), coverage=[incomplete]), None)
    assert (found.kind, found.detail) == ("incomplete", "two logs are in the dead letters")
    assert kinds(compare(height(), name(6, "b"))) == ["broken-chain"]
    assert kinds(compare(replace(height(), tables={}), None))[0] == "blocks"


def test_blocks_of_another_branch() -> None:
    assert kinds(compare(replace(height(), coverage=[coverage_row(7), coverage_row(7, "b")]), None)) == [
        "not-canonical"
    ]
    both = {name(7): table_block(), name(7, "b"): table_block()}
    assert kinds(compare(replace(height(), tables=both), None)) == ["orphan-rows"]
    both[name(7, "b")] = TableBlock(states=1)
    assert kinds(compare(replace(height(), tables=both), None)) == ["orphan-states"]
    assert kinds(compare(replace(height(), node=None), None)) == ["not-canonical", "orphan-rows"]


def test_states_are_compared() -> None:
    tables = table_block()
    tables.states = 1
    assert kinds(compare(replace(height(), tables={name(7): tables}), None)) == ["states"]
    tables.states, tables.wrong_states = 2, 1
    assert kinds(compare(replace(height(), tables={name(7): tables}), None)) == ["states"]


@dataclass
class World:
    """A chain of 10 blocks whose tip reaches the tables after `late` looks."""

    late: int = 0
    asked: list[Sequence[int]] = field(default_factory=list)
    now: float = 0.0

    async def blocks(self, numbers: Sequence[int]) -> Mapping[int, NodeBlock | None]:
        self.asked.append(list(numbers))
        return {n: node_block(n) if n <= 10 else None for n in numbers}

    def coverage(self, first: int, last: int) -> Mapping[int, Sequence[CoverageRow]]:
        return {n: [coverage_row(n)] for n in range(first, min(last, 10) + 1)}

    def shown(self, first: int, last: int) -> Mapping[int, Mapping[bytes, TableBlock]]:
        top = 9 if len(self.asked) <= self.late else 10
        return {n: {name(n): table_block()} for n in range(first, min(last, top) + 1)}

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


async def test_only_what_differs_is_looked_at_again() -> None:
    world = World(late=2)
    report = await verify(world, world, 1, 12, sleep=world.sleep, clock=world.clock)
    assert report.clean
    assert (report.checked, report.again) == (12, 1)
    assert world.asked == [list(range(1, 13)), [10], [10]]


async def test_a_lasting_difference_is_reported() -> None:
    world = World(late=10**6)
    report = await verify(world, world, 1, 10, patience_seconds=5, sleep=world.sleep, clock=world.clock)
    assert not report.clean
    assert {difference.number for difference in report.differences} == {10}
    assert world.now == 5.0
