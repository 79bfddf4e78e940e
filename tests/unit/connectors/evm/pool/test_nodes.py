"""Several endpoints, some of them slow, failing or silent: who is asked, and whose answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY

from connectors.evm.pool import hedging
from connectors.evm.pool import nodes as nodes_module
from connectors.evm.pool.asking import failover, rounds
from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.asking.together import LATE_SECONDS
from connectors.evm.pool.hedging import ENOUGH, UNKNOWN_SECONDS, Hedging
from connectors.evm.pool.nodes import GRACE_SECONDS
from connectors.evm.pool.order import PASSED_SECONDS, WINS
from connectors.evm.pool.standing import ENOUGH as ENOUGH_OUTCOMES
from connectors.evm.pool.standing import CallOutcome
from connectors.evm.pool.survey import Survey
from connectors.evm.rpc.answers import HttpAnswer, NodeFailure, Unsupported
from connectors.evm.rpc.endpoint import Endpoint
from headwater.health import HEALTH, Check
from tests.fakes.pool import Answer, Pool, Quiet, Silent, fails, gives, says


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second endpoint is asked after one turn of the loop."""
    real = hedging.raced

    async def raced(first, second, delay, is_enough):  # type: ignore[no-untyped-def]
        return await real(first, second, 0.0, is_enough)

    monkeypatch.setattr(failover, "raced", raced)


async def test_a_silent_first_choice_costs_a_delay_and_not_a_time_out() -> None:
    pool, silent = Pool("ab"), Silent()
    assert await pool.ask({"a": silent, "b": gives("b's")}) == "b's"
    assert silent.cancelled
    assert pool.first() == "a", "once is not enough to change the first choice"


async def test_an_endpoint_that_is_faster_time_after_time_becomes_the_first_choice() -> None:
    pool = Pool("ab")
    for _ in range(WINS):
        await pool.ask({"a": Silent(), "b": gives("b's")})
    assert pool.first() == "b"


async def test_a_quick_null_waits_for_the_first_choice() -> None:
    pool, asked, slow = Pool("ab"), asyncio.Event(), Silent("a's")

    async def nothing() -> object:
        asked.set()
        return None

    asking = asyncio.create_task(pool.ask({"a": slow, "b": nothing}))
    await asked.wait()
    for _ in range(5):  # turns in which the answer of b is taken in
        await asyncio.sleep(0)
    assert not asking.done()
    slow.released.set()
    assert await asking == "a's"
    assert await pool.ask({"a": fails(), "b": gives(None)}) is None


async def test_a_first_choice_that_fails_after_all_leaves_the_second_its_time() -> None:
    pool, asked, second = Pool("ab"), asyncio.Event(), Silent("b's")

    async def fails_late() -> object:
        await asked.wait()
        second.released.set()
        raise NodeFailure("a", "connection lost", "connection")

    async def asks() -> object:
        asked.set()
        return await second()

    assert await pool.ask({"a": fails_late, "b": asks}) == "b's"


async def test_when_both_fail_the_third_is_asked_and_each_only_once() -> None:
    pool, asked = Pool("abc"), asyncio.Event()

    async def fails_late() -> object:
        await asked.wait()
        raise NodeFailure("a", "connection lost", "connection")

    async def asks() -> object:
        asked.set()
        raise NodeFailure("b", "no answer in time", "timeout")

    assert await pool.ask({"a": fails_late, "b": asks, "c": gives("c's")}) == "c's"
    assert pool.asked == ["a", "b", "c"]


async def test_a_question_is_given_up_after_its_time_with_what_each_endpoint_said() -> None:
    pool = Pool("ab", seconds=40.0)
    label = {"chain": "chain"}
    before = REGISTRY.get_sample_value("headwater_nodes_overdue_total", label) or 0
    with pytest.raises(Overdue) as raised:
        await pool.ask({"a": says("a", "no answer in time"), "b": says("b", "HTTP 503")}, rounds=None)
    assert raised.value.what == (
        "none gave a good answer within 40 s (HEADWATER_CHAIN__OVERALL_TIMEOUT_SECONDS): "
        "a: no answer in time; b: HTTP 503 (`headwater node check --rpc URL` tells what an endpoint can do)"
    )
    assert sum(pool.pauses) == pytest.approx(40.0), "and no pause goes beyond it"
    assert HEALTH.checks()["nodes"] == Check(False, raised.value.what)
    assert REGISTRY.get_sample_value("headwater_nodes_overdue_total", label) == before + 1
    assert await pool.ask({"a": gives("a's"), "b": gives("b's")}) == "a's", (
        "the next question has its own time"
    )
    assert HEALTH.checks()["nodes"].ok


