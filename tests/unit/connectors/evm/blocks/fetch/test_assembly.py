"""A block put together with what a node lists as its receipts."""

from __future__ import annotations

import json
from typing import cast

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import decode_block
from connectors.evm.blocks.fetch.assembly import Assembly
from connectors.evm.blocks.fetch.checking import Checking
from connectors.evm.blocks.fetch.fetched import Fetched
from connectors.evm.blocks.fetch.traces import Traces
from connectors.evm.pool.rejected import Rejected
from connectors.evm.rpc.endpoint import Endpoint
from headwater.evm.bloom import Bloom
from headwater.settings.chain import Exemption
from tests.builders.chain_answers import Answer, block, encoded, receipt, transaction

GAS = {"gasUsed": hex(72_000)}
NOBODYS = receipt(7, gasUsed=hex(30_000), cumulativeGasUsed=hex(51_000))
"""Of a call that is not a transaction of the block, as some nodes list it."""


class Node:
    """Has the receipts already: whoever asks is in error."""

    name = "node"


async def whole(*receipts: Answer, exempt: tuple[Exemption, ...] = ()) -> Fetched:
    checking = Checking("chain", Verifier(Bloom(), header_hash=False, logs_bloom=False, exempt=exempt))
    assembly = Assembly(checking, Traces("off", checking), block_receipt=False)
    raw = encoded(block([transaction(0), transaction(1)], **GAS))
    listed = json.dumps(receipts).encode()
    return await assembly.whole(cast(Endpoint, Node()), decode_block(raw), memoryview(raw), listed, True)


async def test_gas_of_a_receipt_that_is_left_out_counts_for_those_behind_it() -> None:
    given = (receipt(0), NOBODYS, receipt(1, cumulativeGasUsed=hex(72_000)))
    fetched = await whole(*given, exempt=("unlisted",))
    hashes = [each["transactionHash"] for each in json.loads(fetched.content.receipts)]
    assert hashes == [transaction(0)["hash"], transaction(1)["hash"]]
    with pytest.raises(Rejected, match=r"receipts\[1\]\.gasUsed is 21000"):
        await whole(*given)


async def test_without_one_each_receipt_adds_its_own() -> None:
    with pytest.raises(Rejected, match=r"receipts\[1\]\.gasUsed is 21000"):
        await whole(receipt(0), receipt(1, cumulativeGasUsed=hex(72_000)))
