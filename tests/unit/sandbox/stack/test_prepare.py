"""Preparation steps, node facts, and what each role is started with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure
from headwater.errors import Fatal, Transient
from headwater.settings import mask_url
from sandbox.stack import endpoints, node_facts
from sandbox.stack.prepare import Step
from sandbox.stack.roles import ROLES, role_parts, traffic_part
from topics.groups import NAMES


def polled(step: Step) -> bool:
    """Poll, wait for the step's thread, poll again."""
    if step.poll() or step.problem:
        return step.done
    for thread in threading.enumerate():
        if thread.name == step.name:
            thread.join(5)
    return step.poll()


def test_a_step_runs_once_and_a_transient_failure_is_tried_again() -> None:
    failures = [Transient("not yet")]

    def work() -> None:
        if failures:
            raise failures.pop()

    step = Step("tables", "gate", (), work)
    assert not polled(step)
    assert step.problem == "not yet"
    assert polled(step)
    assert (step.done, step.problem, step.poll()) == (True, "", False)


def test_a_step_that_fails_for_too_long_ends_the_start_and_says_what_to_look_at() -> None:
    times = iter((100.0, 100.0, 219.0, 221.0))

    def work() -> None:
        raise Transient("broker 1 does not answer")

    step = Step("topics", "gate", ("kafka-1",), work, clock=lambda: next(times))
    assert not polled(step)
    step.problem = ""
    assert not polled(step)
    step.problem = ""
    with pytest.raises(Fatal, match=r"topics .* 120 s: broker 1 does not answer.* log of kafka-1"):
        polled(step)


def test_a_fatal_step_is_raised_where_it_is_polled() -> None:
    def work() -> None:
        raise Fatal("the schema breaks readers")

    with pytest.raises(Fatal, match="breaks readers"):
        polled(Step("schemas", "gate", (), work))


def test_every_role_gets_its_metrics_port_and_no_settings_of_the_shell(tmp_path: Path) -> None:
    ports = {role.name: 20000 + number for number, role in enumerate(ROLES)}
    parts = role_parts({"HEADWATER_CHAIN__NAME": "base"}, tmp_path, ports, needs=("chain",))
    assert [part.name for part in parts] == ["listen", *NAMES, "deliver", "sink"]
    for part in parts:
        command = part.command()
        assert command.own_settings
        assert command.env["HEADWATER_CHAIN__NAME"] == "base"
        assert command.env["HEADWATER_METRICS_PORT"] == str(ports[part.name])
        assert "chain" in part.needs
    ranks = {part.name: part.rank for part in parts}
    assert ranks["listen"] < ranks["normalize"] == ranks["state"] < ranks["sink"]
    traffic = traffic_part("http://127.0.0.1:1", 2.5, 7, tmp_path, ())
    assert traffic.rank < ranks["listen"]
    assert traffic.command().argv[-6:] == ("--rpc", "http://127.0.0.1:1", "--rate", "2.5", "--seed", "7")


def answers(facts: dict[str, dict[str, object]]) -> Callable[..., object]:
    def call(url: str, method: str, *params: object, seconds: float) -> object:
        if url not in facts:
            raise NodeFailure(mask_url(url), f"{method}: connection failed", "connection")
        return facts[url].get(method)

    return call


def test_facts_of_a_node_without_its_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, dict[str, object]] = {
        "http://b": {"eth_chainId": "0x1"},
        "http://c": {"eth_chainId": "0x2105", "eth_getBlockByNumber": {"hash": "0xab"}},
    }
    monkeypatch.setattr(once, "ask", answers(facts))
    assert node_facts.ask(["http://a/secret", "http://b"]) == node_facts.NodeFacts(1, "")
    assert node_facts.ask(["http://c"]) == node_facts.NodeFacts(8453, "0xab")
    with pytest.raises(Fatal, match="different chains: http://b is on 1, http://c is on 8453"):
        node_facts.ask(["http://b", "http://c"])
    with pytest.raises(Transient, match="no node answers") as raised:
        node_facts.ask(["http://a/secret"])
    assert "secret" not in str(raised.value)


def test_endpoints_are_read_back_and_their_absence_has_a_remedy(tmp_path: Path) -> None:
    written = endpoints.Endpoints(
        "127.0.0.1:1", "http://r", "http://c", "http://n", {"sink": "http://m"}, "base", 8453
    )
    endpoints.write(tmp_path, written)
    assert endpoints.read(tmp_path) == written
    with pytest.raises(Fatal, match=r"nothing runs in .* start `headwater up`"):
        endpoints.read(tmp_path / "other")