async def test_a_long_pause_that_endpoints_ask_for_is_said_when_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, said = Mock(), []
    log.warning.side_effect = lambda *_, **fields: said.append((fields["retry_in"], sum(pool.pauses)))
    monkeypatch.setattr(rounds, "_log", log)

    async def refuses() -> object:
        raise NodeFailure("a", "HTTP 429, too many requests", "throttled", retry_after=120.0)

    pool = Pool("a")
    with pytest.raises(Overdue, match="HTTP 429"):
        await pool.ask({"a": refuses}, rounds=None)
    (first, before), *_ = said
    assert first >= 120
    assert before == 0, "before the first pause, not the second"
    assert sum(pool.pauses) == pytest.approx(300)


async def test_an_attempt_without_end_ends_with_the_question_and_others_are_asked_first() -> None:
    pool, silent = Pool("abc", seconds=0.05), Silent()
    with pytest.raises(Overdue, match=r": b: HTTP 503; a: no answer yet \("):
        await pool.ask({"a": silent, "b": says("b", "HTTP 503"), "c": Silent()})
    assert silent.cancelled
    pool.asked.clear()
    assert await pool.ask({"a": Silent(), "b": gives("b's"), "c": gives("c's")}) == "b's"
    assert pool.asked[0] == "b"


async def test_a_time_out_of_the_work_itself_is_not_the_end_of_the_questions_time() -> None:
    async def stumbles() -> object:
        raise TimeoutError("of something else")

    with pytest.raises(TimeoutError, match="of something else"):
        await Pool("a").ask({"a": stumbles})


async def test_of_a_question_to_all_the_silent_are_not_waited_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, silent = Pool("abc"), Silent()
    answers: dict[str, Answer] = {"a": gives(1), "b": silent, "c": fails()}

    async def work(endpoint: Endpoint) -> object:
        return await answers[endpoint.name]()

    waited: list[float | None] = []
    real = asyncio.wait

    async def wait(tasks, **options):  # type: ignore[no-untyped-def]
        waited.append(options.pop("timeout", None))
        return await real(tasks, timeout=None if waited[-1] is None else 0, **options)

    monkeypatch.setattr(asyncio, "wait", wait)
    assert await pool.nodes.soon(work) == [("a", 1)]
    assert silent.cancelled
    assert waited.count(GRACE_SECONDS) == 1
    waited.clear()
    assert await pool.nodes.soon(work) == [("a", 1)]
    assert GRACE_SECONDS not in waited
    pool.now = LATE_SECONDS
    silent.released.set()
    assert await pool.nodes.soon(work) == [("a", 1), ("b", "late")]


async def test_most_are_enough_of_a_question_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, silent = Pool("abc"), Silent()
    monkeypatch.setattr(nodes_module, "MAJORITY_GRACE_SECONDS", 0.0)
    answers: dict[str, Answer] = {"a": silent, "b": gives(2), "c": gives(3)}

    async def work(endpoint: Endpoint) -> object:
        return await answers[endpoint.name]()

    assert await pool.nodes.each(work) == [("b", 2), ("c", 3)]
    assert silent.cancelled


async def test_an_endpoint_that_is_passed_over_is_asked_last_for_a_minute() -> None:
    pool = Pool("ab")
    both: dict[str, Answer] = {"a": gives("a's"), "b": gives("b's")}
    assert not pool.nodes.pass_over("nobody")
    assert pool.nodes.pass_over("a")
    assert not pool.nodes.pass_over("a"), "it is already"
    assert not pool.nodes.pass_over("b"), "somebody is asked first"
    assert await pool.ask(both) == "b's"
    assert not Pool("a").nodes.pass_over("a")
    pool.now = PASSED_SECONDS
    assert await pool.ask(both | {"b": fails()}) == "a's"
    assert pool.first() == "a"


async def test_what_no_endpoint_offers_is_passed_on() -> None:
    async def unsupported() -> object:
        raise Unsupported("node", "no such method")

    with pytest.raises(Unsupported):
        await Pool("ab").ask({"a": unsupported, "b": unsupported})
    with pytest.raises(NodeFailure):
        await Pool("ab").ask({"a": unsupported, "b": fails()})


async def test_an_endpoint_that_throttles_is_asked_last_until_it_is_left_alone_for_a_minute() -> None:
    pool = Pool("ab")
    for _ in range(10):
        with pytest.raises(NodeFailure):
            await pool.nodes.on(pool.endpoints[0], fails("throttled"))
    pool.now += 2
    pool.asked.clear()
    assert await pool.ask({"a": gives("a's"), "b": gives("b's")}) == "b's"
    assert pool.asked[0] == "b"
    assert pool.first() == "b", "and stays the first choice when the other does well again"


@pytest.mark.parametrize("outcome", ["throttled", "http"])
async def test_an_endpoint_that_wants_to_be_left_alone_is_asked_last_until_then(outcome: str) -> None:
    pool = Pool("ab")

    async def refuses() -> object:
        raise NodeFailure("a", "too many requests", outcome, retry_after=30.0)

    with pytest.raises(NodeFailure):
        await pool.nodes.on(pool.endpoints[0], refuses)
    assert await pool.ask({"a": gives("a's"), "b": fails()}) == "a's", "when nobody else has it"
    assert pool.asked == ["b", "a"]
    pool.now = 30.0
    pool.asked.clear()
    await pool.ask({"a": gives("a's"), "b": gives("b's")})
    assert pool.asked == ["a"]


