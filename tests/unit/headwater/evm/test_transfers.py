"""Transfers are read strictly: what an ABI decoder refuses is not a transfer, what it takes is the same."""

from __future__ import annotations

import pytest
import sha3
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.evm.transfers import (
    SYSTEM_ADDRESS,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    Transfer,
    transfers_of,
)

OPERATOR, SENDER, RECEIVER, TOKEN = (bytes([number]) * 20 for number in (1, 2, 3, 4))
UINT256 = st.integers(0, 2**256 - 1)


def word(address: bytes) -> bytes:
    return bytes(12) + address


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


ERC20_TOPICS = [TRANSFER, word(SENDER), word(RECEIVER)]
ERC1155_TOPICS = [TRANSFER_BATCH, word(OPERATOR), word(SENDER), word(RECEIVER)]


@pytest.mark.parametrize(
    ("signature", "topic"),
    [
        ("Transfer(address,address,uint256)", TRANSFER),
        ("TransferSingle(address,address,address,uint256,uint256)", TRANSFER_SINGLE),
        ("TransferBatch(address,address,address,uint256[],uint256[])", TRANSFER_BATCH),
    ],
)
def test_topics_are_the_hashes_of_the_signatures(signature: str, topic: bytes) -> None:
    assert sha3.keccak_256(signature.encode()).digest() == topic


@given(UINT256)
def test_erc20(value: int) -> None:
    assert transfers_of(TOKEN, ERC20_TOPICS, number(value)) == (
        Transfer("ERC20", None, SENDER, RECEIVER, None, str(value)),
    )


@given(UINT256)
def test_erc721(token_id: int) -> None:
    assert transfers_of(TOKEN, [*ERC20_TOPICS, number(token_id)], b"") == (
        Transfer("ERC721", None, SENDER, RECEIVER, str(token_id), "1"),
    )


@given(UINT256, UINT256)
def test_erc1155_single(token_id: int, value: int) -> None:
    topics = [TRANSFER_SINGLE, *ERC1155_TOPICS[1:]]
    assert transfers_of(TOKEN, topics, number(token_id) + number(value)) == [
        Transfer("ERC1155", OPERATOR, SENDER, RECEIVER, str(token_id), str(value))
    ]


@given(st.lists(st.tuples(UINT256, UINT256), max_size=5))
def test_erc1155_batch_is_expanded_in_order(entries: list[tuple[int, int]]) -> None:
    data = encode(["uint256[]", "uint256[]"], [[a for a, _ in entries], [b for _, b in entries]])
    assert transfers_of(TOKEN, ERC1155_TOPICS, data) == [
        Transfer("ERC1155", OPERATOR, SENDER, RECEIVER, str(token_id), str(value), place)
        for place, (token_id, value) in enumerate(entries)
    ]


@pytest.mark.parametrize("place", [1, 2])
@pytest.mark.parametrize(
    ("topics", "data"),
    [
        (ERC20_TOPICS, number(1)),
        ([*ERC20_TOPICS, number(1)], b""),
        ([TRANSFER_SINGLE, *ERC1155_TOPICS[1:]], number(1) + number(2)),
    ],
)
def test_a_word_with_dirty_upper_bytes_is_no_address(topics: list[bytes], data: bytes, place: int) -> None:
    assert len(transfers_of(TOKEN, topics, data)) == 1
    dirty = list(topics)
    dirty[place] = bytes(11) + b"\x01" + dirty[place][12:]
    assert transfers_of(TOKEN, dirty, data) == ()


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([], b""),
        ([TRANSFER], number(1) * 3),  # nothing indexed: ERC-20 and ERC-721 cannot be told apart
        ([TRANSFER, word(SENDER)], number(2) * 2),
        (ERC20_TOPICS, b""),
        (ERC20_TOPICS, number(1)[1:]),
        (ERC20_TOPICS, number(1) + b"\x00"),
        ([*ERC20_TOPICS, number(1)], number(1)),
        ([bytes(32), word(SENDER), word(RECEIVER)], number(1)),
        ([TRANSFER_SINGLE, *ERC1155_TOPICS[1:3]], number(1) * 2),
        ([TRANSFER_SINGLE, *ERC1155_TOPICS[1:]], number(1) * 3),
        (ERC1155_TOPICS, number(64) + number(128) + number(1) + number(9) + number(2) + number(9) * 2),
    ],
)
def test_what_is_not_exactly_an_event_of_a_standard_is_no_transfer(topics: list[bytes], data: bytes) -> None:
    assert list(transfers_of(TOKEN, topics, data)) == []


@given(UINT256, st.binary(min_size=20, max_size=20))
def test_ether_that_moves_is_no_tokens_transfer(amount: int, emitter: bytes) -> None:
    """A log of EIP-7708: by its topics and data an ERC-20's, of an address that no token has."""
    log = ERC20_TOPICS, number(amount)
    assert transfers_of(SYSTEM_ADDRESS, *log) == ()
    assert len(transfers_of(emitter, *log)) == (emitter != SYSTEM_ADDRESS)


_WORDS = st.one_of(
    st.sampled_from([0, 1, 2, 32, 63, 64, 65, 96, 128, 160, 192, 2**64, 2**256 - 1]).map(number),
    st.binary(min_size=32, max_size=32),
)


@given(st.lists(_WORDS, max_size=10), st.binary(max_size=33))
@example([number(64), number(64), number(1), number(5)], b"")  # both arrays are the same bytes
@example([number(64), number(96), number(0), number(0)], b"")
@example([number(65), number(65)], bytes(40))  # an offset between two words
def test_batches_are_what_an_abi_decoder_says(words: list[bytes], tail: bytes) -> None:
    data = b"".join(words) + tail
    try:
        ids, values = decode(["uint256[]", "uint256[]"], data)
    except (DecodingError, OverflowError):
        expected: list[tuple[str | None, str]] = []
    else:
        pairs = zip(ids, values, strict=True) if len(ids) == len(values) else ()
        expected = [(str(token_id), str(value)) for token_id, value in pairs]
    found = transfers_of(TOKEN, ERC1155_TOPICS, data)
    assert [(each.token_id, each.value) for each in found] == expected
    assert [each.batch_index for each in found] == list(range(len(found)))


@given(st.lists(_WORDS, max_size=5), st.binary(max_size=200))
def test_nothing_makes_it_fail(topics: list[bytes], data: bytes) -> None:
    for first in (TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH):
        for each in transfers_of(TOKEN, [first, *topics], data):
            assert len(each.sender) == len(each.receiver) == 20
