"""Questions to all endpoints at once: how long they may take, and what is said when that is over."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY

from connectors.evm.pool.asking import together
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.endpoint import Endpoint
from headwater.health import HEALTH
from tests.fakes.pool import Answer, Pool, Silent, fails, gives, says

SHORT = 0.05
"""Seconds that a question may take."""
WAYS = ("each", "soon")


def overdue() -> float:
    return REGISTRY.get_sample_value("headwater_nodes_overdue_total", {"chain": "chain"}) or 0


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """The log of questions to all."""
    log = Mock()
    monkeypatch.setattr(together, "_log", log)
    return log


@pytest.mark.parametrize("way", WAYS)
async def test_endpoints_that_never_answer_end_with_the_question(way: str, said: Mock) -> None:
    pool, silent, before = Pool("ab", seconds=SHORT), [Silent(), Silent()], overdue()
    async with asyncio.timeout(10):
        assert await pool.to_all(way, dict(zip("ab", silent, strict=True))) == []
    assert [each.cancelled for each in silent] == [True, True]
    check = HEALTH.checks()["nodes"]
    assert not check.ok
    assert check.detail.startswith(
        f"{'1' if way == 'soon' else '2'} of 2 endpoints must answer, and none gave a good answer within "
        "0.05 s (HEADWATER_CHAIN__OVERALL_TIMEOUT_SECONDS): a: no answer yet; b: no answer yet"
    )
    assert "`headwater node check --rpc URL`" in check.detail
    assert said.warning.call_args.kwargs == {"reason": check.detail}
    assert overdue() == before + 1


async def test_a_choice_of_which_nobody_answers_is_overdue() -> None:
    pool, before = Pool("ab", seconds=SHORT), overdue()
    with pytest.raises(Overdue, match=r": b: HTTP 503; a: no answer yet \("):
        async with asyncio.timeout(10):
            await pool.to_all("best", {"a": Silent(), "b": says("b", "HTTP 503")})
    assert not HEALTH.checks()["nodes"].ok
    assert overdue() == before + 1
    patient = Pool("ab")
    assert await patient.to_all("best", {"a": fails(), "b": fails()}) is None, "that they say no is an answer"


async def test_too_few_answers_count_all_the_same_and_are_said_to_be_too_few(said: Mock) -> None:
    pool, silent = Pool("abc", seconds=SHORT), Silent()
    answers: dict[str, Answer] = {"a": silent, "b": gives(2), "c": says("c", "HTTP 503")}
    async with asyncio.timeout(10):
        assert await pool.to_all("each", answers) == [("b", 2)]
    detail = HEALTH.checks()["nodes"].detail
    assert detail.startswith("2 of 3 endpoints must answer, and b alone gave a good answer within 0.05 s")
    assert "c: HTTP 503; a: no answer yet" in detail
    assert said.warning.called


async def test_health_is_well_again_with_the_next_answer() -> None:
    pool = Pool("ab", seconds=SHORT)
    async with asyncio.timeout(10):
        await pool.to_all("each", {"a": Silent(), "b": Silent()})
    assert not HEALTH.checks()["nodes"].ok
    await pool.to_all("each", {"a": gives(1), "b": gives(2)})
    assert HEALTH.checks()["nodes"].ok


async def test_those_who_said_nothing_are_asked_after_the_others_for_a_while() -> None:
    pool = Pool("abc", seconds=SHORT)
    async with asyncio.timeout(10):
        await pool.to_all("each", {"a": Silent(), "b": gives(2), "c": fails()})
    pool.asked.clear()
    assert await pool.ask({"a": Silent(), "b": gives(2), "c": gives(3)}) == 2
    assert pool.asked == ["b"]


async def test_beside_the_head_health_is_left_to_whoever_asks(said: Mock) -> None:
    HEALTH.report("nodes", True, "a")
    pool, before = Pool("ab", seconds=SHORT), overdue()
    pool.nodes = pool.nodes.aside()
    async with asyncio.timeout(10):
        assert await pool.to_all("each", {"a": Silent(), "b": Silent()}) == []
    assert HEALTH.checks()["nodes"].ok
    assert said.warning.called
    assert overdue() == before + 1


@pytest.mark.parametrize("way", [*WAYS, "best"])
async def test_a_turn_that_is_never_free_ends_with_the_question(way: str) -> None:
    pool, holder = Pool("a", seconds=SHORT), Silent()
    pool.nodes._order.paces["a"]._limit = 1.0
    busy = asyncio.create_task(pool.nodes.on(pool.endpoints[0], holder))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        if way == "best":
            with pytest.raises(Overdue):
                await pool.to_all(way, {"a": gives(1)})
        else:
            assert await pool.to_all(way, {"a": gives(1)}) == []
    assert pool.asked == []
    holder.released.set()
    await busy
    assert await pool.to_all("each", {"a": gives(1)}) == [("a", 1)], "and whoever waited holds no turn"


@pytest.mark.parametrize("way", [*WAYS, "best"])
async def test_a_question_that_is_cancelled_leaves_nobody_asked(way: str) -> None:
    pool, silent, before = Pool("ab"), [Silent(), Silent()], asyncio.all_tasks()
    asking = asyncio.create_task(pool.to_all(way, dict(zip("ab", silent, strict=True))))
    for _ in range(20):  # turns in which both are admitted and asked
        await asyncio.sleep(0)
    assert pool.asked == ["a", "b"]
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [each.cancelled for each in silent] == [True, True]
    assert asyncio.all_tasks() == before
    assert await pool.to_all("each", {"a": gives(1), "b": gives(2)}) == [("a", 1), ("b", 2)]


async def test_a_time_out_of_the_work_itself_is_passed_on() -> None:
    async def stumbles() -> object:
        raise TimeoutError("of something else")

    with pytest.raises(TimeoutError, match="of something else"):
        await Pool("a").to_all("each", {"a": stumbles})


async def test_as_many_as_whoever_asks_needs_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.evm.pool.nodes.MAJORITY_GRACE_SECONDS", 0.0)
    pool = Pool("abcde")
    answers: dict[str, Answer] = {name: Silent() for name in "abc"} | {"d": gives(4), "e": gives(5)}

    async with asyncio.timeout(10):
        assert await pool.nodes.each(lambda each: answers[each.name](), enough=2) == [("d", 4), ("e", 5)]


async def test_who_wants_to_be_left_alone_is_asked_where_too_few_others_are_there() -> None:
    async def refuses() -> object:
        raise NodeFailure("a", "too many requests", "throttled", retry_after=120.0)

    pool = Pool("abc")
    all_three: dict[str, Answer] = {name: gives(name) for name in "abc"}
    with pytest.raises(NodeFailure):
        await pool.nodes.on(pool.endpoints[0], refuses)
    assert await pool.to_all("each", all_three) == [("b", "b"), ("c", "c")]
    assert sorted(pool.asked) == ["b", "c"]
    with pytest.raises(NodeFailure):
        await pool.nodes.on(pool.endpoints[1], refuses)
    assert len(await pool.to_all("each", all_three)) == 3, "two must answer, and one is left"
    pool.now = 120.0
    assert len(await pool.to_all("each", all_three)) == 3


@pytest.mark.parametrize(
    ("enough", "cordoned", "asked"),
    [(3, "", "abc"), (2, "b", "ac"), (2, "", "ab")],
    ids=["a quorum of all", "one of the others is cordoned", "the others are enough"],
)
async def test_a_quorum_is_asked_of_who_wants_to_be_left_alone_where_it_takes_them(
    enough: int, cordoned: str, asked: str
) -> None:
    async def refuses() -> object:
        raise NodeFailure("c", "too many requests", "throttled", retry_after=120.0)

    async def work(endpoint: Endpoint) -> str:
        pool.asked.append(endpoint.name)
        return endpoint.name

    pool = Pool("abc")
    with pytest.raises(NodeFailure):
        await pool.nodes.on(pool.endpoints[2], refuses)
    for each in pool.endpoints:
        if each.name == cordoned:
            pool.nodes.cordons.put(each, NodeFailure(each.name, "another block", "broken"), refuses)
    assert len(await pool.nodes.each(work, enough=enough)) == enough
    assert "".join(sorted(pool.asked)) == asked
