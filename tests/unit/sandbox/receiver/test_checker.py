"""What the checker finds, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

from sandbox.receiver.checker import Arrival, Published, left_standing, missing, violations

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


def test_the_latest_version_is_due() -> None:
    due = [Published("ops", "0x1", 10, "PROVISIONAL"), Published("ops", "0x1", 11, "CONFIRMED")]
    confirmed = replace(SECOND, status="CONFIRMED")
    assert missing(due, [FIRST, confirmed]) == missing(due, [confirmed]) == []
    assert "version 11, CONFIRMED, was never taken" in missing(due, [FIRST])[0]
    assert len(missing(due, [FIRST, replace(confirmed, answered=503)])) == 1
    assert len(missing(due, [replace(confirmed, channel="siem")])) == 1


def test_a_retraction_is_due_where_there_is_something_to_take_back() -> None:
    due = [Published("ops", "0x1", 10, "PROVISIONAL"), Published("ops", "0x1", 11, "RETRACTED")]
    assert missing(due, []) == missing(due, [FIRST, SECOND]) == []
    assert "version 11" in missing(due, [FIRST])[0]
    # An attempt that was not taken may have been heard all the same.
    assert len(missing(due, [replace(FIRST, answered=503)])) == 1
    assert len(missing(due, [FIRST, replace(SECOND, answered=503)])) == 1
    again = [Published("ops", "0x1", 12, "PROVISIONAL"), Published("ops", "0x1", 13, "RETRACTED")]
    assert missing([*due, *again], [FIRST, SECOND]) == []
    assert "version 13" in missing([*due, *again], [FIRST, SECOND, replace(FIRST, version=12)])[0]


def test_a_retraction_is_missed_also_where_a_later_version_came() -> None:
    third = replace(FIRST, version=12, delivery_id="c")
    published = [
        Published("ops", "0x1", version, status)
        for version, status in (
            (10, "PROVISIONAL"),
            (11, "RETRACTED"),
            (12, "PROVISIONAL"),
            (13, "RETRACTED"),
        )
    ]
    assert violations([FIRST, third]) == missing(published[:3], [FIRST, third]) == []
    assert left_standing(published[:3], [FIRST, third]) == [
        "('ops', '0x1'): version 11, which retracts 10, never came"
    ]
    assert len(left_standing(published, [FIRST, SECOND, third])) == 1
    # What never came needs no retraction, nor does what was retracted.
    assert left_standing(published, []) == left_standing(published[:3], [third]) == []
    assert left_standing([*published[:2], replace(published[3], version=12)], [FIRST, SECOND]) == []
    assert len(left_standing(published[:2], [replace(FIRST, answered=503)])) == 1
