"""What follows from findings: who is usable, what to know, what to set."""

from __future__ import annotations

from dataclasses import replace

from connectors.evm.node_check.advice import advice, compare, settings
from connectors.evm.node_check.findings import Findings

PASSED = ("header_hash", "receipts", "logs_bloom", "transactions_root", "receipts_root")


def found(name: str, **more: object) -> Findings:
    good = Findings(
        name,
        chain_id=1,
        head=1000,
        head_age=3.0,
        latency_p50=10.0,
        tags={"safe": 968, "finalized": 936},
        receipts="by_hash",
        oldest_block=1,
        batch=100,
        verified={992: PASSED},
    )
    return replace(good, **more)  # type: ignore[arg-type]


def test_two_good_nodes_of_a_known_chain_need_no_advice_and_no_habits() -> None:
    both = [found("a", latency_p50=20.0), found("b")]
    compare(both)
    assert advice(both) == []
    assert settings(both) == {
        "HEADWATER_CHAIN__NAME": "ethereum",
        "HEADWATER_CHAIN__CHAIN_ID": "1",
        "HEADWATER_CHAIN__RPC": "b,a",
    }


def test_the_one_of_another_chain_and_the_one_far_behind_are_not_usable() -> None:
    all_ = [found("a"), found("b", chain_id=5), found("c", head=900), found("d")]
    compare(all_)
    assert [each.trouble for each in all_] == [
        "",
        "it is on chain 5, the others are on 1",
        "it is 100 blocks behind the best",
        "",
    ]
    assert settings(all_)["HEADWATER_CHAIN__RPC"] == "a,d"


def test_whatever_is_worth_knowing_is_a_line() -> None:
    odd = found(
        "odd",
        head_age=900.0,
        latency_p50=400.0,
        receipts="singly",
        tags={"finalized": "no"},
        batch=1,
        oldest_block=900,
        verified={992: PASSED, 936: "receipts root is 0x1"},
    )
    lines = advice([found("fast"), odd])
    for words in (
        "its head is 900 s old",
        "slow: 400 ms, the fastest takes 10 ms",
        "receipts one by one",
        "no finalized tag",
        "batches of 1 only",
        "history begins at block 900",
        "block 936 does not pass: receipts root is 0x1",
    ):
        assert any(line.startswith("odd: ") and words in line for line in lines), words


def test_habits_of_a_chain_that_is_not_known_are_settings() -> None:
    own = {"chain_id": 777}
    tagless = [found("a", **own, tags={"finalized": "no"}, verified={1: ("receipts",)})]
    assert settings(tagless) == {
        "HEADWATER_CHAIN__NAME": "evm-777",
        "HEADWATER_CHAIN__CHAIN_ID": "777",
        "HEADWATER_CHAIN__RPC": "a",
        "HEADWATER_CHAIN__FINALITY": "depth",
        "HEADWATER_CHAIN__VERIFY_HEADER_HASH": "false",
        "HEADWATER_CHAIN__VERIFY_BLOOM": "false",
        "HEADWATER_CHAIN__VERIFY_ROOTS": "off",
    }
    three = [found(name, **own) for name in "abc"]
    assert settings(three)["HEADWATER_CHAIN__FINALITY"] == "tags"
    assert settings(three)["HEADWATER_CHAIN__QUORUM"] == "2"
    waits = [found("a", **own, tags={"finalized": "null"})]
    assert "HEADWATER_CHAIN__FINALITY" not in settings(waits)


def test_nothing_usable_gives_no_settings() -> None:
    down = Findings("a", trouble="connection failed")
    compare([down])
    assert settings([down]) == {}
    assert advice([down]) == ["a: not usable: connection failed"]
