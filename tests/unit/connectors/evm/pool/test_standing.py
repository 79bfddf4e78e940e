"""Which endpoints are asked after the others."""

from __future__ import annotations

from connectors.evm.pool.standing import ENOUGH, LOOKS, WINDOW_SECONDS, CallOutcome, Reason, Standing, demoted


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def standings(clock: Clock, *names: str) -> dict[str, Standing]:
    return {name: Standing(clock) for name in names}


def look(standing: Standing, took: float = 0.05, head_time: float = 5_000.0) -> None:
    for _ in range(LOOKS):
        standing.looked(took, head_time)


def test_failures_count_once_there_are_enough_and_for_a_minute() -> None:
    clock = Clock()
    every = standings(clock, "a", "b")
    for _ in range(ENOUGH - 1):
        every["a"].add(CallOutcome.FAILED)
    assert demoted(every) == {}
    every["a"].add(CallOutcome.FAILED)
    assert demoted(every) == {"a": Reason.ERRORS}
    for _ in range(5):
        every["a"].add(CallOutcome.GOOD)
    assert demoted(every) == {}, "ten of fifteen"
    for _ in range(9):
        every["a"].add(CallOutcome.FAILED)
    assert demoted(every) == {"a": Reason.ERRORS}
    clock.now += WINDOW_SECONDS + 1
    assert demoted(every) == {}


def test_an_endpoint_that_throttles_half_of_the_work_is_spared() -> None:
    every = standings(Clock(), "a", "b")
    for _ in range(ENOUGH):
        every["a"].add(CallOutcome.THROTTLED)
        every["a"].add(CallOutcome.GOOD)
    assert demoted(every) == {"a": Reason.THROTTLED}


def test_slow_is_three_times_what_the_fastest_takes_and_never_a_tenth_of_a_second() -> None:
    every = standings(Clock(), "a", "b")
    look(every["a"], took=0.29)
    look(every["b"], took=0.1)
    assert demoted(every) == {}
    look(every["a"], took=0.31)
    look(every["a"], took=0.31)
    assert demoted(every) == {"a": Reason.SLOW}
    near = standings(Clock(), "a", "b")
    look(near["a"], took=0.09)
    look(near["b"], took=0.001)
    assert demoted(near) == {}


def test_two_looks_do_not_make_an_endpoint_slow() -> None:
    every = standings(Clock(), "a", "b")
    look(every["b"])
    every["a"].looked(9.0, 5_000.0)
    every["a"].looked(9.0, 5_000.0)
    assert demoted(every) == {}


def test_behind_is_measured_by_what_a_majority_has_reached() -> None:
    every = standings(Clock(), "frozen", "b", "c")
    look(every["frozen"], head_time=4_970.0)
    look(every["b"])
    assert demoted(every) == {}
    look(every["c"], head_time=5_001.0)
    assert demoted(every) == {"frozen": Reason.BEHIND}


def test_one_endpoint_that_lies_about_its_head_puts_nobody_behind() -> None:
    every = standings(Clock(), "liar", "b", "c")
    look(every["liar"], head_time=9e9)
    look(every["b"])
    look(every["c"])
    assert demoted(every) == {}
    pair = standings(Clock(), "liar", "b")
    look(pair["liar"], head_time=9e9)
    look(pair["b"])
    assert demoted(pair) == {}


def test_where_all_do_badly_nobody_is_put_last() -> None:
    every = standings(Clock(), "a", "b")
    for _ in range(ENOUGH):
        every["a"].add(CallOutcome.FAILED)
        every["b"].add(CallOutcome.THROTTLED)
    assert demoted(every) == {}