async def test_absent_blocks_say_nothing_about_an_endpoint() -> None:
    pool = Pool("ab")
    for _ in range(20):
        with pytest.raises(NodeFailure):
            await pool.nodes.on(pool.endpoints[0], fails("null"))
    pool.now += 2
    assert await pool.ask({"a": gives("a's"), "b": gives("b's")}) == "a's"


async def test_the_survey_finds_the_endpoint_that_is_far_behind() -> None:
    pool = Pool("abc")
    pool.transport.heads = dict.fromkeys("bc", b'{"timestamp":"0x1388"}')
    pool.transport.heads["a"] = b'{"timestamp":"0x3e8"}'
    await Survey(pool.nodes, clock=lambda: pool.now).look()
    pool.now += 2
    assert await pool.ask({name: gives(name) for name in "abc"}) == "b"


async def test_the_age_of_each_endpoints_head_grows_while_it_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool("ab")
    pool.transport.heads = {"a": b'{"timestamp":"0x1388"}', "b": b'{"timestamp":"0x1390"}'}
    now = 5_010_000
    monkeypatch.setattr("headwater.clock.now_ms", lambda: now)

    def ages() -> list[float | None]:
        name, chain = "headwater_node_head_age_seconds", pool.endpoints[0].chain
        return [
            REGISTRY.get_sample_value(name, {"chain": chain, "endpoint": each.name})
            for each in pool.endpoints
        ]

    survey = Survey(pool.nodes, clock=lambda: pool.now)
    await survey.look()
    assert ages() == [10.0, 2.0]
    now += 60_000
    pool.transport.heads = {"a": b"null", "b": b'{"timestamp":"0x13c0"}'}
    await survey.look()
    assert ages() == [70.0, 14.0]


@pytest.mark.parametrize("head", [b"null", b"7", b'{"timestamp":"soon"}', b'{"timestamp":"-0x1"}', b'"\xff"'])
async def test_the_survey_passes_over_heads_that_say_nothing(head: bytes) -> None:
    pool = Pool("ab")
    pool.transport.heads = {"a": head, "b": b'{"timestamp":"0x1388"}'}
    await Survey(pool.nodes, clock=lambda: pool.now).look()
    assert pool.nodes.standing(pool.endpoints[0]).head_time() is None
    assert pool.nodes.standing(pool.endpoints[1]).head_time() == 5000.0


async def test_a_look_at_a_silent_endpoint_ends_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the others would be too old meanwhile for a comparison."""
    pool, post = Pool("ab"), Quiet.post

    async def silent(self: Quiet, url: str, body: bytes) -> HttpAnswer:
        if url == "a":
            await asyncio.Event().wait()
        return await post(self, url, body)

    monkeypatch.setattr(Quiet, "post", silent)
    pool.transport.heads = {"b": b'{"timestamp":"0x1388"}'}
    for _ in range(ENOUGH_OUTCOMES):
        async with asyncio.timeout(10):
            await Survey(pool.nodes, seconds=0.01, clock=lambda: pool.now).look()
    assert pool.nodes.standing(pool.endpoints[1]).head_time() == 5000.0
    assert pool.nodes.standing(pool.endpoints[0]).share(CallOutcome.FAILED) == 1.0


async def test_a_survey_of_one_endpoint_has_nothing_to_compare() -> None:
    pool = Pool("a")
    await Survey(pool.nodes).run()
    assert pool.transport.asked == []


def delays(hedging: Hedging, kinds: Sequence[str]) -> list[float | None]:
    return [hedging.delay(kind) for kind in kinds]


def test_the_delay_is_the_95th_percentile_of_the_same_kind_of_work() -> None:
    hedging = Hedging()
    for number in range(100):
        hedging.took("block", number / 100)
        hedging.took("head", 0.001)
    assert delays(hedging, ["block", "head", "trace"]) == [0.95, 0.1, UNKNOWN_SECONDS]


def test_useless_questions_are_bounded() -> None:
    hedging = Hedging()
    for _ in range(10):
        assert hedging.delay("block") is not None
        hedging.useless()
    assert hedging.delay("block") is None
    for _ in range(ENOUGH):
        hedging.took("block", 0.5)
    assert hedging.delay("block") == 0.5


async def test_what_other_work_passes_over_is_not_shown_for_those_of_the_head() -> None:
    pool = Pool("cd")

    def demoted(name: str) -> float | None:
        labels = {"chain": "chain", "endpoint": name, "reason": "nowhere"}
        return REGISTRY.get_sample_value("headwater_node_demoted", labels)

    assert pool.nodes.pass_over("c")
    aside = pool.nodes.aside()
    assert aside.pass_over("d")
    assert demoted("c") == 1
    assert not demoted("d")
