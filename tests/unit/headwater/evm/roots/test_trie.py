"""The root of a list, beside py-trie and beside roots that are public facts."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from headwater.evm.answers.shapes import Withdrawal
from headwater.evm.roots import trie
from headwater.evm.roots.withdrawals import encoded


def peer(values: list[bytes]) -> bytes:
    tries = pytest.importorskip("trie", reason="py-trie is not installed: `make env`")
    other = tries.HexaryTrie({})
    for index, value in enumerate(values):
        other[rlp.encode(index)] = value
    return bytes(other.root_hash)


# Values shorter than a hash stand in the node above them.
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=40))
def test_it_is_the_root_that_py_trie_finds(values: list[bytes]) -> None:
    assert trie.root(values) == peer(values)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 255, 256, 257, 300])
def test_also_where_keys_become_longer(count: int) -> None:
    values = [index.to_bytes(40, "big") for index in range(count)]
    assert trie.root(values) == peer(values)


def test_an_empty_list_has_the_empty_root() -> None:
    assert trie.root([]).hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_the_order_belongs_to_the_root() -> None:
    assert trie.root([b"a" * 40, b"b" * 40]) != trie.root([b"b" * 40, b"a" * 40])


def test_a_short_withdrawal_is_whole_in_its_leaf() -> None:
    # Of a chain just begun: 26 bytes.
    short = encoded(Withdrawal("0x0", "0x1", "0x" + "22" * 20, "0x3"))
    assert len(short) < 32
    assert trie.root([short, short]) == peer([short, short])
