"""The listener where an answer holds more than a later stage takes: nothing of it is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.errors import Fatal
from headwater.evm.answers.canonical import DEEPEST
from sandbox.node import RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import MemoryStore, hashes, make_rig, served, settled_rig

Edit = Callable[[object], object]
LARGE = "x" * (31 << 20)


def _of_header(name: str, value: object) -> Edit:
    return lambda block: block | {name: value} if isinstance(block, dict) else block


def _of_transaction(name: str, value: object) -> Edit:
    def edit(block: object) -> object:
        if not isinstance(block, dict) or not isinstance(block["transactions"][0], dict):
            return block
        first, *others = block["transactions"]
        return block | {"transactions": [first | {name: value}, *others]}

    return edit


def _of_receipt(name: str, value: object) -> Edit:
    return lambda receipts: (
        [receipts[0] | {name: value}, *receipts[1:]] if isinstance(receipts, list) else receipts
    )


def _nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


BLOCK, RECEIPTS = "eth_getBlockByNumber", "eth_getBlockReceipts"
EDITS: dict[str, tuple[Edit, str]] = {
    "megabytes in the header": (_of_header("blockAccessList", ["0x" + "22" * 32] * 20_000), BLOCK),
    "uncles without end": (_of_header("uncles", ["0x" + "22" * 32] * 40_000), BLOCK),
    "a transaction above a message": (_of_transaction("note", LARGE), BLOCK),
    "a receipt above a message": (_of_receipt("note", LARGE), RECEIPTS),
    "nested too deep": (_of_transaction("note", _nested(DEEPEST + 1)), BLOCK),
    "nested too deep in a receipt": (_of_receipt("note", _nested(DEEPEST + 1)), RECEIPTS),
    "a status above a byte": (_of_receipt("status", "0x100"), RECEIPTS),
}


@pytest.mark.parametrize("what", EDITS)
async def test_another_endpoint_is_asked(what: str) -> None:
    chain, node = served(3)
    other = RecordedNode(chain)
    other.set_lags(2, 4)
    edit, method = EDITS[what]
    other.faults.add(f.Changed(edit), method, times=99)
    store = MemoryStore()
    await settled_rig(store, [other, node])
    assert hashes(store) == chain.hashes
    assert other.faults.taken >= 1


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("megabytes in the header", r"its header has about 1\d+ bytes, 1\d+ of them in 'blockAccessList'"),
        ("a transaction above a message", r"transactions\[0\] has about 3\d+ bytes, 3\d+ of them in 'note'"),
    ],
    ids=["header", "record"],
)
async def test_a_block_that_is_too_large_everywhere_stops_with_the_settings(what: str, said: str) -> None:
    chain, node = served(3)
    other = RecordedNode(chain)
    edit, method = EDITS[what]
    for each in (node, other):
        each.faults.add(f.Changed(edit), method, times=999)
    store = MemoryStore()
    rig = make_rig(store, [node, other])
    await rig.log.open()
    alike = r"and at most \d+ are published, alike at every endpoint; .*CHAIN__RPC.*CHAIN__START"
    with pytest.raises(Fatal, match=rf"block 1: {said}, {alike}"):
        await rig.settle()
    assert hashes(store) == []
