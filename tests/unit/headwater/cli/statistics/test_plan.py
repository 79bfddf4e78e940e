"""What is said of each window, over tables in memory; what goes out makes a window right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from headwater.cli.history import HistoryBlock
from headwater.cli.statistics.plan import READ, Plan, Planner, Verdict
from headwater.cli.statistics.report import conclusion, for_scripts
from headwater.cli.statistics.tables import ADDRESSES, Standing, texts
from schemas import HEADER_SIZE, Message, Records, codec_for, frame
from streams.logic.aggregate.fold import Fact, Fold
from streams.logic.aggregate.measures import CHAIN, CONTRACT, TOKEN, Entity
from streams.logic.aggregate.rebuild import Seen
from streams.logic.aggregate.windows import HOUR, MINUTE, WindowKey
from tests.builders.statistics import GIVEN, hash_of
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

START = 1_700_000_000_000 // HOUR * HOUR
TIMES = (START, START + 30_000, START + MINUTE, START + HOUR)
BOTH = {(MINUTE, START), (HOUR, START)}
KINDS = {"chain-stats": CHAIN, "token-stats": TOKEN, "contract-stats": CONTRACT}


class Memory:
    """Blocks and snapshots; those numbered in `gone` have no content."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.snapshots: dict[WindowKey, dict[Entity, Standing]] = {}

    def blocks(self, hour: int) -> list[Seen]:
        return [
            Seen(number, hash_of(str(number)), hash_of(str(number - 1)), time, number not in self.gone)
            for number, time in enumerate(TIMES)
        ]

    def standing(self, hour: int) -> dict[WindowKey, dict[Entity, Standing]]:
        return self.snapshots

    def apply(self, plan: Plan, sequence: int) -> None:
        """The snapshots arrive."""
        for messages in plan.messages:
            kind = KINDS[messages.stream]
            for value in messages.values:
                record: dict[str, Any] = codec_for(messages.stream).read(value or b"", HEADER_SIZE)
                entity = kind + (record[ADDRESSES[kind]] if kind else b"")
                if record["removed"]:
                    del self.snapshots[plan.window][entity]
                    continue
                right = record["complete"] and record["final"]
                own = {name: texts(each) for name, each in record.items()}
                self.snapshots.setdefault(plan.window, {})[entity] = Standing(sequence, right, own)


class Contents:
    """A log of one address in each block."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def blocks(self, first: int, last: int) -> Iterator[HistoryBlock]:
        for number in range(first, last + 1):
            if number in self._memory.gone:
                continue
            records = {
                name: Records(0, {field: [] for field in fields}, [])
                for name, fields in READ.items()
                if name != "header"
            }
            records["logs"] = Records(1, {"address": [bytes([number]) * 20]}, [b""])
            values = {"problem": None, "header": {"gas_used": 21_000, "base_fee_per_gas": "7"}}
            yield HistoryBlock(envelope(number), Message(values, {}, records))


def envelope(number: int) -> Envelope:
    return Envelope(
        *(EventKind.APPLY, 1, number, 0, number, hash_of(str(number)), hash_of(str(number - 1))),
        *(TIMES[number], 1, None, ()),
        fresh=False,
        part=0,
        parts=1,
    )


@pytest.fixture
def memory() -> Memory:
    return Memory()


def fold(final: int = 3) -> Fold:
    made = Fold()
    for number, time in enumerate(TIMES):
        own, parent = hash_of(str(number)), hash_of(str(number - 1))
        made.add(Fact(EventKind.APPLY, number + 1, number, own, parent, time, GIVEN[0]))
    made.add(Fact(EventKind.FINALIZED, 10, final, hash_of(str(final)), None, TIMES[final]))
    made.add(Fact(EventKind.CLAIM, 11))
    return made


def planned(memory: Memory, own: Fold, only: set[WindowKey] | None = None) -> dict[WindowKey, Plan]:
    planner = Planner(1, own, memory, Contents(memory), lambda _: frame(1), only)
    return {
        plan.window: plan
        for hour in planner.hours(START, START + HOUR)
        for plan in planner.plans(hour, START, START + HOUR)
    }


def test_what_goes_out_makes_a_window_right(memory: Memory) -> None:
    plans = planned(memory, fold())
    assert set(plans) == {(MINUTE, START), (MINUTE, START + MINUTE), (HOUR, START)}
    assert {each.verdict for each in plans.values()} == {Verdict.REBUILT}
    assert [plans[key].blocks for key in sorted(plans)] == [2, 1, 3]
    memory.apply(plans[MINUTE, START], 11)
    again = planned(memory, fold())
    assert again[MINUTE, START].verdict is Verdict.RIGHT
    assert again[HOUR, START] == plans[HOUR, START]


def test_a_doubtful_window_is_made_again_though_its_sums_are_right(memory: Memory) -> None:
    memory.apply(planned(memory, fold())[MINUTE, START], 10)
    own = memory.snapshots[MINUTE, START]
    own[CHAIN] = replace(own[CHAIN], right=False)
    plan = planned(memory, fold())[MINUTE, START]
    assert (plan.verdict, plan.changed) == (Verdict.REBUILT, 1)
    assert sum(len(each.keys) for each in plan.messages) == len(own)


def test_what_is_no_longer_there_is_taken_back(memory: Memory) -> None:
    memory.apply(planned(memory, fold())[MINUTE, START], 10)
    own = memory.snapshots[MINUTE, START]
    own[TOKEN + bytes(20)] = own[CHAIN]
    plan = planned(memory, fold())[MINUTE, START]
    assert (plan.verdict, plan.changed) == (Verdict.REBUILT, 1)
    memory.apply(plan, 11)
    assert TOKEN + bytes(20) not in own
    assert planned(memory, fold())[MINUTE, START].verdict is Verdict.RIGHT


def test_a_snapshot_of_the_last_event_is_not_replaced_under_its_number(memory: Memory) -> None:
    memory.apply(planned(memory, fold())[MINUTE, START], 11)
    own = memory.snapshots[MINUTE, START]
    own[CHAIN] = replace(own[CHAIN], right=False)
    assert planned(memory, fold())[MINUTE, START].verdict is Verdict.EARLY


def test_a_window_that_lacks_a_block_is_left_alone(memory: Memory) -> None:
    memory.gone = {1}
    plans = planned(memory, fold(), BOTH)
    assert {each.verdict for each in plans.values()} == {Verdict.LACKING}
    assert {tuple(each.missing or ()) for each in plans.values()} == {((1, 1),)}
    assert not any(each.messages for each in plans.values())
    assert "`headwater replay --block 1 --yes`" in conclusion(list(plans.values()), written=False)
    assert for_scripts(plans[MINUTE, START])["missing"] == [(1, 1)]


def test_a_window_that_is_not_final_is_left_to_the_stage(memory: Memory) -> None:
    plans = planned(memory, fold(final=2), BOTH)
    assert plans[MINUTE, START].verdict is Verdict.REBUILT
    assert plans[HOUR, START].verdict is Verdict.EARLY
    assert planned(memory, fold(final=2))[HOUR, START].verdict is Verdict.OPEN
    assert {each.verdict for each in planned(memory, fold(final=0)).values()} == {Verdict.OPEN}


def test_only_the_chosen_windows_are_looked_at(memory: Memory) -> None:
    assert set(planned(memory, fold(), {(MINUTE, START)})) == {(MINUTE, START)}
    assert planned(memory, fold(), set()) == {}
