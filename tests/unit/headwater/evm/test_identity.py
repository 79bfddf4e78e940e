"""Identities are for ever: the vector below is published in the design of the topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Permanent
from headwater.evm.identity import EventIds, HexKeys, RecordKind, event_id

BLOCK_17686111 = bytes.fromhex("0cfdc76bb857a33767b4259a0ca8c0c3cb48cd7be8aff17bc1ed20dc4cffd7bd")
_places = st.tuples(
    st.sampled_from(RecordKind),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63 - 1),
)


def test_published_vector() -> None:
    assert event_id(1, BLOCK_17686111, RecordKind.LOG, 0).hex() == "657a56476db59a2a0a35b8b9e36228dd"


def test_kinds_keep_their_numbers() -> None:
    assert [kind.name for kind in sorted(RecordKind)] == [
        "BLOCK",
        "TRANSACTION",
        "LOG",
        "TOKEN_TRANSFER",
        "NATIVE_TRANSFER",
        "TRACE",
        "CONTRACT",
        "WITHDRAWAL",
    ]
    assert sorted(RecordKind) == list(range(1, 9))


@given(_places, _places)
def test_different_places_have_different_ids(
    one: tuple[RecordKind, int, int, int], other: tuple[RecordKind, int, int, int]
) -> None:
    ids = [
        event_id(chain_id, BLOCK_17686111, kind, index, sub) for kind, index, sub, chain_id in (one, other)
    ]
    assert len(ids[0]) == 16
    assert (ids[0] == ids[1]) == (one == other)


def test_ids_of_a_block_are_those_of_single_records() -> None:
    assert EventIds(5, BLOCK_17686111).of(RecordKind.TOKEN_TRANSFER, 3, 2) == event_id(
        5, BLOCK_17686111, RecordKind.TOKEN_TRANSFER, 3, 2
    )


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        event_id(1, BLOCK_17686111[1:], RecordKind.LOG, 0)


def test_keys_are_lowercase_hex() -> None:
    assert HexKeys()[bytes.fromhex("AB" * 20)] == b"0x" + b"ab" * 20


@pytest.mark.parametrize(
    ("chain_id", "index", "sub_index", "told"),
    [
        (-1, 0, 0, "chain_id -1"),
        (1 << 64, 0, 0, f"chain_id {1 << 64}"),
        (1, -1, 0, "LOG has index -1"),
        (1, 1 << 32, 0, f"LOG has index {1 << 32}"),
        (1, 0, -1, "sub-index -1"),
    ],
    ids=["chain below", "chain above", "index below", "index above", "sub-index below"],
)
def test_numbers_that_no_record_has_are_told(chain_id: int, index: int, sub_index: int, told: str) -> None:
    with pytest.raises(Permanent, match=told):
        event_id(chain_id, BLOCK_17686111, RecordKind.LOG, index, sub_index)
