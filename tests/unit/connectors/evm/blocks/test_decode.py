"""Hostile quantities in a node's answers are bad answers, whatever their length or alphabet."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.evm.blocks.checks import Verifier
from connectors.evm.blocks.decode import LAST_SECOND, ShapeError, decode_block, decode_receipts
from connectors.evm.blocks.errors import CheckError
from connectors.evm.blocks.roots import RootChecks
from connectors.evm.rpc.answers import HttpAnswer, result_of
from headwater.evm.bloom import Bloom
from tests.builders import chain_answers
from tests.builders.chain_answers import encoded, receipt, transaction

HOSTILE = [
    "",
    "0x",
    "²",
    "0x_1",
    "-0x1",
    "0x" + "f" * 17,
    "0x" + "f" * 100_000,
    "9" * 5_000,
    None,
    7,
    ["0x1"],
]


def block(**changes: object) -> bytes:
    return encoded(chain_answers.block([transaction()], **changes))


@pytest.mark.parametrize("field", ["number", "timestamp"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: str(text)[:12])
def test_a_height_or_time_that_no_column_holds_is_no_block(field: str, text: object) -> None:
    with pytest.raises(ShapeError, match=field) as raised:
        decode_block(block(**{field: text}))
    assert len(str(raised.value)) < 200


def test_the_latest_time_is_the_last_that_a_column_holds() -> None:
    last = decode_block(block(timestamp=hex(LAST_SECOND))).head.timestamp_ms
    assert datetime.fromtimestamp(last / 1000, UTC).year == 2299
    with pytest.raises(ShapeError):
        decode_block(block(timestamp=hex(LAST_SECOND + 1)))


@pytest.mark.parametrize(
    "text",
    [text for text in HOSTILE if isinstance(text, str) and text not in ("0x", "")],
    ids=lambda t: t[:12],
)
def test_an_index_that_is_none_is_said_in_few_words(text: str) -> None:
    with pytest.raises((ShapeError, CheckError), match=r"receipts\[0\]\.transactionIndex") as raised:
        Verifier(Bloom()).check(
            decode_block(block()), decode_receipts(encoded([receipt(transactionIndex=text)]))
        )
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("indent", [None, 1, 2, 4, 8, 40, "\t"])
def test_hashes_in_place_of_transactions_are_told_however_the_answer_is_indented(
    indent: int | str | None,
) -> None:
    listed = [transaction(each)["hash"] for each in range(2)]
    within = {"id": 0, "result": chain_answers.block([]) | {"transactions": listed}}
    pretty = json.dumps(within, indent=indent).encode()
    found = decode_block(result_of("node", "eth_getBlockByNumber", HttpAnswer(200, pretty)))
    assert found.records is None
    assert found.transactions == tuple(listed)


@pytest.mark.parametrize("field", ["hash", "parentHash", "miner", "extraData", "gasUsed"])
@pytest.mark.parametrize(
    "text", ["0x" + "f" * 1_000_000, "0x" + "ab" * 31 + "  ", "zz" + "ab" * 32], ids=lambda t: t[-4:]
)
def test_a_header_that_is_no_hex_is_refused_in_few_words(field: str, text: str) -> None:
    hashes_alone = chain_answers.block([]) | {"transactions": ["0x" + "ab" * 32], field: text}
    with pytest.raises((ShapeError, CheckError)) as raised:
        Verifier(Bloom()).check_header(decode_block(encoded(hashes_alone)))
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("text", ["0xzz", "0x1_0", "-0x1", "0x1 ", "0x,0x1", "0x１"])
def test_a_chain_id_that_is_no_quantity_is_refused_where_it_is_read(text: str) -> None:
    """It is read only for the root of the transactions, and kept as it came where that is not checked."""
    given = decode_block(encoded(chain_answers.block([transaction(type="0x2", chainId=text)])))
    roots = RootChecks(Bloom(), "all")
    assert given.records is not None
    with pytest.raises(CheckError, match=r"block .*: a transaction's field is not hex"):
        roots.check(given, given.records, decode_receipts(encoded([receipt()])))


ABSENT = ["to", "contractAddress", "status", "effectiveGasPrice", "root", "type", "l1Fee", "blockNumber"]


@pytest.mark.parametrize("nothing", ["", "0x", None], ids=repr)
@pytest.mark.parametrize("field", ABSENT)
def test_what_can_be_absent_is_so_however_that_is_written(field: str, nothing: object) -> None:
    found = decode_receipts(encoded([receipt(**{field: nothing})]))
    name = "".join(f"_{each.lower()}" if each.isupper() else each for each in field)
    assert getattr(found[0], name) is None


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_state_root_of_another_length_is_named_and_never_read_as_one(size: int) -> None:
    root = "0x" + "01" * size
    with pytest.raises(ShapeError, match=rf"receipts\[0\]\.root is '0x01.*: {size} bytes, not 32"):
        decode_receipts(encoded([receipt(root=root)]))


@pytest.mark.parametrize("bloom", ["", "0x", None, "0x0", "0x00", "0x" + "00" * 128], ids=str)
def test_no_bloom_is_none_however_it_is_written(bloom: object) -> None:
    records = decode_block(block(logsBloom=bloom)).records
    assert records is not None
    assert records.logs_bloom is None
    with pytest.raises(ShapeError, match=r"logsBloom is '0x01': 1 bytes, not 256"):
        decode_block(block(logsBloom="0x01"))


@pytest.mark.parametrize("data", ["", "0x"])
def test_no_data_is_empty(data: str) -> None:
    records = decode_block(encoded(chain_answers.block([transaction(input=data)], extraData=data))).records
    assert records is not None
    assert records.transactions is not None
    assert (records.transactions[0].input, records.extra_data) == ("0x", "0x")
