"""What is asked of each node, and what one that does not answer leaves of the others."""

from __future__ import annotations

import time

import pytest

from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, NoSuchBlock, Unsupported
from headwater.cli.examination import node
from headwater.cli.examination.areas import areas
from headwater.cli.examination.finding import Finding, Verdict
from headwater.settings import load_settings


def found(
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, object],
    chains: dict[str, str] | None = None,
    **chain: object,
) -> list[Finding]:
    """Of nodes at http://a and http://b; `answers`: what an address or a tag gets instead of a block.

    `chains`: the id that a node says, `chain`: settings of it.
    """

    def ask(url: str, method: str, *params: object, seconds: float) -> object:
        for each in (url, *params):
            answer = answers.get(str(each))
            if isinstance(answer, Exception):
                raise answer
        if method == "eth_chainId":
            return (chains or {}).get(url, "0x7a69")
        return {"number": "0x10", "timestamp": hex(int(time.time()))}

    monkeypatch.setattr(once, "ask", ask)
    rpc = {"rpc": "http://a,http://b", **(chain or {"chain_id": 31337})}
    return list(areas(load_settings({"chain": rpc}, environ={}))[node.AREA]())


def test_a_node_that_is_away_hides_nothing_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = found(monkeypatch, {"http://a": NodeFailure("http://a", "no answer in time", "timeout")})
    assert findings[0].verdict is Verdict.UNKNOWN
    assert any("http://b" in each.what for each in findings[1:])


@pytest.mark.parametrize(
    "answer",
    [
        NoSuchBlock("http://a", "finalized block not found"),
        Unsupported("http://a", "unknown block tag"),
        NodeFailure("http://a", "internal error", "error"),
    ],
    ids=["words", "unsupported", "error"],
)
def test_a_tag_that_a_node_does_not_tell_leaves_the_node(
    answer: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = found(monkeypatch, {"finalized": answer})
    assert {each.verdict for each in findings}.isdisjoint({Verdict.UNKNOWN, Verdict.WRONG})
    assert any("http://a" in each.what for each in findings)


def test_nodes_of_two_chains_are_found_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = found(monkeypatch, {}, {"http://b": "0x89"}, name="ours")
    (wrong,) = (each.what for each in findings if each.verdict is Verdict.WRONG)
    assert wrong == "the nodes are of several chains: http://a on 31337, http://b on 137"


def test_two_nodes_of_one_provider_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their addresses are alike once the keys in them are masked."""
    urls = "https://rpc.example/v3/key-of-one,https://rpc.example/v3/key-of-two"
    findings = found(monkeypatch, {}, {urls.split(",")[1]: "0x2105"}, name="ours", rpc=urls)
    assert any("are of several chains" in each.what for each in findings if each.verdict is Verdict.WRONG)


def test_a_chains_name_says_which_chain_a_node_has_to_be_on(monkeypatch: pytest.MonkeyPatch) -> None:
    chains = {"http://a": "0x1", "http://b": "0x1"}
    sound = found(monkeypatch, {}, chains, name="ethereum")
    assert not any("is on chain" in each.what for each in sound)
    findings = found(monkeypatch, {}, dict.fromkeys(chains, "0x89"), name="ethereum")
    assert [each.what for each in findings if "not on" in each.what] == [
        "http://a is on chain 137, not on 1",
        "http://b is on chain 137, not on 1",
    ]
