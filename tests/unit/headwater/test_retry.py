"""One step tried again: until it succeeds, until its attempts are used up, until the process drains."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from headwater.errors import Permanent, Transient
from headwater.retry import Backoff, Retry, Stopped


def at_once() -> Backoff:
    return Backoff(first=0.0)


def failing(times: int) -> Callable[[], str]:
    left = iter([Transient(f"no answer, {number}") for number in range(times)])

    def step() -> str:
        for error in left:
            raise error
        return "done"

    return step


async def test_a_step_is_repeated_until_it_succeeds() -> None:
    told: list[str] = []
    for runs_in_a_loop in (False, True):
        retry = Retry(backoff=at_once(), on_failure=lambda error, _: told.append(str(error)))
        step = failing(2)

        async def awaited(step: Callable[[], str] = step) -> str:
            return step()

        assert (await retry.run(awaited) if runs_in_a_loop else retry(step)) == "done"
        assert retry.failing == ""
    assert told == ["no answer, 0", "no answer, 1"] * 2


def test_it_says_what_is_failing_while_it_fails() -> None:
    seen: list[str] = []
    retry = Retry(backoff=at_once(), on_failure=lambda *_: seen.append(retry.failing))
    retry(failing(1))
    assert (seen, retry.failing) == (["no answer, 0"], "")


def test_attempts_are_counted_in_a_row_and_the_last_failure_is_raised() -> None:
    retry = Retry(backoff=at_once(), attempts=3)
    assert retry(failing(2)) == "done"
    assert retry(failing(2)) == "done"
    with pytest.raises(Transient, match="no answer, 2"):
        retry(failing(5))
    assert retry(failing(2)) == "done"


def test_what_does_not_pass_by_itself_is_not_repeated() -> None:
    calls = []

    def step() -> None:
        calls.append(1)
        raise Permanent("never")

    with pytest.raises(Permanent):
        Retry(backoff=at_once())(step)
    assert len(calls) == 1


async def test_a_drain_ends_it_with_the_work_undone() -> None:
    stop = threading.Event()
    retry = Retry(backoff=at_once(), stop=stop, on_failure=lambda *_: stop.set())
    with pytest.raises(Stopped, match="no answer, 0"):
        retry(failing(9))

    async def step() -> None:
        raise Transient("away")

    with pytest.raises(Stopped, match="away"):
        await retry.run(step)


def test_pauses_grow_to_a_ceiling_above_what_the_server_asked_for() -> None:
    backoff = Backoff(first=1.0, ceiling=4.0)
    assert all(0 <= backoff.next() <= limit for limit in (1.0, 2.0, 4.0, 4.0))
    assert 30.0 <= backoff.next(30.0) <= 34.0
    backoff.reset()
    assert backoff.next() <= 1.0


def test_who_is_alone_pauses_for_the_ceilings_themselves() -> None:
    backoff = Backoff(first=1.0, ceiling=5.0, jitter=False)
    assert [backoff.next() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert backoff.next(30.0) == 35.0
    backoff.reset()
    assert backoff.next() == 1.0
