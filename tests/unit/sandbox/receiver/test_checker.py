"""What the checker finds, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

from sandbox.receiver.checker import Arrival, violations

FIRST = Arrival("a", "ops", "0x1", 10, "PROVISIONAL")
SECOND = Arrival("b", "ops", "0x1", 11, "RETRACTED")


def test_repeats_and_other_channels_and_alerts_are_no_fault() -> None:
    elsewhere = [
        replace(each, channel="siem", delivery_id=f"s{each.delivery_id}") for each in (FIRST, SECOND)
    ]
    other = replace(FIRST, alert_id="0x2", delivery_id="c", version=5)
    assert violations([FIRST, FIRST, elsewhere[0], SECOND, FIRST, other, SECOND, elsewhere[1]]) == []


def test_each_fault_is_found() -> None:
    third, zeroth = (replace(FIRST, version=at, delivery_id=str(at)) for at in (11, 9))
    assert "came behind 11" in violations([FIRST, third, FIRST, zeroth])[0]
    assert "retracts what never came" in violations([SECOND, FIRST])[0]
    assert "came under ids a and c" in violations([FIRST, replace(FIRST, delivery_id="c")])[0]
    assert "id a is used for" in violations([FIRST, replace(FIRST, version=12)])[0]
