"""Which blocks the receiver was told of, and how long it was told of none."""

from __future__ import annotations

from sandbox.receiver.checker import Arrival
from tests.cluster.alert_rules import EVERY, OPS
from tests.cluster.told import Told


def told(*blocks: int, rule: str = EVERY, answered: int = 204, alert: str = "") -> Told:
    clock = iter([0.0, 1.0, 4.0, 5.0])
    found = Told(lambda: next(clock))
    for number in blocks:
        own = f"{alert}{number}"
        found.take(
            Arrival(f"id {own}", OPS, own, 1, "PROVISIONAL", answered),
            {"rule_id": rule, "block_number": number},
        )
    return found


def test_blocks_between_the_first_and_the_head_are_missed() -> None:
    assert told(7, 5, 8).lacking(9) == [6, 9]
    assert told(7, 8).lacking(8) == []
    assert told().lacking(9) == [9]


def test_only_what_was_taken_of_the_rule_on_blocks_counts() -> None:
    assert len(told(7, rule="busy-usdt")) == 0
    assert len(told(7, answered=503)) == 0


def test_a_block_with_two_alerts_is_named_and_one_told_again_is_not() -> None:
    found = told(7, 8, 8)
    assert found.several() == []
    found.take(Arrival("id", OPS, "another", 1, "PROVISIONAL", 204), {"rule_id": EVERY, "block_number": 7})
    assert found.several() == [7]


def test_the_longest_silence_is_told_once() -> None:
    found = told(7, 8, 9)
    assert found.longest_silence() == 3.0
    assert found.longest_silence() == 0.0
