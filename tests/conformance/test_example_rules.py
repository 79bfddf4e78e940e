"""The rules of examples/rules over real blocks make the alerts that the answers call for, and no others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from schemas import StreamReader, frame, schema_of
from streams.logic.alerts.alerting import Alerting
from streams.logic.alerts.compiling import compile_rule, rules_of
from streams.logic.alerts.configuration import Change
from streams.logic.alerts.decision import Status, Version
from streams.logic.enrich.event import enrich
from tests.conformance.real_blocks import SEQUENCE, Case, answer, cases, envelope, normalized_body
from tests.paths import ROOT
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind

pytestmark = pytest.mark.data
FRAME: Final = frame(1)
READER: Final = StreamReader("enriched-blocks", lambda schema_id: schema_of("enriched-blocks"))
FILES: Final = sorted((ROOT / "examples" / "rules").glob("*.yaml"))
DEAR: Final = "mainnet-rlp-verified/14764013/input"
"""A block with a base fee of 114 gwei: those that follow each other had up to 77."""
DEPTH: Final = 3

TRANSFER: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
FOR_ALL: Final = "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31"
PAIR_CREATED: Final = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
OWNED: Final = "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"
GRANTED: Final = "0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d"
USDC: Final = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
FACTORY: Final = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "exchanges": (
        "0x28c6c06298d514db089934071355e5743bf21d60",
        "0x21a31ee1afc51d94c2efccaa2092ad1028285549",
        "0xdfd5293d8e347dfe59e90efd55b2956a1343963d",
        "0xa69babef1ca67a37ffaf7a485dfff3382056e78c",
        "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640",
    ),
    "watched": (
        "0x28c6c06298d514db089934071355e5743bf21d60",
        "0x6842811df0fcfaa4c3b8ba6567dfafb9d4f3c23d",
        "0x226597281b5706ffb963f1890b5a2794f86e5228",
        "0x92f3f71cef740ed5784874b8c70ff87ecdf33588",
        "0x3c970bbdae5e274d08a1571dcd813fcc7beffa10",
        "0x6cfc82ea7010b660c683598af87464ee1010e947",
    ),
    "spenders": (
        "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
        "0x000000000022d473030f116ddee9f6b43ac78ba3",
    ),
    "watched_contracts": (
        "0xf29b2c85b62e7aa4843ad77afdb7b441a1090dad",
        "0x0000000001d11ff1aaee65e923f5657e45b260e1",
    ),
    "watched_tokens": (
        "0x5f98805a4e8be255a32880fdec7f6728c6568ba0",
        "0x6b175474e89094c44da98b954eedeac495271d0f",
        "0xc36442b4a4522e871399cd717abdd847ab11fe88",
    ),
}


def _chain() -> list[Case]:
    every = list(cases())
    return [
        *(each for each in every if each.name == DEAR),
        *(each for each in every if "contiguous" in each.name and each.receipts is not None),
    ]


def _events(chain: list[Case]) -> Iterator[tuple[Envelope, tuple[bytes, ...]]]:
    """The blocks; then the last ones leave, and come again."""
    told = []
    for place, case in enumerate(chain):
        own = envelope(answer(case.block), sequence=SEQUENCE + place)
        body = FRAME + normalized_body(case, sequence=own.sequence)
        told.append((own, tuple(enrich(own, [body], lambda _: FRAME).values)))
    yield from told
    again = told[-DEPTH:]
    for kind, blocks in ((EventKind.REVERT, again[::-1]), (EventKind.APPLY, again)):
        for own, values in blocks:
            place += 1
            yield replace(own, event=kind, sequence=SEQUENCE + place), values


def _found(chain: list[Case]) -> Counter[tuple[str, object]]:
    """What stands in the end."""
    alerting = Alerting("ethereum", compile_rule)
    texts = {own: text for file in FILES for own, text in rules_of(file.read_text("utf-8"), file.name)}
    keys = {f"rule:{own}": text for own, text in texts.items()}
    keys |= {f"list:{name}:{each}": "" for name, members in LISTS.items() for each in members}
    changes = [Change(offset, *each) for offset, each in enumerate(keys.items())]
    latest: dict[bytes, Version] = {}
    for own, values in _events(chain):
        alerting.adopt(own.sequence, changes)
        latest |= alerting.handle(own, values, READER).versions
        assert not alerting.errors
    return Counter(
        (each.alert.rule_id, _shown(each)) for each in latest.values() if each.status is not Status.RETRACTED
    )


def _shown(version: Version) -> object:
    alert = version.alert
    if alert.window_start is not None:
        return *alert.group.values(), alert.window_start
    if alert.rule_id == "deep-reorg":
        return alert.values["depth"], alert.values["old_block_number"]
    if alert.transaction_hash is None:
        return version.block.number
    return f"0x{alert.transaction_hash.hex()}", alert.log_index


def _expected(chain: list[Case]) -> Iterator[tuple[str, object]]:
    """By the answers alone; cooldowns are longer than all blocks that follow each other take."""
    senders: set[str] = set()
    failed: defaultdict[tuple[str, int], int] = defaultdict(int)
    burst: dict[str, int] = {}
    for case in chain:
        block = answer(case.block)
        assert case.receipts is not None
        receipts = {each["transactionHash"]: each for each in answer(case.receipts)}
        if int(block["baseFeePerGas"], 16) > 100 * 10**9:
            yield "base-fee-spike", int(block["number"], 16)
        time = int(block["timestamp"], 16)
        for transaction in block["transactions"]:
            own, receipt = (transaction["hash"], None), receipts[transaction["hash"]]
            if transaction["from"] in LISTS["watched"]:
                yield "watched-address-sends", own
            if transaction["to"] in LISTS["watched"] and receipt["status"] == "0x1":
                yield "watched-address-receives", own
            if transaction["to"] and receipt["status"] == "0x0":
                for start in range(time // 60 * 60 - 240, time + 1, 60):
                    failed[transaction["to"], start] += 1
            for log in receipt["logs"]:
                yield from _of_log(log, (own[0], int(log["logIndex"], 16)), senders)
        for (receiver, start), count in sorted(failed.items()):
            if count >= 20:
                burst.setdefault(receiver, start)
    yield from (("failed-transaction-burst", (own, start * 1_000)) for own, start in burst.items())
    yield "deep-reorg", (str(DEPTH), str(int(block["number"], 16)))


def _of_log(log: dict[str, Any], own: object, senders: set[str]) -> Iterator[tuple[str, object]]:
    if not log["topics"]:
        return
    (event, *topics), data, address = log["topics"], log["data"], log["address"]
    first, second = [*(f"0x{each[-40:]}" for each in topics[:2]), "", ""][:2]
    amount = int(data[2:66] or "0", 16)
    exchanges, watched = LISTS["exchanges"], LISTS["watched"]
    if event == TRANSFER and len(topics) in (2, 3):
        if address == USDC and amount > 10**12 and not (first in exchanges and second in exchanges):
            if first not in senders:
                yield "large-usdc-transfer", own
            senders.add(first)
        if second in watched:
            yield "watched-address-receives-token", own
        if address in LISTS["watched_tokens"] and 0 in (int(first, 16), int(second, 16)):
            yield "mint-or-burn", own
    known = second in LISTS["spenders"]
    if event == APPROVAL and len(topics) == 2 and first in watched and not known and amount:
        yield "approval-to-unknown-spender", own
    if event == FOR_ALL and first in watched and not known and amount:
        yield "approval-for-all-to-unknown-operator", own
    if event in (OWNED, GRANTED) and address in LISTS["watched_contracts"]:
        yield "control-of-watched-contract", own
    if event == PAIR_CREATED and address == FACTORY:
        yield "uniswap-v2-pair-created", own


@pytest.mark.usefixtures("shared_data")
def test_the_examples_say_of_real_blocks_what_the_answers_say() -> None:
    chain = _chain()
    expected = Counter(_expected(chain))
    assert _found(chain) == expected
    rules = {own for file in FILES for own, _ in rules_of(file.read_text("utf-8"), file.name)}
    assert {rule for rule, _ in expected} == rules, "each of them has something to say"
